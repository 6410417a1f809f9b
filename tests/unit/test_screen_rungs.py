"""An alarm's rungs stand over the height that there is; the lines of a text stay together."""

from itertools import pairwise

import pytest

from terminal.screen import frame
from terminal.screen.language import Language
from terminal.screen.pages.alarm import MOST_GAP
from tests.screen.gallery import SIZES, in_scene


def gaps(scene: str, size: tuple[int, int], *words: str) -> set[int]:
    """The free rows between the boxes that begin so."""
    boxes = frame.boxes(in_scene(scene, Language.ENGLISH, *size))
    tops = [box.area.top for box in boxes if box.words.startswith(words)]
    return {below - above - 1 for above, below in pairwise(tops)}


@pytest.mark.parametrize(("size", "gap"), [(SIZES[0], 0), (SIZES[2], 1), (SIZES[3], MOST_GAP)])
def test_the_rungs_of_an_alarm_stand_apart_where_there_is_room(size: tuple[int, int], gap: int) -> None:
    assert gaps("alarm", size, "ALARM", "●", "○") == {gap}


@pytest.mark.parametrize("size", SIZES)
def test_what_is_said_of_a_terminal_that_does_not_work_is_read_as_one(size: tuple[int, int]) -> None:
    assert gaps("core-gone", size, "Position", "are not", "SOS goes", "works again") == {0}
