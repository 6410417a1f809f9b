"""A finger on the sheet: what it hits shows at once, a slip is a tap, and what is held or doubled surprises nobody."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from page_bench import run
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from terminal.screen.cells import Area, Box, target
from terminal.screen.palettes import COLOURS, Palette
from terminal.screen.sheet import Sheet

LEFT = target(Area(0, 0, 3, 10), "left", "left")
RIGHT = target(Area(0, 12, 3, 10), "right", "right")
MAP = Box(area=Area(4, 2, 3, 10), code="map", located=True)
GREY = COLOURS[Palette.NIGHT]["pressed"].behind


class Alone(App[None]):
    """A sheet and what was tapped on it."""

    CSS = "Sheet { width: 100%; height: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self.sheet = Sheet()
        self.tapped: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.sheet

    def on_sheet_resized(self) -> None:
        self.sheet.show([LEFT, RIGHT, MAP], Palette.NIGHT)

    def on_sheet_tapped(self, tap: Sheet.Tapped) -> None:
        self.tapped.append(tap.code)


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


def is_pressed(app: Alone, column: int) -> bool:
    """Whether the cell in the second row has the colour of what a finger is on."""
    place = 0
    for segment in app.sheet.render_line(1):
        place += len(segment.text)
        if place > column:
            return (
                segment.style is not None and segment.style.bgcolor is not None and segment.style.bgcolor.name == GREY
            )
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


def test_of_a_map_the_cell_is_told_too() -> None:
    async def promise(app: Alone, pilot: Pilot[None]) -> None:
        await pilot.click(Sheet, offset=(6, 5))
        await until(pilot, lambda: app.tapped)
        assert app.tapped == ["map:1:4"]

    on_sheet(promise)
