"""A panel's real size, and the cells that fit a finger on it."""

import math

from msgspec import Struct

COLUMNS, ROWS = 50, 15
"""The size that every page is designed for: never fewer."""

CELL_WIDTH_MM, CELL_HEIGHT_MM = 3.0, 6.0
"""A cell at least: a target of 4 x 3 cells is then 12 x 18 mm."""

DIAGONAL_MM = (100.0, 700.0)
"""Cheap panels tell an aspect ratio, or nothing, for their size; what no panel in a car measures is not believed."""

ASPECT_TOLERANCE = 0.2
"""Pixels are square; sizes that say otherwise by more than this are wrong."""

FONT = "DejaVu Sans Mono"
FONT_ADVANCE_EM, FONT_HEIGHT_EM = 0.602, 1.2
"""Of DejaVu Sans Mono: 1233 of 2048 units a letter; ascent and descent together, each rounded up."""


class Panel(Struct, frozen=True):
    """As it is looked at, after any turning; no millimetres where it does not tell them."""

    width_px: int
    height_px: int
    width_mm: float = 0.0
    height_mm: float = 0.0


class Cell(Struct, frozen=True):
    """A cell in pixels."""

    width_px: int
    height_px: int


def believable(panel: Panel) -> bool:
    """Whether its millimetres can be true."""
    if min(panel.width_mm, panel.height_mm) <= 0:
        return False
    pixel = (panel.width_mm / panel.width_px) / (panel.height_mm / panel.height_px)
    diagonal_mm = math.hypot(panel.width_mm, panel.height_mm)
    return DIAGONAL_MM[0] <= diagonal_mm <= DIAGONAL_MM[1] and abs(pixel - 1) <= ASPECT_TOLERANCE


def cell(panel: Panel) -> Cell:
    """The smallest that a finger can do with; the largest that leaves 50 x 15 where that is less, or not known."""
    most = Cell(panel.width_px // COLUMNS, panel.height_px // ROWS)
    if not believable(panel):
        return most
    width_px = math.ceil(CELL_WIDTH_MM * panel.width_px / panel.width_mm)
    height_px = math.ceil(CELL_HEIGHT_MM * panel.height_px / panel.height_mm)
    return Cell(min(width_px, most.width_px), min(height_px, most.height_px))


def foot_options(size: Cell) -> list[str]:
    """What makes foot's cells so large (`main.KEY=VALUE`); its fonts are of whole pixels, as is a letter's width."""
    font_px = int(min((size.width_px + 0.49) / FONT_ADVANCE_EM, size.height_px / FONT_HEIGHT_EM))
    spare_px = size.width_px - round(font_px * FONT_ADVANCE_EM)
    return [
        f"main.font={FONT}:pixelsize={font_px}",
        f"main.line-height={size.height_px}px",
        f"main.letter-spacing={spare_px}px",
    ]
