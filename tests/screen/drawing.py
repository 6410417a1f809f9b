"""Pictures of cells as SVG, each letter in its cell."""

from html import escape

from rich.cells import cell_len

from terminal.screen import frame
from terminal.screen.cells import EDGED, painted
from terminal.screen.palettes import COLOURS, Palette
from terminal.screen.view import View

CELL_WIDTH, CELL_HEIGHT = 16, 32
"""A 7" panel of 800 x 480."""


def svg(view: View, palette: Palette) -> str:
    """The picture."""
    rows = painted(frame.boxes(view), view.height, view.width)
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
    return "\n".join([*parts, "</g></svg>"]) + "\n"


def _run(text: str, tone: str, row: int, column: int, palette: Palette) -> list[str]:
    colour = COLOURS[palette][tone.removesuffix(EDGED)]
    x, y, width = column * CELL_WIDTH, row * CELL_HEIGHT, cell_len(text) * CELL_WIDTH
    height = CELL_HEIGHT // 2 if tone.endswith(EDGED) else CELL_HEIGHT
    found = []
    if colour.behind != COLOURS[palette]["plain"].behind:
        found.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour.behind}"/>')
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
