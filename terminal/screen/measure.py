"""What is wrong with a picture: words that are cut, targets too small for a finger, or not told from others. Pure."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, permutations

from terminal.screen.cells import LEAST_HEIGHT, LEAST_WIDTH, MAIN_HEIGHT, MAIN_WIDTH, Area, Box, foot
from terminal.screen.palettes import COLOURS, Palette

ON_MAP = frozenset(("own", "other", "old", "job", "map-place"))
"""Tones of what may lie on something else: that is a map's nature."""


def faults(boxes: Sequence[Box], height: int, width: int) -> Iterator[str]:
    """Everything that makes these boxes unfit for a screen of this size."""
    for box in boxes:
        if box.is_cut:
            yield f"{box.words!r} is cut: its place has {box.area.height} lines of {box.area.width}"
        if not _is_inside(box.area, height, width):
            yield f"{box.words!r} is outside: {box.area}"
        if box.code and _is_too_small(box):
            yield f"{box.words!r} is too small for a finger: {box.area}"
    for one, other in _overlapping(boxes):
        yield f"{one.words!r} and {other.words!r} overlap"
    for one, other in _melting(boxes):
        yield f"{one.words!r} and {other.words!r} look like one target"


def _is_inside(area: Area, height: int, width: int) -> bool:
    return area.bottom <= height and area.right <= width and area.height >= 1 and area.width >= 1


def _is_too_small(box: Box) -> bool:
    least_height, least_width = (MAIN_HEIGHT, MAIN_WIDTH) if box.main else (LEAST_HEIGHT, LEAST_WIDTH)
    return box.area.height < least_height or box.area.width < least_width


def _overlapping(boxes: Sequence[Box]) -> Iterator[tuple[Box, Box]]:
    flat = [box for box in boxes if not (box.rows or box.pixels) and box.tone not in ON_MAP]
    return ((a, b) for a, b in combinations(flat, 2) if _touch(a.area, b.area))


def _touch(a: Area, b: Area) -> bool:
    return a.top < b.bottom and b.top < a.bottom and a.left < b.right and b.left < a.right


def _melting(boxes: Sequence[Box]) -> Iterator[tuple[Box, Box]]:
    """Targets, each with what it touches above or beneath, that have one ground and no edge between them."""
    filled = [box for box in boxes if not (box.rows or box.pixels)]
    for one, other in permutations(filled, 2):
        if (one.code or other.code) and _adjoins(one, other) and _is_one_ground(one.tone, other.tone):
            yield one, other


def _adjoins(one: Box, other: Box) -> bool:
    """Whether the other lies beneath it without an edge between them."""
    a, b = one.area, other.area
    return a.bottom == b.top and a.left < b.right and b.left < a.right and foot(one) == one.tone


@cache
def _is_one_ground(tone: str, other: str) -> bool:
    """Whether both have the same ground, and not the page's, in one of the palettes."""
    every = (COLOURS[palette] for palette in Palette)
    return any(tones["plain"].behind != tones[tone].behind == tones[other].behind for tones in every)
