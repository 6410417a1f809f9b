"""The selector: what the car page says of it, and that what needs reading is locked in every gear but Park."""

import pytest
from msgspec.structs import replace

from hal.readings import SignalValue, VehicleSignals
from terminal.core import vehicle
from terminal.core.channels import stale_after_ns
from terminal.core.vehicle import CURRENT_GEAR, SELECTED_GEAR, SPEED, Vehicle
from terminal.screen.driving import is_locked
from terminal.shown import VehicleView
from tests.screen.gallery import snapshot

PARK, DRIVE, NEUTRAL, REVERSE = 126, 127, 0, -1


def after(*selected: int, later_ns: int = 0, **facts: SignalValue) -> VehicleView:
    """The car once its selector stood here, one after the other."""
    car = Vehicle()
    for gear in selected:
        signals = {SELECTED_GEAR: gear, SPEED: 0.0, **facts}
        car = vehicle.apply(car, VehicleSignals(source="can", mono_ns=0, signals=signals))
    return vehicle.view(car, None, later_ns)


@pytest.mark.parametrize(
    ("selected", "gear", "in_park"),
    [
        ((PARK,), "P", True),
        ((PARK, DRIVE), "D", False),
        ((DRIVE,), "D", False),
        ((PARK, NEUTRAL), "N", False),
        ((PARK, REVERSE), "R", False),
        ((DRIVE, PARK), "P", True),
        ((NEUTRAL,), "N", None),
        ((REVERSE,), "R", None),
        ((1, 2), "2", None),
        ((), None, None),
    ],
    ids=str,
)
def test_the_selector_is_told_and_park_only_where_the_car_has_one(
    selected: tuple[int, ...], gear: str | None, in_park: bool | None
) -> None:
    told = after(*selected)
    assert (told.gear, told.in_park) == (gear, in_park)
    assert is_locked(replace(snapshot(), vehicle=told), None, 0) is (in_park is False)


def test_in_drive_the_gear_that_the_car_has_is_told_too_and_without_a_selector_that_alone() -> None:
    assert after(DRIVE, **{CURRENT_GEAR: 3}).gear == "D3"
    car = vehicle.apply(Vehicle(), VehicleSignals(source="can", mono_ns=0, signals={CURRENT_GEAR: 3}))
    assert (vehicle.view(car, None, 0).gear, vehicle.view(car, None, 0).in_park) == ("3", None)


def test_a_selector_that_was_told_too_long_ago_locks_nothing() -> None:
    old = after(DRIVE, later_ns=stale_after_ns(VehicleSignals) + 1)
    assert (old.gear, old.in_park) == (None, None)
    assert not is_locked(replace(snapshot(), vehicle=old), None, 0)
