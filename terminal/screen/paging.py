"""What is longer than its place: lists and texts in leaves that a target turns; nothing is cut without a sign. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil
from typing import Generic, TypeVar

from msgspec import Struct
from rich.cells import cell_len, chop_cells, set_cell_size

from terminal.screen.cells import LEAST_HEIGHT, SOFT_HYPHEN, Area, Box, target, wrapped
from terminal.screen.view import View
from terminal.screen.words import Said

T = TypeVar("T")

TURN_WIDTH = 9
"""The target that turns a leaf, where it stands beside what it turns."""


class Leaf(Struct, Generic[T], frozen=True):
    """As many items as there is room for, each with its place; `turn` leads to the others, the first after the last."""

    placed: tuple[tuple[T, Area], ...]
    turn: tuple[Box, ...] = ()
    is_last: bool = True


def leaf(view: View, name: str, items: Sequence[T], fields: Sequence[Area], turn: Area | None = None) -> Leaf[T]:
    """The items in these fields, at least two; of more than those the leaf that the crew has turned to.

    The target that turns stands at `turn`, or else in the last field. `name` tells one list from another.
    """
    if len(items) <= len(fields):
        return Leaf(tuple(zip(items, fields, strict=False)))
    if turn is None:
        *fields, turn = fields
    count = ceil(len(items) / len(fields))
    number = min(view.state.leaves.get(name, 0), count - 1)
    shown = items[number * len(fields) : (number + 1) * len(fields)]
    words = view.say("Next") + f"\n{number + 1}/{count}"
    turned = target(turn, words, f"turn:{name}:{(number + 1) % count}")
    return Leaf(tuple(zip(shown, fields, strict=False)), (turned,), number == count - 1)


def fields(area: Area, count: int, columns: int, least: int = LEAST_HEIGHT) -> tuple[Area, ...]:
    """Places for so many targets, as large as there is room for, and none lower than `least`: they may be too few."""
    rows = max(min(ceil(count / columns), area.height // least), 1)
    return area.grid(rows, columns)


def beside(area: Area) -> tuple[Area, Area]:
    """A place for items, and right of it one for the target that turns them."""
    field, turn = area.columns(0, TURN_WIDTH, gap=1)
    return field, turn


def rows(area: Area) -> tuple[Area, ...]:
    """Places for lines."""
    return area.rows(*[1] * area.height)


def told(view: View, name: str, facts: Sequence[Said], area: Area) -> list[Box]:
    """Facts one beneath the other, each as many lines as it needs, leaf by leaf where that is more than there are."""
    heights = [max(len(lines(words, area.width)), 1) for words, _ in facts]
    if sum(heights) <= area.height:
        strips = zip(facts, area.rows(*heights), strict=True)
        return [Box(area=strip, words=words, tone=tone) for (words, tone), strip in strips]
    field, side = beside(area)
    every = [(line, tone) for words, tone in facts for line in lines(words, field.width)]
    turn, _ = side.rows(LEAST_HEIGHT, 0)
    found = leaf(view, name, every, rows(field), turn)
    return [*(Box(area=line, words=words, tone=tone) for (words, tone), line in found.placed), *found.turn]


@lru_cache(maxsize=256)
def lines(words: str, width: int) -> tuple[str, ...]:
    """All the words in lines of this width; a word that is longer is broken."""
    paragraphs = (paragraph.split(" ") for paragraph in words.split("\n"))
    return wrapped("\n".join(" ".join(_breakable(word, width) for word in one) for one in paragraphs), width)


def _breakable(word: str, width: int) -> str:
    if cell_len(word) <= width or SOFT_HYPHEN in word:
        return word
    return SOFT_HYPHEN.join(chop_cells(word, width - 1))


def beginning(words: str, area: Area) -> str:
    """The words as they fit in an area, and a sign where there is more of them."""
    every = lines(words, area.width)
    if len(every) <= area.height:
        return "\n".join(every)
    *shown, last = every[: area.height]
    if cell_len(last) >= area.width:
        last = set_cell_size(last, area.width - 1)
    return "\n".join([*shown, f"{last}…"])
