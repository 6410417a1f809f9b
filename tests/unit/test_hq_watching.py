"""Headquarters tells each silence once, with its cause as far as it is known; what is not known needs a look."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hq import taking, units
from hq.receiver import Receiver
from hq.silence import PLACE_TOLD_WITHIN_S, Silence
from hq.units import LastKnown, Unit
from hq.watching import Watching
from terminal.contract.dead_zones import DeadZones, cell_of
from terminal.contract.messages import Position, Presence, Who
from tests.unit.hq_scene import LJUBLJANA, REALM, UNIT, store_at

TUNNEL = cell_of(LJUBLJANA.lat_deg, LJUBLJANA.lon_deg)


class Desk:
    """Who watches, and what was told."""

    def __init__(self, zones: DeadZones | None = None) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.open_alarm = False
        self.watching = Watching(
            zones or DeadZones(), lambda *event: self.told.append(event), lambda _: self.open_alarm
        )

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.told if event == kind]

    def goes(self, unit: Unit, at_s: float, **facts: Any) -> Unit:
        return self.watching.changed(unit, replace(unit, online=False, **facts), at_s)

    def comes(self, unit: Unit, at_s: float) -> Unit:
        return self.watching.changed(unit, units.heard(unit, at_s), at_s)


def a_car(heard_s: float = 100.0, placed_s: float | None = 95.0, position: Position = LJUBLJANA) -> Unit:
    last = LastKnown(realm=REALM, unit=UNIT, who=Who(unit=UNIT), position=position)
    return Unit(last=last, online=True, incarnation="i", heard_s=heard_s, placed_s=placed_s)


def lost_and_back(desk: Desk, absent_s: float = 30.0, **facts: Any) -> None:
    lost = desk.goes(a_car(), 118.0, **facts)
    desk.comes(lost, 100.0 + absent_s)


def test_a_silence_has_a_cause_and_a_since_and_is_told_once() -> None:
    desk = Desk()
    silent = desk.goes(a_car(), 118.0)
    assert silent.silence == Silence.UNKNOWN
    (told,) = desk.events("unit-offline")
    assert (told["unit"], told["cause"]) == (UNIT, "unknown")
    assert told["since_ms"] == silent.silent_since_ms
    assert desk.goes(silent, 130.0) == silent
    assert desk.watching.looked_at(silent, 500.0) == silent
    back = desk.comes(silent, 600.0)
    assert (back.silence, back.silent_since_ms) == ("", None)
    assert [event for event, _ in desk.told] == ["unit-offline", "unit-online"]


@pytest.mark.promise("P-WATCH-02")
def test_what_the_car_said_before_is_planned() -> None:
    assert Desk().goes(a_car(), 118.0, goodbye=True).silence == Silence.PLANNED
    assert Desk().goes(replace(a_car(), ignition_on=False), 118.0).silence == Silence.PLANNED
    assert Desk().goes(replace(a_car(), ignition_on=True), 118.0).silence == Silence.UNKNOWN


def test_with_an_open_alarm_no_silence_is_planned() -> None:
    desk = Desk()
    planned = desk.goes(a_car(), 118.0, goodbye=True)
    desk.open_alarm = True
    assert desk.watching.looked_at(planned, 119.0).silence == Silence.UNKNOWN
    assert [one["cause"] for one in desk.events("unit-offline")] == ["planned", "unknown"]


@pytest.mark.promise("P-WATCH-02")
def test_a_place_where_cars_are_lost_and_come_back_explains_the_next() -> None:
    desk = Desk()
    for _ in range(2):
        lost_and_back(desk)
    assert desk.watching.unsaved
    assert desk.goes(a_car(), 118.0).silence == Silence.DEAD_ZONE
    elsewhere = a_car(position=replace(LJUBLJANA, lat_deg=45.0))
    assert desk.goes(elsewhere, 118.0).silence == Silence.UNKNOWN
    assert desk.goes(a_car(placed_s=100.0 - PLACE_TOLD_WITHIN_S - 1), 118.0).silence == Silence.UNKNOWN, "moved on"
    assert desk.goes(a_car(placed_s=None), 118.0).silence == Silence.UNKNOWN, "a place from before the start"


def test_a_planned_silence_teaches_nothing_of_the_place() -> None:
    desk = Desk()
    for _ in range(3):
        lost_and_back(desk, goodbye=True)
    assert desk.goes(a_car(), 118.0).silence == Silence.UNKNOWN


def test_a_car_that_stays_in_a_dead_zone_for_too_long_needs_a_look_and_that_is_told() -> None:
    desk = Desk()
    for _ in range(2):
        lost_and_back(desk, absent_s=90.0)
    silent = desk.goes(a_car(), 118.0)
    assert desk.watching.looked_at(silent, 100.0 + 179.0).silence == Silence.DEAD_ZONE
    assert desk.watching.looked_at(silent, 100.0 + 181.0).silence == Silence.UNKNOWN
    assert [one["cause"] for one in desk.events("unit-offline")][-2:] == ["dead-zone", "unknown"]


def test_cars_that_are_heard_from_a_place_speak_for_it() -> None:
    desk = Desk(DeadZones().lost_and_back(TUNNEL, 30.0).lost_and_back(TUNNEL, 30.0))
    elsewhere = a_car(position=replace(LJUBLJANA, lat_deg=45.0))
    for _ in range(12):
        desk.watching.moved(elsewhere, a_car())
        desk.watching.moved(a_car(), a_car())
    assert desk.goes(a_car(), 118.0).silence == Silence.UNKNOWN


@pytest.mark.promise("P-WATCH-02")
def test_a_headquarters_without_a_broker_calls_itself_deaf_once_and_gives_cars_time_when_it_hears_again() -> None:
    desk = Desk()
    for _ in range(3):
        desk.watching.line_is_down("b: nothing listens there")
    assert desk.watching.deaf_since_ms is not None
    quiet, gone = a_car(heard_s=100.0), replace(a_car(), online=False)
    assert desk.watching.line_is_up({1: quiet, 2: gone}, 500.0) == [replace(quiet, heard_s=500.0)]
    desk.watching.line_is_up({}, 501.0)
    assert desk.watching.deaf_since_ms is None
    assert [event for event, _ in desk.told] == ["deaf", "hearing"]


def test_what_was_learnt_outlives_headquarters(tmp_path: Path) -> None:
    zones = DeadZones().lost_and_back(TUNNEL, 30.0)
    store = store_at(tmp_path)
    assert store.zones() == DeadZones()
    taking.keep_zones(store, zones)
    store.close()
    store = store_at(tmp_path)
    assert store.zones() == zones
    store.close()


def test_presence_tells_what_is_planned_and_a_sleeping_bus_takes_nothing_back() -> None:
    off = Presence(incarnation="i", online=True, mono_ms=1000, ignition_on=False, signal_percent=12)
    unit = units.present(a_car(), off, 101.0)
    assert (unit.ignition_on, unit.signal_percent, unit.mono_ms) == (False, 12, 1000)
    asleep = units.present(unit, replace(off, mono_ms=9000, ignition_on=None), 109.0)
    assert asleep.ignition_on is False
    restarted = units.present(asleep, replace(off, incarnation="j", ignition_on=None), 120.0)
    assert restarted.ignition_on is None


def test_a_presence_that_was_overtaken_says_nothing_new() -> None:
    on = Presence(incarnation="i", online=True, mono_ms=9000, ignition_on=True, pending=1)
    unit = units.present(a_car(), on, 101.0)
    late = units.present(unit, replace(on, mono_ms=1000, ignition_on=False, pending=7), 102.0)
    assert late == replace(unit, heard_s=102.0)


def test_a_goodbye_is_the_cars_word_and_a_will_is_not() -> None:
    unit = units.present(a_car(), Presence(incarnation="i", online=True, mono_ms=1), 101.0)
    assert units.present(unit, Presence(incarnation="i", online=False, goodbye=True), 102.0).goodbye
    assert not units.present(unit, Presence(incarnation="i", online=False), 102.0).goodbye
    assert units.present(unit, Presence(incarnation="h", online=False, goodbye=True), 102.0) == unit


def test_no_car_is_called_silent_by_what_the_line_did_not_carry(tmp_path: Path) -> None:
    """Long ago by the clock, but nothing shows that the line would have brought its word since."""
    told: list[str] = []
    receiver = Receiver(store_at(tmp_path), lambda event, _: told.append(event), lambda *_: None)
    receiver.units[(REALM, UNIT)] = a_car(heard_s=-1000.0)

    async def is_there(line_heard_s: float) -> bool:
        receiver.look_for_silence(line_heard_s, silent_after_s=18.0)
        return receiver.units[(REALM, UNIT)].online

    assert asyncio.run(is_there(-985.0))
    assert not asyncio.run(is_there(-981.0))
    assert told == ["unit-offline"]
    receiver.close()
