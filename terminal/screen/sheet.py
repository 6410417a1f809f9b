"""The one widget: draws boxes, and tells which target a finger hit."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from msgspec import Struct
from rich.segment import ControlType, Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from terminal.screen import pixels
from terminal.screen.cells import DARK, EDGED, RULED, SLIP, Area, Box, hit, over, painted
from terminal.screen.palettes import COLOURS, Palette

SPOT_ROWS, SPOT_COLUMNS = 1, 3
"""What shows where a finger is on a map; a button shows it as a whole."""


UNSEEN = [(ControlType.CURSOR_FORWARD, 0)]
"""Of a segment that takes no cell; Textual writes its text as it is."""


class Picture(Struct, frozen=True):
    """What is written after the last of these rows, whose cells it covers."""

    rows: range = range(0)
    drawn: str = ""


class Sheet(Widget):
    """The whole screen; `show` draws what is new and nothing else."""

    class Touched(Message):
        """A finger came down, on a target or beside all of them; `refused` is the target that does not take it."""

        def __init__(self, row: int, column: int, refused: Box | None) -> None:
            super().__init__()
            self.row = row
            self.column = column
            self.refused = refused

    class Tapped(Message):
        """A finger was lifted from the target that it had come down on."""

        def __init__(self, code: str, area: Area) -> None:
            super().__init__()
            self.code = code
            self.area = area

    class Dragged(Message):
        """A finger that came down on a located target has moved by so many cells since the last word of it."""

        def __init__(self, code: str, area: Area, rows: float, columns: float) -> None:
            super().__init__()
            self.code = code
            self.area = area
            self.rows = rows
            self.columns = columns

    class Resized(Message):
        """The screen has another size."""

    def __init__(self, takes: Callable[[Box], bool] = lambda _: True) -> None:
        """`takes` says whether a finger that comes down on a target now is meant for it."""
        super().__init__()
        self.boxes: tuple[Box, ...] = ()
        self._takes = takes
        self._palette = Palette.NIGHT
        self._down: Box | None = None
        self._is_meant = False
        self._at = (0.0, 0.0)
        self._drags = False
        self._rows: list[Strip] = []
        self._picture = Picture()

    def show(self, boxes: Iterable[Box], palette: Palette) -> None:
        """Draw these boxes; costs nothing when they stand there already."""
        boxes = tuple(boxes)
        if boxes == self.boxes and palette is self._palette and self._rows:
            return
        self.boxes, self._palette = boxes, palette
        self._draw()

    def _draw(self) -> None:
        boxes = list(self.boxes)
        if self._down is not None and self._down.located and not self._drags:
            boxes.append(_spot(self._down.area, *map(int, self._at)))
        elif self._down is not None and not self._down.located:
            tone = "pressed" if self._is_meant else "felt"
            boxes = [box if box.area != self._down.area else _touched(box, tone) for box in boxes]
        height, width = self.size.height, self.size.width
        rows = [Strip(self._segments(runs), width) for runs in painted(boxes, height, width)]
        before, self._rows = self._rows, rows
        changed = {row for row, strip in enumerate(rows) if row >= len(before) or strip != before[row]}
        for row in changed | self._redrawn(boxes, changed):
            self.refresh(_row(row, width))

    def _redrawn(self, boxes: list[Box], changed: set[int]) -> set[int]:
        """The rows of the picture before and of the new one, unless it stays: letters erase it, and it them."""
        before, self._picture = self._picture, self._drawn(boxes)
        if before == self._picture and changed.isdisjoint(before.rows):
            return set()
        return {*before.rows, *self._picture.rows}

    def _drawn(self, boxes: list[Box]) -> "Picture":
        under = next((box for box in boxes if box.pixels is not None), None)
        if under is None or under.pixels is None:
            return Picture()
        area = under.area
        parts = [_to(area.top, area.left), pixels.shown(under.pixels, self._palette)]
        for row, column, text, tone in over(boxes, under):
            parts += [_to(row, column), Strip(self._segments([(text, tone)])).render(self.app.console)]
        return Picture(range(area.top, area.bottom), "".join(parts))

    def _segments(self, runs: Iterable[tuple[str, str]]) -> list[Segment]:
        return [Segment(text, _style(self._palette, tone)) for text, tone in runs]

    def render_line(self, y: int) -> Strip:
        """One row, as it was drawn last."""
        if y >= len(self._rows):
            return Strip.blank(self.size.width, _style(self._palette, "plain"))
        if self._picture.rows and y == self._picture.rows[-1]:
            return Strip([*self._rows[y], Segment(self._picture.drawn, None, UNSEEN)], self.size.width)
        return self._rows[y]

    def on_resize(self) -> None:
        """Another size needs another picture."""
        self._rows, self._picture = [], Picture()
        self.post_message(self.Resized())

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A finger came down: what it hit shows at once whether it takes a tap; a map can be dragged all the same."""
        event.stop()
        found = hit(self.boxes, event.y, event.x)
        self._is_meant = found is not None and self._takes(found)
        self._down = found
        self.post_message(self.Touched(event.y, event.x, None if self._is_meant else found))
        self._at, self._drags = _place(event), False
        self.capture_mouse()
        self._draw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """A finger that is down drags the map along."""
        event.stop()
        if event.button == 0 and self._down is not None:
            # Its lift was never told: the panel was unplugged, or another window had it.
            self._down = None
            self.release_mouse()
            self._draw()
        self._follow(event)

    def _follow(self, event: events.MouseEvent) -> None:
        down, (row, column) = self._down, _place(event)
        rows, columns = row - self._at[0], column - self._at[1]
        if down is None or not down.located or (rows, columns) == (0, 0):
            return
        if not self._drags and max(abs(rows), abs(columns)) > SLIP:
            self._drags = True
            self._draw()
        if self._drags:
            self._at = (row, column)
            self.post_message(self.Dragged(down.code, down.area, rows, columns))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """A finger was lifted: a tap, if it is still where it had come down."""
        event.stop()
        self.release_mouse()
        self._follow(event)
        down, self._down = self._down, None
        if down is not None and self._is_meant and not self._drags and down.area.wider(SLIP).has(event.y, event.x):
            at = f":{event.y - down.area.top}:{event.x - down.area.left}" if down.located else ""
            self.post_message(self.Tapped(down.code + at, down.area))
        self._draw()


def _touched(box: Box, tone: str) -> Box:
    """A target under a finger; one that takes no tap leaves a panel dark that is to give no light."""
    tone = DARK if (box.tone, tone) == (DARK, "felt") else tone
    return Box(area=box.area, words=box.words, tone=tone, code=box.code, middle=box.middle, main=box.main)


def _spot(area: Area, row: int, column: int) -> Box:
    """Around a finger, as far as it is in the area."""
    left = min(max(column - SPOT_COLUMNS // 2, area.left), area.right - SPOT_COLUMNS)
    return Box(area=Area(row, left, SPOT_ROWS, SPOT_COLUMNS), tone="pressed")


def _place(event: events.MouseEvent) -> tuple[float, float]:
    """(row, column), with parts of a cell where the terminal tells them."""
    return event.pointer_y, event.pointer_x


def _to(row: int, column: int) -> str:
    """The cursor to a cell (CUP)."""
    return f"\x1b[{row + 1};{column + 1}H"


def _row(row: int, width: int) -> Region:
    return Region(0, row, width, 1)


@lru_cache
def _style(palette: Palette, tone: str) -> Style:
    if tone.endswith(EDGED):
        colour = COLOURS[palette][tone.removesuffix(EDGED)]
        return Style(color=colour.behind, bgcolor=COLOURS[palette]["plain"].behind)
    colour = COLOURS[palette][tone.removesuffix(RULED)]
    return Style(
        color=colour.letters, bgcolor=colour.behind, bold=colour.bold, underline=True if tone.endswith(RULED) else None
    )
