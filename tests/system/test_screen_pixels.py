"""The map in pixels on a terminal that draws them: the picture is where the map is, and nowhere once it is gone."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.map.drawing import CellSize
from terminal.screen import frame
from terminal.screen.cells import Box, over
from terminal.screen.feed import Seen
from terminal.screen.pages import plot
from terminal.screen.palettes import Palette
from terminal.screen.state import Page, ScreenState
from terminal.shown import LineView, PictureView, PositionView
from tests.screen.gallery import ALARM, NS_24, snapshot, view
from tests.screen.page_bench import Core, run
from tests.screen.sixel_reader import Read
from tests.system.kiosk_scene import middle
from tests.system.patrol_car import PATROLA
from tests.system.pixel_terminal import CELL_HEIGHT, CELL_WIDTH, COLUMNS, ROWS, PixelTerminal

AGAIN_S = 0.25
CELL = CellSize(CELL_HEIGHT, CELL_WIDTH)


def shown_now() -> Snapshot:
    """The gallery's day, without patrols, whose places grow old while one looks."""
    now_ns = time.monotonic_ns()
    line = LineView(connected=True, storing=True, attended=True, hq_silent=False, hq_heard_mono_ns=now_ns)
    shown = snapshot(alarms=(NS_24,))
    near = shown.picture
    assert near is not None
    return replace(shown, line=line, picture=PictureView(replace(near.picture, units=()), now_ns))


def boxes_of_map(rows: int, columns: int, cell: CellSize) -> list[Box]:
    one = view(Seen(snapshot=shown_now()), ScreenState(page=Page.MAP), rows, columns)
    return frame.boxes(replace(one, cell=cell, now_ns=time.monotonic_ns()))


def expected(rows: int = ROWS, columns: int = COLUMNS, cell: CellSize = CELL) -> tuple[set[tuple[int, int]], list[str]]:
    """The cells of the map's picture, and what is written above it."""
    boxes = boxes_of_map(rows, columns, cell)
    (under,) = [box for box in boxes if box.pixels is not None]
    area = under.area
    cells = {(row, column) for row in range(area.top, area.bottom) for column in range(area.left, area.right)}
    words = list(over(boxes, under))
    letters = {(row, column + place) for row, column, text, _ in words for place in range(len(text))}
    return cells - letters, [text.strip() for *_, text, _ in words]


def on_terminal(
    folder: Path,
    promise: Callable[[PixelTerminal, Core], Awaitable[None]],
    *options: str,
    abilities: str | None = "62;4",
) -> None:
    async def shown() -> None:
        core = Core(folder / "core.sock")
        core.publish(shown_now())
        await core.start()
        try:
            command = [*PATROLA, "screen", "--socket", str(folder / "core.sock"), *options]
            async with PixelTerminal(command, abilities) as terminal:
                await terminal.until(lambda: "HQ has" in terminal.text(), "duty")
                await promise(terminal, core)
        finally:
            await core.stop()

    run(shown)


def finger_on(terminal: PixelTerminal, code: str) -> None:
    terminal.finger(middle("map", code, COLUMNS, ROWS))


async def insisted(terminal: PixelTerminal, code: str, true: Callable[[], object]) -> None:
    """Tap until it is so: what has just come takes no tap at first."""

    async def tap() -> None:
        while True:
            finger_on(terminal, code)
            await asyncio.sleep(AGAIN_S)

    tapping = asyncio.create_task(tap())
    try:
        await terminal.until(true, f"effect of {code}")
    finally:
        tapping.cancel()
        await asyncio.wait([tapping])


def test_the_picture_is_where_the_map_is_and_gone_when_anything_else_is_there(tmp_path: Path) -> None:
    async def promise(terminal: PixelTerminal, core: Core) -> None:
        cells, words = expected()

        async def map_shown() -> None:
            finger_on(terminal, "page:map")
            await terminal.until(lambda: terminal.covered() == cells, "map")
            assert all(word in terminal.text() for word in words)

        async def gone_for(sign: str) -> None:
            await terminal.until(lambda: sign in terminal.text() and not terminal.covered(), sign)

        assert terminal.covered() == set()
        await map_shown()
        core.publish(replace(shown_now(), link=None))
        await terminal.until(lambda: "LTE" not in terminal.text(), "word of the network that has gone")
        assert len(terminal.pictures) == 1, "a change above the map draws it anew"
        core.publish(replace(shown_now(), position=PositionView(stale=True)))
        await gone_for("No position yet")
        core.publish(shown_now())
        await map_shown()
        finger_on(terminal, "page:jobs")
        await gone_for("Tree")
        await map_shown()
        core.publish(replace(shown_now(), alarms=(replace(ALARM, pressed_mono_ns=time.monotonic_ns()),)))
        await gone_for("PRESSED")
        await map_shown()
        finger_on(terminal, "arm")
        await gone_for("TAP HERE")

    on_terminal(tmp_path, promise)


def test_the_picture_has_the_palettes_colours_and_a_finger_drags_it(tmp_path: Path) -> None:
    async def promise(terminal: PixelTerminal, _core: Core) -> None:
        finger_on(terminal, "page:map")
        await terminal.until(terminal.covered, "map")
        before = terminal.pictures[-1]
        assert before.size == (9 * CELL_HEIGHT, 38 * CELL_WIDTH)
        assert [palette for palette in Palette if _is_of(before, palette)] != []
        assert None not in {pixel for row in before.rows for pixel in row}, "a pixel without a colour"
        terminal.finger((20, 6), (23, 6), (26, 7))
        await terminal.until(lambda: terminal.pictures[-1].rows != before.rows, "another picture")
        await insisted(terminal, "follow", lambda: terminal.pictures[-1].rows == before.rows)
        await terminal.until(lambda: terminal.covered() == expected()[0], "map")
        terminal.resize(20, 60, CellSize(24, 12))
        cells, _ = expected(20, 60, CellSize(24, 12))
        await terminal.until(lambda: terminal.covered() == cells, "map of another size")
        assert terminal.pictures[-1].size == (14 * 24, 48 * 12)

    on_terminal(tmp_path, promise)


def _is_of(picture: Read, palette: Palette) -> bool:
    return all(_near(picture.colours[number], ink.colour(palette)) for number, ink in enumerate(plot.INKS))


EMPTIED = """
from textual.app import App
from terminal.map.sixel import sixels
from terminal.screen.cells import Area, Box, target
from terminal.screen.palettes import Palette
from terminal.screen.pixels import Ink, Pixels
from terminal.screen.sheet import Sheet
PICTURE = Box(area=Area(1, 0, 3, 50), pixels=Pixels(sixels([bytes(800)] * 96), 96, 800, (Ink("plain"),)))
BUTTON = target(Area(10, 0, 3, 10), "Empty", "empty")
class Emptied(App):
    CSS = "Sheet { width: 100%; height: 100%; }"
    def compose(self):
        self.sheet = Sheet()
        yield self.sheet
    def on_sheet_resized(self):
        self.sheet.show([PICTURE, BUTTON], Palette.NIGHT)
    def on_sheet_tapped(self):
        self.sheet.show([BUTTON], Palette.NIGHT)
Emptied().run()
"""


def test_a_picture_that_goes_is_erased_though_no_letter_comes_in_its_place() -> None:
    async def promise() -> None:
        async with PixelTerminal([sys.executable, "-c", EMPTIED]) as terminal:
            await terminal.until(lambda: len(terminal.covered()) == 150, "picture")
            terminal.finger((3, 11))
            await terminal.until(lambda: not terminal.covered(), "empty screen")

    run(promise)


def _near(one: str, other: str) -> bool:
    """Sixels have whole percents."""
    pairs = ((int(one[place : place + 2], 16), int(other[place : place + 2], 16)) for place in (1, 3, 5))
    return all(abs(a - b) <= 2 for a, b in pairs)


@pytest.mark.parametrize(
    ("options", "abilities", "times_asked"),
    [((), "62;22", 1), ((), None, 1), (("--graphics", "off"), "62;4", 0)],
    ids=["it-cannot", "it-does-not-say", "off"],
)
def test_otherwise_the_map_is_braille(
    tmp_path: Path, options: tuple[str, ...], abilities: str | None, times_asked: int
) -> None:
    async def promise(terminal: PixelTerminal, _core: Core) -> None:
        finger_on(terminal, "page:map")
        await terminal.until(lambda: "ALARM" in terminal.text(), "map")
        await insisted(terminal, "zoom:out", lambda: any("\u2800" < letter <= "\u28ff" for letter in terminal.text()))
        assert (terminal.pictures, terminal.asked) == ([], times_asked)

    on_terminal(tmp_path, promise, *options, abilities=abilities)
