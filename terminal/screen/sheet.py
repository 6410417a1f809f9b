"""The one widget: draws boxes, and tells which target a finger hit."""

from collections.abc import Iterable
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from terminal.screen.cells import EDGED, Area, Box, hit, painted
from terminal.screen.palettes import COLOURS, Palette

SLIP = 1
"""A finger may slip so many cells beyond a target before it is lifted, and it is a tap all the same."""


class Sheet(Widget):
    """The whole screen; `show` draws what is new and nothing else."""

    class Tapped(Message):
        """A finger was lifted from the target that it had come down on."""

        def __init__(self, code: str, area: Area) -> None:
            super().__init__()
            self.code = code
            self.area = area

    class Resized(Message):
        """The screen has another size."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes: tuple[Box, ...] = ()
        self._palette = Palette.NIGHT
        self._down: Box | None = None
        self._rows: list[Strip] = []

    def show(self, boxes: Iterable[Box], palette: Palette) -> None:
        """Draw these boxes; costs nothing when they stand there already."""
        boxes = tuple(boxes)
        if boxes == self.boxes and palette is self._palette and self._rows:
            return
        self.boxes, self._palette = boxes, palette
        self._draw()

    def _draw(self) -> None:
        boxes = list(self.boxes)
        if self._down is not None:
            boxes = [box if box.area != self._down.area else _pressed(box) for box in boxes]
        height, width = self.size.height, self.size.width
        rows = [Strip(self._segments(runs), width) for runs in painted(boxes, height, width)]
        before, self._rows = self._rows, rows
        for row, strip in enumerate(rows):
            if row >= len(before) or strip != before[row]:
                self.refresh(_row(row, width))

    def _segments(self, runs: Iterable[tuple[str, str]]) -> list[Segment]:
        return [Segment(text, _style(self._palette, tone)) for text, tone in runs]

    def render_line(self, y: int) -> Strip:
        """One row, as it was drawn last."""
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, _style(self._palette, "plain"))

    def on_resize(self) -> None:
        """Another size needs another picture."""
        self._rows = []
        self.post_message(self.Resized())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A finger came down: what it hit shows so at once."""
        event.stop()
        self._down = hit(self.boxes, event.y, event.x)
        self.capture_mouse()
        self._draw()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A finger was lifted: a tap, if it is still where it had come down."""
        event.stop()
        self.release_mouse()
        down, self._down = self._down, None
        if down is not None and _wider(down.area).has(event.y, event.x):
            at = f":{event.y - down.area.top}:{event.x - down.area.left}" if down.located else ""
            self.post_message(self.Tapped(down.code + at, down.area))
        self._draw()


def _pressed(box: Box) -> Box:
    return Box(area=box.area, words=box.words, tone="pressed", code=box.code, middle=box.middle, main=box.main)


def _wider(area: Area) -> Area:
    return Area(area.top - SLIP, area.left - SLIP, area.height + 2 * SLIP, area.width + 2 * SLIP)


def _row(row: int, width: int) -> Region:
    return Region(0, row, width, 1)


@lru_cache
def _style(palette: Palette, tone: str) -> Style:
    if tone.endswith(EDGED):
        colour = COLOURS[palette][tone.removesuffix(EDGED)]
        return Style(color=colour.behind, bgcolor=COLOURS[palette]["plain"].behind)
    colour = COLOURS[palette][tone]
    return Style(color=colour.letters, bgcolor=colour.behind, bold=colour.bold)
