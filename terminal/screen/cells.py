"""A screen as boxes on a grid of cells: where words stand, what a finger can hit, and whether anything is cut. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct
from rich.cells import cell_len, set_cell_size

from terminal.screen.pixels import Pixels

LEAST_HEIGHT, LEAST_WIDTH = 3, 4
"""A target: 12 mm on a 7" panel of 800 x 480 with cells of 16 x 32."""

MAIN_HEIGHT, MAIN_WIDTH = 4, 7
"""A main target: 19 mm, for gloves."""


SLIP = 1
"""A finger may slip so many cells beyond a target, or on a map, before it is lifted, and it is a tap all the same."""

SOFT_HYPHEN = "\u00ad"
"""Where a word may be broken; it is not to be seen otherwise."""


Run = tuple[str, str]
"""(text, tone)."""


class Area(Struct, frozen=True):
    """A rectangle of cells."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The row beneath it."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The column right of it."""
        return self.left + self.width

    def has(self, row: int, column: int) -> bool:
        """Whether this cell is in it."""
        return self.top <= row < self.bottom and self.left <= column < self.right

    def holds(self, other: "Area") -> bool:
        """Whether the other is in it as a whole."""
        return self.has(other.top, other.left) and self.has(other.bottom - 1, other.right - 1)

    def wider(self, cells: int) -> "Area":
        """With so many cells more on every side."""
        return Area(self.top - cells, self.left - cells, self.height + 2 * cells, self.width + 2 * cells)

    def rows(self, *heights: int, gap: int = 0) -> "tuple[Area, ...]":
        """Strips from the top down; a height of 0 takes what the others leave, in equal parts."""
        return tuple(
            Area(self.top + start, self.left, height, self.width) for start, height in _split(self.height, heights, gap)
        )

    def columns(self, *widths: int, gap: int = 0) -> "tuple[Area, ...]":
        """Strips from left to right; a width of 0 takes what the others leave, in equal parts."""
        return tuple(
            Area(self.top, self.left + start, self.height, width) for start, width in _split(self.width, widths, gap)
        )

    def grid(self, rows: int, columns: int, gap: int = 1) -> "tuple[Area, ...]":
        """Equal fields, row by row; columns stand `gap` apart, rows touch."""
        return tuple(cell for strip in self.rows(*[0] * rows) for cell in strip.columns(*[0] * columns, gap=gap))


def _split(length: int, parts: Sequence[int], gap: int) -> list[tuple[int, int]]:
    left = max(length - gap * (len(parts) - 1) - sum(parts), 0)
    open_parts = sum(part == 0 for part in parts)
    found, start = [], 0
    for part in parts:
        size = part
        if part == 0:
            size = left // open_parts
            left, open_parts = left - size, open_parts - 1
        found.append((start, size))
        start += size + gap
    return found


class Box(Struct, frozen=True, kw_only=True):
    """Words in an area; `code` is what a tap on it means, "" where it is no target. `tone` is a palette's word.

    `rows` are cells that were drawn already, in runs of one tone; `pixels` a picture, which later boxes cover. Of a
    `located` target the tap tells the cell too. `edged` words end in an edge as a target does.
    """

    area: Area
    words: str = ""
    tone: str = "plain"
    code: str = ""
    middle: bool = False
    main: bool = False
    rows: tuple[tuple[Run, ...], ...] = ()
    pixels: Pixels | None = None
    located: bool = False
    edged: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The words as they stand, from the first row of the area that has any."""
        return wrapped(self.words, self.area.width)[: self.area.height]

    @property
    def is_cut(self) -> bool:
        """Whether something of the words is not to be seen."""
        every = wrapped(self.words, self.area.width)
        return len(every) > self.area.height or any(cell_len(line) > self.area.width for line in every)


@lru_cache(maxsize=4096)
def wrapped(words: str, width: int) -> tuple[str, ...]:
    """The words in lines of this width, broken between words, or at a soft hyphen where one is too long.

    A word without one that is too long stands alone, and is cut.
    """
    lines: list[str] = []
    for paragraph in words.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and cell_len(longer.replace(SOFT_HYPHEN, "")) > width:
                lines.append(line)
                line = word
            else:
                line = longer
            *broken, line = _broken(line, width)
            lines += broken
        lines.append(line)
    return tuple(line.replace(SOFT_HYPHEN, "") for line in lines) if words else ()


def _broken(word: str, width: int) -> list[str]:
    """A word that is too long, broken at its last soft hyphen that fits."""
    if SOFT_HYPHEN not in word or cell_len(word.replace(SOFT_HYPHEN, "")) <= width:
        return [word]
    head, _, tail = word.rpartition(SOFT_HYPHEN)
    while SOFT_HYPHEN in head and cell_len(head.replace(SOFT_HYPHEN, "")) >= width:
        head, _, more = head.rpartition(SOFT_HYPHEN)
        tail = f"{more}{SOFT_HYPHEN}{tail}"
    return [f"{head}-", *_broken(tail, width)]


def target(area: Area, words: str, code: str, tone: str = "button", *, main: bool = False) -> Box:
    """A place that a finger can hit."""
    return Box(area=area, words=words, tone=tone, code=code, middle=True, main=main)


def hit(boxes: Iterable[Box], row: int, column: int) -> Box | None:
    """The target at this cell: the last drawn of those that overlap."""
    found = [box for box in boxes if box.code and box.area.has(row, column)]
    return found[-1] if found else None


EDGE, EDGED = "▀", "-edge"
"""A target's last row is half its colour and half the ground's, so that one can be told from the next."""

RULED = "-ruled"
"""A last row that has words cannot be halved: a line is drawn beneath them, as wide as the target."""

DARK = "dark"
"""The tone of a panel that is to give no light: it has no edge, since the ground is white by day."""


def painted(boxes: Iterable[Box], height: int, width: int) -> list[list[Run]]:
    """Each row of the screen as runs of one tone; later boxes cover earlier ones."""
    rows: list[list[tuple[int, int, str, str]]] = [[] for _ in range(height)]
    for box in boxes:
        for row in range(max(box.area.top, 0), min(box.area.bottom, height)):
            for piece in _pieces(box, row, width):
                rows[row] = _covered(rows[row], piece)
    return [_runs(row, width) for row in rows]


def over(boxes: Iterable[Box], under: Box) -> Iterator[tuple[int, int, str, str]]:
    """(row, column, text, tone) of all that boxes after this one draw within its area."""
    is_later = False
    for box in boxes:
        top, bottom = max(box.area.top, under.area.top), min(box.area.bottom, under.area.bottom)
        for row in range(top, bottom) if is_later else ():
            for left, _, text, tone in _pieces(box, row, under.area.right):
                if left >= under.area.left and text:
                    yield row, left, text, tone
        is_later = is_later or box is under


def _pieces(box: Box, row: int, width: int) -> Iterator[tuple[int, int, str, str]]:
    """One row of a box, in the runs that were drawn or as its words stand."""
    number = row - box.area.top
    if number >= len(box.rows):
        yield _piece(box, row, width)
        return
    column = box.area.left
    for text, tone in box.rows[number]:
        right = min(column + cell_len(text), width)
        yield column, right, set_cell_size(text, right - column), tone
        column = right


def _piece(box: Box, row: int, width: int) -> tuple[int, int, str, str]:
    """(left, right, text, tone) of one row of a box."""
    text, right = _words(box, row), min(box.area.right, width)
    room = max(right - box.area.left, 0)
    tone = box.tone if row < box.area.bottom - 1 else foot(box)
    if tone.endswith(EDGED):
        return box.area.left, right, EDGE * room, tone
    if box.middle:
        text = " " * ((box.area.width - cell_len(text)) // 2) + text
    return box.area.left, right, set_cell_size(text, room), tone


def _words(box: Box, row: int) -> str:
    """What of its words stands in this row of the screen."""
    lines = box.lines
    first = (box.area.height - len(lines)) // 2 if box.middle else 0
    number = row - box.area.top - first
    return lines[number] if 0 <= number < len(lines) else ""


def foot(box: Box) -> str:
    """The tone of a box's last row: its edge, a line beneath its words, or as the rows above it."""
    if box.tone == DARK or box.pixels or not (box.code or box.edged):
        return box.tone
    return box.tone + (RULED if _words(box, box.area.bottom - 1) else EDGED)


def _covered(
    pieces: list[tuple[int, int, str, str]], new: tuple[int, int, str, str]
) -> list[tuple[int, int, str, str]]:
    left, right = new[0], new[1]
    kept = []
    for piece in pieces:
        if piece[1] <= left or piece[0] >= right:
            kept.append(piece)
            continue
        if piece[0] < left:
            kept.append((piece[0], left, set_cell_size(piece[2], left - piece[0]), piece[3]))
        if piece[1] > right:
            kept.append((right, piece[1], _tail(piece[2], right - piece[0]), piece[3]))
    return sorted([*kept, new])


def _tail(text: str, cells: int) -> str:
    """What stands after so many cells."""
    count, start = 0, 0
    while start < len(text) and count < cells:
        count += cell_len(text[start])
        start += 1
    return " " * (count - cells) + text[start:]


def _runs(pieces: list[tuple[int, int, str, str]], width: int) -> list[Run]:
    runs: list[Run] = []
    column = 0
    for left, right, text, tone in pieces:
        if left > column:
            runs.append((" " * (left - column), "plain"))
        runs.append((text, tone))
        column = right
    if column < width:
        runs.append((" " * (width - column), "plain"))
    return runs
