"""Every page in every language, colour, size, parked and driving: what an officer can read and hit at a glance."""

from itertools import pairwise

import pytest
from gallery import SIZES, scenes, view
from msgspec.structs import replace

from terminal.screen import frame
from terminal.screen.cells import LEAST_HEIGHT, LEAST_WIDTH, MAIN_HEIGHT, MAIN_WIDTH, Area, Box
from terminal.screen.language import Language
from terminal.screen.palettes import COLOURS, LEAST_CONTRAST, Palette, contrast
from terminal.screen.view import View

FREE = {"dark"}
"""Scenes in which SOS is not to be seen: one touch anywhere brings the screen back."""


def views(language: Language, height: int, width: int, *, moving: bool) -> list[tuple[str, View]]:
    return [
        (name, view(seen, replace(state, language=language), height, width, moving=moving))
        for name, seen, state in scenes()
    ]


def faults(name: str, one: View) -> list[str]:
    """All that is wrong with a picture."""
    boxes = frame.boxes(one)
    whole = Area(0, 0, one.height, one.width)
    found = [f"{box.words!r} is cut: {box.area}" for box in boxes if box.is_cut]
    for box in boxes:
        if box.area.bottom > whole.bottom or box.area.right > whole.right or box.area.height < 1 or box.area.width < 1:
            found.append(f"{box.words!r} is outside: {box.area}")
        least = (MAIN_HEIGHT, MAIN_WIDTH) if box.main else (LEAST_HEIGHT, LEAST_WIDTH)
        if (box.code and (box.area.height, box.area.width) < least) or (box.code and box.area.width < least[1]):
            found.append(f"{box.words!r} is too small for a finger: {box.area}")
    found += [f"{a.words!r} and {b.words!r} overlap" for a, b in overlapping(boxes)]
    if name not in FREE and not any(box.code == "arm" for box in boxes):
        found.append("SOS is not in reach")
    return [f"{name}: {fault}" for fault in found]


def overlapping(boxes: list[Box]) -> list[tuple[Box, Box]]:
    return [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :] if touch(a.area, b.area)]


def touch(a: Area, b: Area) -> bool:
    return a.top < b.bottom and b.top < a.bottom and a.left < b.right and b.left < a.right


@pytest.mark.parametrize("moving", [False, True], ids=["parked", "driving"])
@pytest.mark.parametrize(("height", "width"), SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
@pytest.mark.parametrize("language", list(Language))
def test_everything_can_be_read_and_hit(language: Language, height: int, width: int, moving: bool) -> None:
    found = [fault for name, one in views(language, height, width, moving=moving) for fault in faults(name, one)]
    assert found == []


@pytest.mark.parametrize("palette", list(Palette))
def test_every_colour_has_its_contrast(palette: Palette) -> None:
    weak = {
        tone: round(contrast(colour), 2)
        for tone, colour in COLOURS[palette].items()
        if tone != "dark" and contrast(colour) < LEAST_CONTRAST[palette]
    }
    assert weak == {}


def test_every_palette_knows_every_tone() -> None:
    tones = [set(COLOURS[palette]) for palette in Palette]
    assert all(one == other for one, other in pairwise(tones))


LOCKED = ("form:", "say:", "file:", "type:", "key:", "typed", "read:", "language:", "palette:", "in:", "out:", "shift:")


@pytest.mark.parametrize("language", list(Language))
def test_what_needs_reading_or_typing_is_locked_while_the_car_moves(language: Language) -> None:
    for name, one in views(language, *SIZES[0], moving=True):
        codes = [box.code for box in frame.boxes(one) if box.tone != "locked"]
        reachable = [code for code in codes if code.startswith(LOCKED)]
        assert reachable == [], name
