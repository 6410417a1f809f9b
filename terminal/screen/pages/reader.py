"""A text that is longer than its place on a page, with the whole page for itself, leaf by leaf. Pure."""

from terminal.screen import paging
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.view import View

SIDE = 5
"""What can be done takes one part in so many of the width."""


def boxes(view: View, name: str, words: str, area: Area, last: tuple[str, str] | None = None) -> list[Box]:
    """The words at the left; at the right the way on, on the last leaf `last` (words, code), and the way back."""
    left, right = area.columns(0, max(area.width // SIDE, paging.TURN_WIDTH), gap=1)
    upper, lower = right.rows(0, LEAST_HEIGHT)
    leaf = paging.leaf(view, name, paging.lines(words, left.width), paging.rows(left), upper)
    found = [Box(area=field, words=line) for line, field in leaf.placed]
    if leaf.is_last and last is not None:
        found.append(target(upper, *last, "proposed", main=True))
    else:
        found += leaf.turn
    return [*found, target(lower, view.say("Back"), "open:")]
