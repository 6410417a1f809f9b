"""A finger on the sheet: what it hits shows at once, a slip is a tap, and what is held or doubled surprises nobody."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from page_bench import run
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from terminal.screen.cells import DARK, Area, Box, target
from terminal.screen.palettes import COLOURS, Palette
from terminal.screen.sheet import Sheet

LEFT = target(Area(0, 0, 3, 10), "left", "left")
RIGHT = target(Area(0, 12, 3, 10), "right", "right")
MAP = Box(area=Area(4, 2, 3, 10), code="map", located=True)


class Alone(App[None]):
    """A sheet and what was tapped on it."""

    CSS = "Sheet { width: 100%; height: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.sheet = Sheet(lambda box: box.code not in self.refused)
        self.tapped: list[str] = []
        self.dragged: list[tuple[str, float, float]] = []

    def compose(self) -> ComposeResult:
        yield self.sheet

    def on_sheet_resized(self) -> None:
        self.sheet.show([LEFT, RIGHT, MAP], Palette.NIGHT)

    def on_sheet_tapped(self, tap: Sheet.Tapped) -> None:
        self.tapped.append(tap.code)

    def on_sheet_dragged(self, drag: Sheet.Dragged) -> None:
        self.dragged.append((drag.code, drag.rows, drag.columns))


def on_sheet(promise: Callable[[Alone, Pilot[None]], Awaitable[None]]) -> None:
    async def shown() -> None:
        app = Alone()
        async with app.run_test(size=(30, 8)) as pilot:
            await until(pilot, lambda: app.sheet.boxes)
            await promise(app, pilot)

    run(shown)


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await pilot.pause(0.01)


def is_pressed(app: Alone, column: int, row: int = 1, tone: str = "pressed") -> bool:
    """Whether the cell in this row has the colour of what a finger is on."""
    place = 0
    for segment in app.sheet.render_line(row):
        place += len(segment.text)
        if place > column:
            colour = None if segment.style is None else segment.style.bgcolor
            return colour is not None and colour.name == COLOURS[Palette.NIGHT][tone].behind
    return False


def test_what_a_finger_hits_shows_so_before_it_is_lifted() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(3, 1))
        await until(pilot, lambda: is_pressed(app, 3))
        assert not is_pressed(app, 14)
        assert app.tapped == []
        await pilot.mouse_up(Sheet, offset=(3, 1))
        await until(pilot, lambda: app.tapped == ["left"])
        assert not is_pressed(app, 3)

    on_sheet(promise)


@pytest.mark.parametrize(
    ("up", "tapped"),
    [((9, 2), ["left"]), ((10, 1), ["left"]), ((5, 3), ["left"]), ((12, 1), []), ((20, 1), []), ((5, 5), [])],
    ids=str,
)
def test_a_slip_of_a_cell_is_a_tap_and_a_longer_way_is_none(up: tuple[int, int], tapped: list[str]) -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(9, 1))
        await pilot.mouse_up(Sheet, offset=up)
        await pilot.click(Sheet, offset=(15, 1))
        await until(pilot, lambda: app.tapped[-1:] == ["right"])
        assert app.tapped == [*tapped, "right"]

    on_sheet(promise)


def test_a_double_tap_is_two_taps_and_a_tap_beside_is_none() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.click(Sheet, offset=(11, 6))
        await pilot.click(Sheet, offset=(25, 1))
        await pilot.click(Sheet, offset=(3, 1), times=2)
        await until(pilot, lambda: len(app.tapped) > 2)
        assert app.tapped == ["map:2:9", "left", "left"]

    on_sheet(promise)


def test_what_takes_no_tap_shows_half_a_tap_and_a_map_can_be_dragged_all_the_same() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        app.refused = {"left", "map"}
        await pilot.mouse_down(Sheet, offset=(3, 1))
        await until(pilot, lambda: is_pressed(app, 3, tone="felt"))
        app.refused = {"map"}
        await pilot.mouse_up(Sheet, offset=(3, 1))
        await until(pilot, lambda: is_pressed(app, 3, tone="button"))
        await pilot.click(Sheet, offset=(6, 5))
        await pilot.mouse_down(Sheet, offset=(6, 5))
        await move(pilot, (9, 5))
        await pilot.mouse_up(Sheet, offset=(9, 5))
        await pilot.click(Sheet, offset=(15, 1))
        await until(pilot, lambda: app.tapped)
        assert (app.tapped, app.dragged) == (["right"], [("map", 0, 3)])

    on_sheet(promise)


def test_a_dark_panel_that_takes_no_tap_gives_no_light() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        app.sheet.show([Box(area=Area(0, 0, 8, 30), tone=DARK, code="light")], Palette.NIGHT)
        app.refused = {"light"}
        await pilot.mouse_down(Sheet, offset=(3, 1))
        await pilot.pause()
        assert is_pressed(app, 3, tone=DARK)
        await pilot.mouse_up(Sheet, offset=(3, 1))
        app.refused = set()
        await pilot.mouse_down(Sheet, offset=(3, 1))
        await until(pilot, lambda: is_pressed(app, 3))
        await pilot.mouse_up(Sheet, offset=(3, 1))

    on_sheet(promise)


def test_of_a_map_the_cell_is_told_too() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.click(Sheet, offset=(6, 5))
        await until(pilot, lambda: app.tapped)
        assert app.tapped == ["map:1:4"]

    on_sheet(promise)


async def move(pilot: Pilot[None], *ways: tuple[int, int], button: int = 1) -> None:
    """A finger that is down, or a pointer with none, comes to these places, (column, row)."""
    for way in ways:
        await pilot._post_mouse_events([events.MouseMove], Sheet, offset=way, button=button)


@pytest.mark.parametrize("up", [(12, 5), (25, 1), (3, 1)], ids=["on-the-map", "on-a-button", "on-another"])
def test_a_finger_that_moves_on_drags_the_map_and_taps_nothing(up: tuple[int, int]) -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(6, 5))
        await until(pilot, lambda: is_pressed(app, 6, row=5))
        await move(pilot, (8, 5), (9, 6), up)
        assert not is_pressed(app, 6, row=5)
        await pilot.mouse_up(Sheet, offset=up)
        await pilot.click(Sheet, offset=(15, 1))
        await until(pilot, lambda: app.tapped)
        assert app.tapped == ["right"]
        assert app.dragged[:2] == [("map", 0, 2), ("map", 1, 1)]
        assert (sum(rows for _, rows, _ in app.dragged), sum(columns for _, _, columns in app.dragged)) == (
            up[1] - 5,
            up[0] - 6,
        )

    on_sheet(promise)


def test_a_finger_that_comes_back_to_where_it_was_has_dragged_and_not_tapped() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(6, 5))
        await move(pilot, (9, 5), (6, 5))
        await pilot.mouse_up(Sheet, offset=(6, 5))
        await pilot.click(Sheet, offset=(15, 1))
        await until(pilot, lambda: app.tapped)
        assert app.tapped == ["right"]
        assert app.dragged[:2] == [("map", 0, 3), ("map", 0, -3)]

    on_sheet(promise)


def test_a_slip_on_the_map_is_a_tap_and_a_terminal_that_tells_no_way_drags_at_the_lift() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(6, 5))
        await move(pilot, (7, 5))
        await pilot.mouse_up(Sheet, offset=(7, 4))
        await pilot.mouse_down(Sheet, offset=(6, 5))
        await pilot._post_mouse_events([events.MouseUp], Sheet, offset=(9, 5), button=1)
        await until(pilot, lambda: app.dragged)
        assert (app.tapped, app.dragged) == (["map:0:5"], [("map", 0, 3)])

    on_sheet(promise)


def test_a_finger_that_comes_down_on_a_button_drags_nothing() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(3, 1))
        await move(pilot, (6, 5), (9, 5))
        await pilot.mouse_up(Sheet, offset=(9, 5))
        await pilot.click(Sheet, offset=(15, 1))
        await until(pilot, lambda: app.tapped)
        assert (app.tapped, app.dragged) == (["right"], [])

    on_sheet(promise)


def test_a_finger_whose_lift_is_lost_drags_no_further() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.mouse_down(Sheet, offset=(6, 5))
        await move(pilot, (9, 5))
        await move(pilot, (11, 6), button=0)
        await move(pilot, (7, 5))
        await pilot.mouse_up(Sheet, offset=(7, 5))
        await pilot.click(Sheet, offset=(15, 1))
        await until(pilot, lambda: app.tapped)
        assert (app.tapped, app.dragged) == (["right"], [("map", 0, 3)])

    on_sheet(promise)


def test_a_line_stands_beneath_words_that_fill_a_target_as_wide_as_it_is() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        app.sheet.show([target(Area(0, 4, 3, 10), "words\nthat\nfill it", "full")], Palette.NIGHT)
        lined = [
            [len(one.text) for one in app.sheet.render_line(row) if one.style and one.style.underline]
            for row in range(4)
        ]
        assert lined == [[], [], [10], []]

    on_sheet(promise)
