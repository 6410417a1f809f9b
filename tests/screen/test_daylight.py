"""The screen is bright under the sun and dark without it, and dark where nobody knows."""

from datetime import UTC, datetime
from pathlib import Path

import page_bench
import pytest
from gallery import FIX, NOW_NS, snapshot
from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.screen.daylight import fitting
from terminal.screen.palettes import Palette
from terminal.shown import PositionView, VehicleView


def at(utc: datetime | None, headlights_on: bool | None = None) -> Snapshot:
    fix = replace(FIX, utc=utc)
    vehicle = VehicleView(headlights_on=headlights_on)
    return replace(snapshot(), position=PositionView(fix=fix, last_good=fix, stale=False), vehicle=vehicle)


@pytest.mark.parametrize(
    ("hour", "palette"),
    [(0, Palette.NIGHT), (2, Palette.NIGHT), (10, Palette.DAY), (18, Palette.DAY), (22, Palette.NIGHT)],
)
def test_in_novi_sad_in_june_the_sun_decides(hour: int, palette: Palette) -> None:
    assert fitting(at(datetime(2026, 6, 21, hour, tzinfo=UTC)), NOW_NS) is palette
    assert fitting(at(datetime(2026, 6, 21, hour, tzinfo=UTC), headlights_on=True), NOW_NS) is palette


def test_the_colours_of_the_day_outlive_core(tmp_path: Path) -> None:
    at_noon = at(datetime(2026, 6, 21, 10, tzinfo=UTC)).position.last_good
    assert at_noon is not None
    fix = replace(at_noon, mono_ns=page_bench.NOW_NS)
    noon = replace(page_bench.GOOD, position=PositionView(fix=fix, last_good=fix, stale=False))

    async def promise() -> None:
        async with page_bench.page(tmp_path, snapshot=noon) as seen:
            await seen.until(lambda: seen.app.sheet._palette is Palette.DAY)
            await seen.core.stop()
            await seen.says("OLD")
            assert seen.app.sheet._palette is Palette.DAY

    page_bench.run(promise)


def test_in_december_it_is_dark_earlier() -> None:
    assert fitting(at(datetime(2026, 12, 21, 16, tzinfo=UTC)), NOW_NS) is Palette.NIGHT


@pytest.mark.parametrize(("lights", "palette"), [(None, Palette.NIGHT), (True, Palette.NIGHT), (False, Palette.DAY)])
def test_without_a_time_the_cars_lights_decide_and_else_it_is_night(lights: bool | None, palette: Palette) -> None:
    assert fitting(at(None, lights), NOW_NS) is palette
    assert fitting(None, NOW_NS) is Palette.NIGHT
