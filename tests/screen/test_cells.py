"""Words in cells: broken where they may be, cut where they must, and never beside their box."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from terminal.screen.cells import EDGE, EDGED, RULED, Area, Box, hit, painted, target, wrapped

WORDS = st.text(st.sampled_from("ab \nćš漢\u00adЂ"), max_size=60)


def test_words_break_between_words_and_at_soft_hyphens() -> None:
    assert wrapped("Send another patrol", 12) == ("Send another", "patrol")
    assert wrapped("Severo\u00advzhod", 9) == ("Severo-", "vzhod")
    assert wrapped("Severo\u00advzhod", 11) == ("Severovzhod",)
    assert wrapped("a\u00adb\u00adc", 2) == ("a-", "bc")


def test_a_box_knows_that_it_is_cut() -> None:
    assert Box(area=Area(0, 0, 1, 5), words="Hello").is_cut is False
    assert Box(area=Area(0, 0, 1, 4), words="Hello").is_cut
    assert Box(area=Area(0, 0, 1, 5), words="Hello there").is_cut


def test_the_upper_of_two_boxes_is_drawn_and_hit() -> None:
    under, over = target(Area(0, 0, 3, 10), "under", "u"), target(Area(1, 2, 1, 4), "over", "o")
    rows = painted([under, over], 3, 12)
    assert "".join(text for text, _ in rows[1])[2:6] == "over"
    found = [hit([under, over], 1, column) for column in (1, 2, 5, 6, 10)]
    assert [one and one.code for one in found] == ["u", "o", "o", "u", None]


def test_a_target_ends_in_an_edge_and_where_words_fill_it_in_a_line_beneath_them() -> None:
    low, full = target(Area(0, 0, 3, 5), "one\ntwo", "a"), target(Area(3, 0, 3, 5), "one\ntwo\nfour", "b")
    ends = [painted([low, full], 6, 5)[row] for row in (2, 5)]
    assert ends == [[(EDGE * 5, "button" + EDGED)], [("four ", "button" + RULED)]]


@given(WORDS, st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(1, 12), st.booleans())
def test_every_row_is_as_wide_as_the_screen(
    words: str, top: int, left: int, height: int, width: int, middle: bool
) -> None:
    one = Box(area=Area(top, left, height, width), words=words, middle=middle)
    for row in painted([target(Area(2, 1, 4, 9), "漢字 漢", "t"), one], 10, 20):
        assert cell_len("".join(text for text, _ in row)) == 20


@given(st.integers(1, 200), st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(0, 3))
def test_strips_lie_one_after_the_other(width: int, widths: list[int], gap: int) -> None:
    strips = Area(0, 0, 1, width).columns(*widths, gap=gap)
    for one, other in itertools.pairwise(strips):
        assert other.left == one.right + gap
