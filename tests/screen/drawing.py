"""Pictures of cells as SVG, each letter in its cell."""

from html import escape
from itertools import groupby

from rich.cells import cell_len
from sixel_reader import read

from terminal.screen import frame
from terminal.screen.cells import EDGED, RULED, Box, over, painted
from terminal.screen.palettes import COLOURS, Palette
from terminal.screen.pixels import shown
from terminal.screen.view import View

CELL_WIDTH, CELL_HEIGHT = 16, 32
"""A 7" panel of 800 x 480."""


def svg(view: View, palette: Palette) -> str:
    """The picture."""
    boxes = frame.boxes(view)
    rows = painted(boxes, view.height, view.width)
    width, height = view.width * CELL_WIDTH, view.height * CELL_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" fill="{COLOURS[palette]["plain"].behind}"/>',
        f'<g font-family="DejaVu Sans Mono, monospace" font-size="{CELL_HEIGHT * 0.8:g}" xml:space="preserve">',
    ]
    for row, runs in enumerate(rows):
        column = 0
        for text, tone in runs:
            parts += _run(text, tone, row, column, palette)
            column += cell_len(text)
    for under in (box for box in boxes if box.pixels is not None):
        parts += _picture(under, palette)
        for row, column, text, tone in over(boxes, under):
            parts += _run(text, tone, row, column, palette, is_over=True)
    return "\n".join([*parts, "</g></svg>"]) + "\n"


def _picture(box: Box, palette: Palette) -> list[str]:
    """A picture's pixels, a path for each colour, read as a terminal reads them."""
    assert box.pixels is not None
    drawn = read(shown(box.pixels, palette).partition("q")[2].removesuffix("\x1b\\"))
    paths: dict[int, list[str]] = {}
    for y, row in enumerate(drawn.rows):
        x = 0
        for colour, run in groupby(row):
            width = len(list(run))
            if colour:
                paths.setdefault(colour, []).append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    left, top = box.area.left * CELL_WIDTH, box.area.top * CELL_HEIGHT
    strokes = [
        f'<path fill="{drawn.colours[colour]}" d="{"".join(parts)}"/>' for colour, parts in sorted(paths.items())
    ]
    return [f'<g transform="translate({left} {top})" shape-rendering="crispEdges">', *strokes, "</g>"]


def _run(text: str, tone: str, row: int, column: int, palette: Palette, *, is_over: bool = False) -> list[str]:
    colour = COLOURS[palette][tone.removesuffix(EDGED).removesuffix(RULED)]
    x, y, width = column * CELL_WIDTH, row * CELL_HEIGHT, cell_len(text) * CELL_WIDTH
    height = CELL_HEIGHT // 2 if tone.endswith(EDGED) else CELL_HEIGHT
    found = []
    if is_over or colour.behind != COLOURS[palette]["plain"].behind:
        found.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour.behind}"/>')
    if tone.endswith(RULED):
        found.append(f'<rect x="{x}" y="{y + CELL_HEIGHT - 2}" width="{width}" height="2" fill="{colour.letters}"/>')
    if not tone.endswith(EDGED):
        found += _words(text, x, y, colour.letters, "bold" if colour.bold else "normal")
    return found


def _words(text: str, x: int, y: int, fill: str, weight: str) -> list[str]:
    """Each word where it stands, a letter a cell."""
    found, column = [], 0
    for word in text.split(" "):
        if word:
            at = x + column * CELL_WIDTH
            length = cell_len(word) * CELL_WIDTH
            found.append(
                f'<text x="{at}" y="{y + CELL_HEIGHT * 0.78:g}" textLength="{length}" fill="{fill}"'
                f' font-weight="{weight}">{escape(word)}</text>'
            )
        column += cell_len(word) + 1
    return found
