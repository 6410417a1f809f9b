"""What measures the pages finds each thing that can be wrong with one, and nothing in a sound one."""

import pytest

from terminal.screen.cells import Area, Box, target
from terminal.screen.measure import faults

SOUND = target(Area(0, 0, 4, 7), "Go", "go", main=True)
BENEATH = target(Area(6, 8, 3, 9), "SOS", "arm", "sos")


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (Box(area=Area(5, 0, 1, 4), words="too long"), "is cut"),
        (Box(area=Area(5, 0, 2, 4), words="oneword"), "is cut"),
        (Box(area=Area(9, 0, 2, 9), words="low"), "is outside"),
        (Box(area=Area(5, 15, 1, 9), words="wide"), "is outside"),
        (Box(area=Area(5, 0, 0, 9)), "is outside"),
        (target(Area(5, 0, 2, 9), "flat", "go"), "is too small for a finger"),
        (target(Area(5, 0, 3, 3), "thin", "go"), "is too small for a finger"),
        (target(Area(5, 0, 3, 9), "main", "go", main=True), "is too small for a finger"),
        (target(Area(5, 0, 4, 6), "main", "go", main=True), "is too small for a finger"),
        (Box(area=Area(3, 6, 1, 9), words="over"), "overlap"),
        (Box(area=Area(4, 8, 2, 9), words="in its colour\nwith no edge", tone="urgent"), "look like one target"),
    ],
)
def test_each_fault_is_found(box: Box, said: str) -> None:
    assert [fault for fault in faults([SOUND, BENEATH, box], 10, 20) if said in fault] != []
    assert list(faults([SOUND, BENEATH], 10, 20)) == []


@pytest.mark.parametrize(
    "box",
    [
        target(Area(4, 0, 3, 4), "ok", "go"),
        Box(area=Area(4, 0, 1, 2), words="ok"),
        Box(area=Area(0, 0, 1, 2), words="me", tone="own"),
        Box(area=Area(0, 7, 2, 3), words="a b c d"),
        target(Area(4, 0, 3, 7), "three\nwhole\nlines", "go"),
        Box(area=Area(4, 0, 1, 7), words="apart", tone="urgent"),
    ],
)
def test_what_is_sound_has_none(box: Box) -> None:
    assert list(faults([SOUND, box], 10, 20)) == []
