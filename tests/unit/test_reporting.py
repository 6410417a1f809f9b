"""When headquarters gets a position, and when it does not."""

import pytest

from hal.readings import Fix, FixMode
from terminal.core.reporting import Reported, Reporting, due

RULES = Reporting()


def fix(at_s: float, north_m: float = 0.0, speed_mps: float | None = 10.0, track_deg: float | None = 0.0) -> Fix:
    return Fix(
        source="gnss",
        mono_ns=round(at_s * 1e9),
        mode=FixMode.FIX_3D,
        lat_deg=46.0 + north_m / 111_195,
        lon_deg=14.5,
        speed_mps=speed_mps,
        track_deg=track_deg,
    )


LAST = Reported(0, fix(0))


def reason(next_fix: Fix, last: Reported | None = LAST) -> str:
    return due(last, next_fix, next_fix.mono_ns, RULES)


@pytest.mark.parametrize(
    ("next_fix", "why"),
    [
        (fix(3), ""),
        (fix(RULES.moving_period_s), "time"),
        (fix(3, north_m=RULES.moving_distance_m + 1), "distance"),
        (fix(3, north_m=RULES.moving_distance_m + 1, speed_mps=None), "distance"),
        (fix(3, track_deg=RULES.turn_deg + 1), "turn"),
        (fix(3, track_deg=360 - RULES.turn_deg + 1), ""),
        (fix(3, speed_mps=10 + RULES.speed_change_mps), "speed"),
        (fix(3, speed_mps=1.0 + RULES.moving_above_mps), ""),
        (fix(1.9, north_m=1000, track_deg=90), ""),
    ],
)
def test_time_distance_turn_and_speed_are_reasons(next_fix: Fix, why: str) -> None:
    assert reason(next_fix) == why


def test_the_first_position_is_one() -> None:
    assert reason(fix(0), None) == "first"


def test_a_fix_without_a_position_is_none() -> None:
    assert reason(Fix(source="gnss", mono_ns=10**12, mode=FixMode.NO_FIX)) == ""


def test_that_the_car_has_stopped_is_one_and_that_it_still_stands_is_not() -> None:
    slow = Reported(0, fix(0, speed_mps=7.0))
    assert reason(fix(3, speed_mps=0.0), slow) == "stopped"
    parked = Reported(0, fix(0, speed_mps=0.0))
    assert reason(fix(RULES.moving_period_s + 1, speed_mps=0.0), parked) == ""
    assert reason(fix(RULES.parked_period_s, speed_mps=0.0), parked) == "time"
