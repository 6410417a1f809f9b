"""Which cars are there, and what was known of each last."""

import pytest
from msgspec.structs import replace

from hq import units
from hq.units import LastKnown
from terminal.contract.messages import Position, Presence, TrackBatch, Who
from terminal.contract.topics import Lane
from tests.unit.hq_scene import LJUBLJANA, NOW_MS, REALM, UNIT, duty, published, raised, track

NEW = units.unknown((REALM, UNIT))


def online(incarnation: str = "b") -> Presence:
    return Presence(incarnation=incarnation, online=True, who=Who(unit=UNIT, call_sign="Sava 1"), pending=3)


def gone(incarnation: str) -> Presence:
    return Presence(incarnation=incarnation, online=False)


@pytest.mark.promise("P-WATCH-03")
def test_an_old_will_does_not_end_a_new_session() -> None:
    unit = units.present(NEW, online("b"), 1.0)
    assert units.present(unit, gone("a"), 2.0).online
    assert not units.present(unit, gone("b"), 2.0).online


def test_presence_tells_who_it_is_and_what_waits() -> None:
    unit = units.present(NEW, online(), 1.0)
    assert (unit.last.who.call_sign, unit.pending) == ("Sava 1", 3)


@pytest.mark.promise("P-WATCH-04")
def test_any_message_shows_that_a_car_is_there_and_silence_that_it_is_not() -> None:
    unit = units.heard(NEW, 10.0)
    assert unit.online
    assert not units.is_silent(unit, 29.0, 20.0)
    assert units.is_silent(unit, 31.0, 20.0)


def test_a_late_or_repeated_duty_does_not_replace_a_newer_one() -> None:
    last = units.told(NEW.last, duty(2, "on-scene"), NOW_MS)
    assert units.told(last, duty(1, "available"), NOW_MS).duty == "on-scene"
    assert units.told(last, duty(3, "available"), NOW_MS).duty == "available"
    assert units.told(last, duty(1, "busy", outbox="another"), NOW_MS).duty == "busy"


def test_the_newest_position_counts_whatever_brought_it() -> None:
    last = units.told(NEW.last, track(5, 6), NOW_MS)
    assert last.position is not None
    assert last.position.utc_ms == NOW_MS + 6
    assert units.told(last, track(1, 2, late=True), NOW_MS) == last
    assert units.told(last, raised(), NOW_MS).position == last.position


@pytest.mark.promise("P-KIND-07")
def test_where_a_silent_alarm_is_does_not_move_the_car_for_its_neighbours() -> None:
    last = units.told(NEW.last, track(1), NOW_MS)
    ahead = replace(LJUBLJANA, utc_ms=NOW_MS + 60_000)
    assert units.told(last, raised(position=ahead, silent=True), NOW_MS + 60_000) == last
    assert units.told(last, raised(position=ahead), NOW_MS + 60_000).position == ahead


def test_a_position_without_a_time_is_taken_only_while_none_with_a_time_is_known() -> None:
    undated = Position(lat_deg=45.0, lon_deg=20.0)
    first = units.told(NEW.last, raised(position=undated), NOW_MS)
    assert first.position == undated
    dated = units.told(first, track(1), NOW_MS)
    assert units.told(dated, raised(position=undated), NOW_MS).position == dated.position


def test_an_undated_point_that_waited_out_an_outage_is_no_news() -> None:
    known = units.told(NEW.last, raised(position=Position(lat_deg=45.0, lon_deg=20.0)), NOW_MS)
    late = replace(track(1, late=True).arrivals[0].point, utc_ms=None)
    publication = published(Lane.TRACK, TrackBatch("outbox", Who(unit=UNIT), (late,), late=True))
    assert units.told(known, publication, NOW_MS).position == known.position


def test_a_position_from_the_far_future_does_not_hold_the_car_there() -> None:
    ahead = Position(lat_deg=45.0, lon_deg=20.0, utc_ms=NOW_MS + 20 * 365 * 86_400_000)
    last = units.told(NEW.last, raised(position=ahead), NOW_MS)
    after = units.told(last, track(1), NOW_MS).position
    assert after is not None
    assert after.utc_ms == NOW_MS + 1


HOUR_MS = 3_600_000


@pytest.mark.promise("P-KIND-13")
def test_a_chain_that_was_not_proved_lately_is_not_proved() -> None:
    def proved_after(hours: float) -> bool:
        return units.is_proved(replace(NEW, proved_ms=NOW_MS), NOW_MS + round(hours * HOUR_MS), 24 * HOUR_MS)

    assert not units.is_proved(NEW, NOW_MS, 24 * HOUR_MS)
    assert [proved_after(hours) for hours in (0, 24, 24.1, -0.05, -1)] == [True, True, False, True, False]


def test_a_car_is_on_duty_while_it_is_there_and_its_crew_says_so() -> None:
    working = replace(units.heard(NEW, 1.0), last=replace(NEW.last, duty="available"))
    assert units.is_on_duty(working, ["out-of-service"])
    assert not units.is_on_duty(replace(working, online=False), ["out-of-service"])
    assert not units.is_on_duty(working, ["available"])
    assert not units.is_on_duty(units.heard(NEW, 1.0), ["out-of-service"])


def test_what_is_known_can_be_stored() -> None:
    assert NEW.last == LastKnown(realm=REALM, unit=UNIT, who=Who(unit=UNIT))
