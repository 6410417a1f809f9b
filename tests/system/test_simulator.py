"""The simulated car as a live source."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from drivers import simulator
from drivers.vss import LEAVES
from hal.clock import Clock, SystemClock
from hal.errors import ConfigError
from hal.ports import Source
from hal.readings import AnyReading, Fix, FixMode, LightbarState, VehicleSignals

DEADLINE_S = 20
FAST = 1000.0
ENOUGH = 15_000


class SteadyClock:
    """A clock that does not move, so that the drive waits for nothing but what it is told to wait for."""

    def mono_ns(self) -> int:
        return 5_000_000_000

    def wall(self) -> datetime:
        return datetime(2026, 5, 4, 6, 0, tzinfo=UTC)


class SteppedClock(SteadyClock):
    """A clock that is a minute later whenever it is looked at, as after a suspend."""

    def __init__(self) -> None:
        self.now_ns = 0

    def mono_ns(self) -> int:
        self.now_ns += 60_000_000_000
        return self.now_ns


def car(clock: Clock | None = None, **settings: object) -> Source:
    return simulator.build("car", simulator.Settings(**settings), clock or SystemClock())


def first(source: Source, count: int) -> list[AnyReading]:
    async def take() -> list[AnyReading]:
        found: list[AnyReading] = []
        async with asyncio.timeout(DEADLINE_S), aclosing(source.readings()) as readings:
            async for reading in readings:
                found.append(reading)
                if len(found) == count:
                    return found
        return found

    return asyncio.run(take())


def contents(readings: list[AnyReading]) -> list[AnyReading]:
    return [
        msgspec.structs.replace(one, mono_ns=0, t=None, **({"utc": None} if isinstance(one, Fix) else {}))
        for one in readings
    ]


def test_it_tells_fixes_signals_and_the_lightbar() -> None:
    readings = first(car(speed=FAST), ENOUGH)
    assert {type(one) for one in readings} == {Fix, VehicleSignals, LightbarState}
    assert {one.mode for one in readings if isinstance(one, Fix)} == {FixMode.NO_FIX, FixMode.FIX_3D}
    assert {one.lights_on for one in readings if isinstance(one, LightbarState)} == {False, True}


def test_every_signal_is_one_that_vss_or_the_overlay_has() -> None:
    told = {name for one in first(car(speed=FAST), 100) if isinstance(one, VehicleSignals) for name in one.signals}
    assert told <= set(LEAVES)
    assert len(told) == 18


def test_the_same_seed_tells_the_same_and_opening_again_begins_again() -> None:
    source = car(seed=3, speed=FAST)
    told = contents(first(source, 3000))
    assert told == contents(first(source, 3000)) == contents(first(car(seed=3, speed=FAST), 3000))
    assert told != contents(first(car(seed=4, speed=FAST), 3000))


@pytest.mark.parametrize("rate_hz", [1, 10, 20])
def test_signals_come_at_their_rate_and_fixes_once_a_second(rate_hz: int) -> None:
    readings = first(car(rate_hz=rate_hz, speed=FAST), 10 * (rate_hz + 3))
    fixes = [number for number, one in enumerate(readings) if isinstance(one, Fix)]
    between = [one.signals for one in readings[fixes[1] : fixes[2]] if isinstance(one, VehicleSignals)]
    assert sum("Vehicle.Speed" in signals for signals in between) == rate_hz
    assert sum("Vehicle.TraveledDistance" in signals for signals in between) == 1


def at_ms(after_ms: int) -> datetime:
    return SteadyClock().wall() + timedelta(milliseconds=after_ms)


def test_time_is_spaced_by_the_speed_and_utc_with_it() -> None:
    fixes = [one for one in first(car(clock=SteadyClock(), speed=100.0), 80) if isinstance(one, Fix)]
    assert [fix.mono_ns for fix in fixes[:3]] == [5_000_000_000, 5_010_000_000, 5_020_000_000]
    assert [fix.utc for fix in fixes[3:5]] == [at_ms(30), at_ms(40)]
    assert fixes[1].t == pytest.approx(at_ms(10).timestamp())


def test_after_a_suspend_it_hurries_no_more() -> None:
    fixes = [one for one in first(car(clock=SteppedClock(), rate_hz=1), 40) if isinstance(one, Fix)]
    assert all(after.mono_ns - before.mono_ns >= 60e9 for before, after in pairwise(fixes[1:]))


def test_a_map_that_is_not_there_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no-map.json: cannot be read"):
        car(map=tmp_path / "no-map.json")
