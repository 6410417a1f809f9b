"""Leaves hold everything once and in order; lines lose no letter; what is cut has a sign."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from terminal.screen import paging
from terminal.screen.cells import Area
from terminal.screen.feed import Seen
from terminal.screen.state import ScreenState
from terminal.screen.tapping import tapped
from tests.screen.gallery import NOW_NS, snapshot, view

SEEN = Seen(snapshot=snapshot())
WORDS = st.text(st.sampled_from("abcčљ 界\n"), max_size=300)


def leaves(count: int, places: int, beside: Area | None) -> list[list[int]]:
    """What stands on each leaf, as taps on its target lead through them until they begin anew."""
    state, found = ScreenState(), []
    while True:
        fields = Area(0, 0, 3 * places, 9).rows(*[3] * places)
        leaf = paging.leaf(view(SEEN, state, 15, 50), "list", range(count), fields, beside)
        assert all(field in fields for _, field in leaf.placed)
        assert len({field for _, field in leaf.placed}) == len(leaf.placed)
        found.append([item for item, _ in leaf.placed])
        assert leaf.is_last == (found[-1][-1:] == [count - 1] or count == 0)
        for box in leaf.turn:
            assert box.area not in [field for _, field in leaf.placed]
            state, _ = tapped(state, box.code, SEEN.snapshot, NOW_NS)
        if not leaf.turn or state.leaves["list"] == 0:
            return found


@given(st.integers(0, 50), st.integers(2, 9), st.booleans())
def test_every_item_stands_on_one_leaf_in_its_order(count: int, places: int, is_beside: bool) -> None:
    found = leaves(count, places, Area(0, 40, 3, 9) if is_beside else None)
    assert [item for one in found for item in one] == list(range(count))
    assert (len(found) == 1) == (count <= places)


def test_a_list_that_has_become_shorter_shows_its_last_leaf() -> None:
    state = ScreenState(leaves={"list": 7})
    leaf = paging.leaf(view(SEEN, state, 15, 50), "list", range(5), Area(0, 0, 9, 9).rows(3, 3, 3))
    assert [item for item, _ in leaf.placed] == [4]


@given(WORDS, st.integers(4, 40))
def test_lines_lose_no_letter_and_none_is_too_long(words: str, width: int) -> None:
    lines = paging.lines(words, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).replace("-", "").split()) == "".join(words.split())


@given(WORDS, st.integers(1, 6), st.integers(4, 40))
def test_a_beginning_fits_and_has_a_sign_if_that_is_not_all(words: str, height: int, width: int) -> None:
    area = Area(0, 0, height, width)
    shown = paging.beginning(words, area).split("\n")
    assert len(shown) <= height
    assert all(cell_len(line) <= width for line in shown)
    assert shown[-1].endswith("…") == (len(paging.lines(words, width)) > height)
