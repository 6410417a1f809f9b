"""The way to headquarters counts as proved by a receipt, for as long as is configured, and over restarts."""

from collections.abc import Callable

import pytest

from terminal.asked import RaiseAlarm
from terminal.contract.messages import AlarmStatus, DesiredState
from terminal.core.inputs import Commanded, Published, Received, StateDesired, Stored, Tick
from terminal.shown import ProvedView
from tests.unit.core_scene import RULES, Car, places

DAY_S = RULES.alarms.prove_every_s
UTC_MS = 1_800_000_000_000


def raised(kind: str = "test", *, silent: bool = False, utc_ms: int | None = None) -> Car:
    car = Car()
    car.utc_ms = utc_ms
    car.take(Commanded(RaiseAlarm(kind=kind, silent=silent)), 90.0)  # type: ignore[arg-type]
    return car


def proved(**fields: object) -> Car:
    """By a receipt at 100 s of the first boot."""
    car = raised(**fields)  # type: ignore[arg-type]
    car.take(Received((car.state.emergency.alarms[0].raised_id,)), 100.0)
    return car


def seen_s(view: ProvedView | None) -> tuple[float | None, bool]:
    assert view is not None
    return None if view.mono_ns is None else view.mono_ns / 1e9, view.due


@pytest.mark.promise("P-KIND-13")
@pytest.mark.parametrize("kind", ["test", "exercise", "real"])
def test_any_alarm_whose_receipt_came_back_proves_the_way_and_only_for_so_long(kind: str) -> None:
    car = proved(kind=kind)
    assert seen_s(car.shown_at(100.0 + DAY_S).proved) == (100.0, False)
    assert seen_s(car.shown_at(101.0 + DAY_S).proved) == (100.0, True)


@pytest.mark.parametrize(
    "told", [lambda ids: Stored(places(*ids)), Published, lambda ids: Received(("other", *ids[1:]))]
)
def test_nothing_less_proves_it(told: Callable[[tuple[str, ...]], object]) -> None:
    car = raised()
    car.take(told((car.state.emergency.alarms[0].raised_id,)), 100.0)  # type: ignore[arg-type]
    assert seen_s(car.shown.proved) == (None, True)


def test_an_answer_of_the_desk_proves_it_too() -> None:
    car = raised()
    status = AlarmStatus(car.state.emergency.alarms[0].incident, acknowledged_by="Novak", signals=1)
    car.take(StateDesired(DesiredState(revision=1, alarms=(status,))), 100.0)
    assert seen_s(car.shown.proved) == (100.0, False)


@pytest.mark.promise("P-KIND-05", "P-KIND-07")
def test_a_silent_alarm_does_not_show_even_by_this() -> None:
    assert seen_s(proved(silent=True).shown.proved) == (None, True)


def test_a_receipt_of_an_earlier_run_says_not_when_it_came() -> None:
    car = raised()
    car.take(Received((car.state.emergency.alarms[0].raised_id,), recalled=True), 100.0)
    assert car.state.emergency.alarms[0].received
    assert seen_s(car.shown.proved) == (None, True)


def test_it_outlives_core() -> None:
    assert seen_s(proved().restarted(200.0).shown.proved) == (100.0, False)


def test_in_a_later_boot_it_is_known_once_a_trusted_clock_says_how_long_ago_it_was() -> None:
    car = proved(utc_ms=UTC_MS).restarted(10.0, boot="boot-2")
    assert seen_s(car.shown.proved) == (None, True)
    car.utc_ms = UTC_MS + 3_600_000
    car.take(Tick(), 20.0)
    assert seen_s(car.shown.proved) == (20.0 - 3600.0, False)
    later = car.restarted(10.0, boot="boot-3")
    later.utc_ms = UTC_MS + round(DAY_S * 1000) + 20_000
    later.take(Tick(), 10.5)
    assert seen_s(later.shown.proved)[1] is True


def test_a_clock_that_is_trusted_only_after_the_proof_dates_it_for_later_boots() -> None:
    car = proved()
    car.utc_ms = UTC_MS + 50_000
    car.take(Tick(), 150.0)
    later = car.restarted(10.0, boot="boot-2")
    later.utc_ms = UTC_MS + 60_000
    later.take(Tick(), 11.0)
    assert seen_s(later.shown.proved) == (11.0 - 60.0, False)


def test_without_any_clock_or_with_one_that_went_back_nobody_knows_how_long_ago_it_was() -> None:
    for utc_ms, then_ms in ((None, UTC_MS), (UTC_MS, None), (UTC_MS, UTC_MS - 1)):
        car = proved(utc_ms=utc_ms).restarted(10.0, boot="boot-2")
        car.utc_ms = then_ms
        car.take(Tick(), 20.0)
        assert seen_s(car.shown.proved) == (None, True)
