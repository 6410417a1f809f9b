"""Every page in every language, colour, size, parked and driving: what an officer can read and hit at a glance."""

from itertools import pairwise
from pathlib import Path

import pytest
from gallery import SIZES, in_scene, scenes, view
from glance import MOST_TAPS, MOST_WORDS, table, taps, words_of
from msgspec.structs import replace

from terminal.screen import frame
from terminal.screen.backlight import Light
from terminal.screen.cells import LEAST_HEIGHT, LEAST_WIDTH, MAIN_HEIGHT, MAIN_WIDTH, Area, Box, painted
from terminal.screen.language import Language
from terminal.screen.palettes import COLOURS, LEAST_CONTRAST, Palette, contrast
from terminal.screen.view import View

ROOT = Path(__file__).parents[2]
ON_MAP = {"own", "other", "old", "job", "map-place"}
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
    """Boxes that cover one another; what lies on the map is meant to."""
    flat = [box for box in boxes if not (box.rows or box.pixels) and box.tone not in ON_MAP]
    return [(a, b) for place, a in enumerate(flat) for b in flat[place + 1 :] if touch(a.area, b.area)]


def touch(a: Area, b: Area) -> bool:
    return a.top < b.bottom and b.top < a.bottom and a.left < b.right and b.left < a.right


@pytest.mark.parametrize("moving", [False, True], ids=["parked", "driving"])
@pytest.mark.parametrize(("height", "width"), SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
@pytest.mark.parametrize("language", list(Language))
def test_everything_can_be_read_and_hit(language: Language, height: int, width: int, moving: bool) -> None:
    found = [fault for name, one in views(language, height, width, moving=moving) for fault in faults(name, one)]
    assert found == []


@pytest.mark.parametrize("light", [Light.NONE, Light.REFUSED])
@pytest.mark.parametrize("language", list(Language))
def test_a_light_that_cannot_be_set_says_so_and_is_no_target(language: Language, light: Light) -> None:
    for height, width in SIZES:
        one = replace(in_scene("system", language, height, width), light=light)
        assert faults("system", one) == []
        assert "brighter" not in {box.code for box in frame.boxes(one)}


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


LOCKED = (
    "form:",
    "say:",
    "file:",
    "type:",
    "key:",
    "typed",
    "read:",
    "language:",
    "palette:",
    "brighter",
    "in:",
    "out:",
    "shift:",
)


@pytest.mark.parametrize("language", list(Language))
def test_what_needs_reading_or_typing_is_locked_while_the_car_moves(language: Language) -> None:
    for name, one in views(language, *SIZES[0], moving=True):
        codes = [box.code for box in frame.boxes(one) if box.tone != "locked"]
        reachable = [code for code in codes if code.startswith(LOCKED)]
        assert reachable == [], name


@pytest.mark.parametrize("moving", [False, True], ids=["parked", "driving"])
@pytest.mark.parametrize("language", list(Language))
def test_no_page_has_more_to_read_than_a_glance_takes(language: Language, moving: bool) -> None:
    counts = {name: words_of(in_scene(name, language, *SIZES[0], moving=moving)) for name, _, _ in scenes()}
    assert {name: count for name, count in counts.items() if count > MOST_WORDS} == {}


def test_everything_is_a_few_taps_away() -> None:
    found = taps()
    words = {code.partition(":")[0] for code in found}
    assert set(MOST_TAPS) <= words, "everything that has a limit can be reached at all"
    too_far = {code: count for code, count in found.items() if count > MOST_TAPS.get(code.partition(":")[0], 5)}
    assert too_far == {}


def test_the_documentation_has_the_table() -> None:
    shown = (ROOT / "docs" / "screen.md").read_text(encoding="utf-8")
    assert table() in shown, "python -m tests.screen.glance prints it"


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_dark_panel_has_no_cell_that_is_lit(height: int, width: int) -> None:
    rows = painted(frame.boxes(in_scene("dark", Language.ENGLISH, height, width)), height, width)
    assert {tone for row in rows for _, tone in row} == {"dark"}
