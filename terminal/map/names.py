"""Which names of places stand on a window of the map: each place once, in one script, and none over another. Pure."""

from collections.abc import Iterable, Iterator
from math import hypot

from msgspec import Struct

from terminal.latin import latin
from terminal.map.canvas import DOTS_ACROSS, DOTS_DOWN

SAME_PLACE_M = 5000.0
"""Two maps put a town's name at two points of it; so near one another the same name is one place."""

Place = tuple[int, str, float, float]
"""(kind, name, x, y) in dots."""


class Name(Struct, frozen=True):
    """A place's name and where it begins."""

    row: int
    column: int
    text: str
    kind: int


def shown(places: Iterable[Place], height: int, width: int, near_dots: float, *, in_cyrillic: bool) -> Iterator[Name]:
    """The greater places first; a name that would cover another is left out, and so is its second writing.

    Cyrillic is written as it is or in Latin letters; what a map has in Latin letters alone stays so.
    """
    taken: set[tuple[int, int]] = set()
    known: dict[str, list[tuple[float, float]]] = {}
    for kind, name, x, y in sorted(places, key=lambda one: _rank(one, in_cyrillic=in_cyrillic)):
        there = known.setdefault(latin(name).casefold(), [])
        if any(hypot(x - left, y - top) < near_dots for left, top in there):
            continue
        text = name if in_cyrillic else latin(name)
        row, column = int(y // DOTS_DOWN), int(x // DOTS_ACROSS)
        cells = {(row, column + place) for place in range(len(text) + 1)}
        fits = 0 <= row < height and column >= 0 and column + len(text) <= width
        if fits and not cells & taken:
            taken |= cells
            there.append((x, y))
            yield Name(row, column, text, kind)


def _rank(place: Place, *, in_cyrillic: bool) -> tuple[int, bool, str]:
    """The greater places first; of two writings of one the crew's own."""
    kind, name, *_ = place
    return -kind, in_cyrillic and name == latin(name), name
