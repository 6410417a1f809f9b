"""The map under a finger: what it is on stays under it, parked and driving, with north or the way above."""

from pathlib import Path

import pytest
from gallery import FIX, SIZES, snapshot, view
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from page_bench import GOOD, page, run
from textual import events

from terminal.screen.cells import Area
from terminal.screen.feed import Seen
from terminal.screen.pages import chart
from terminal.screen.sheet import Sheet
from terminal.screen.sos import Sos
from terminal.screen.state import SCALES_M, Chart, Page, ScreenState
from terminal.screen.tapping import tapped
from terminal.shown import PositionView

FIELD = Area(2, 0, 9, 38)
ROWS, COLUMNS = st.floats(-8, 8), st.floats(-37, 37)


@given(
    st.integers(0, len(SCALES_M) - 1),
    st.booleans(),
    st.floats(0, 359),
    st.lists(st.tuples(ROWS, COLUMNS), min_size=1, max_size=50),
)
def test_what_the_finger_is_on_stays_under_it_through_all_its_way(
    scale: int, is_north_up: bool, track_deg: float, way: list[tuple[float, float]]
) -> None:
    fix = replace(FIX, track_deg=track_deg)
    seen = Seen(snapshot=replace(snapshot(), position=PositionView(fix=fix, last_good=fix, stale=False)))
    state = ScreenState(page=Page.MAP, chart=Chart(scale=scale, is_north_up=is_north_up))
    before = chart.window_of(view(seen, state, *SIZES[0]), seen.snapshot, FIELD)
    for rows, columns in way:
        code = chart.moved(view(seen, state, *SIZES[0]), FIELD, rows, columns)
        state, commands = tapped(state, code, seen.snapshot, 0)
        assert commands == ()
    after = chart.window_of(view(seen, state, *SIZES[0]), seen.snapshot, FIELD)
    assert before is not None
    assert after is not None
    row, column = sum(rows for rows, _ in way), sum(columns for _, columns in way)
    moved_m = sum(4 * abs(rows) + 2 * abs(columns) for rows, columns in way) * SCALES_M[scale]
    if moved_m < 50_000:
        # A metre is longer on the map in the north, so that this holds for what is near.
        near = pytest.approx((before.lat_deg, before.lon_deg), abs=1e-6 + moved_m * 1e-7)
        assert after.place_at(4 + row, 18.5 + column) == near


def test_where_there_is_no_position_a_drag_finds_nothing_to_move() -> None:
    seen = Seen(snapshot=replace(snapshot(), position=PositionView(stale=True)))
    state = ScreenState(page=Page.MAP)
    code = chart.moved(view(seen, state, *SIZES[0]), FIELD, 1, 1)
    assert tapped(state, code, seen.snapshot, 0) == (state, ())


def test_a_finger_drags_the_map_while_the_car_drives_and_own_car_brings_it_back(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("page:map")
            await seen.until(lambda: [box for box in seen.targets() if box.located])
            (field,) = [box.area for box in seen.targets() if box.located]
            await seen.pilot.mouse_down(Sheet, offset=(20, 6))
            for x, y in ((22, 6), (30, 4), (49, 14)):
                await seen.pilot._post_mouse_events([events.MouseMove], Sheet, offset=(x, y), button=1)
            await seen.pilot.mouse_up(Sheet, offset=(49, 14))
            await seen.until(lambda: seen.target("follow").tone == "button")
            window = chart.window_of(seen.app.view(), GOOD, field)
            assert window is not None
            lat_deg, lon_deg = window.place_at(6 - 2 + 8, 20 + 29)
            before = chart.window_of(replace(seen.app.view(), state=ScreenState()), GOOD, field)
            assert before is not None
            assert (lat_deg, lon_deg) == pytest.approx(before.place_at(6 - 2, 20), abs=1e-5)
            assert seen.app._state.page is Page.MAP, "it was lifted on SOS, and nothing came of it"
            assert seen.app._state.sos == Sos()
            await seen.tap("follow")
            await seen.until(lambda: seen.target("follow").tone == "chosen")
            assert seen.core.taken == []

    run(promise)
