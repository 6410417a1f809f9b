"""Every page in every language, colour, size, parked and driving: what an officer can read and hit at a glance."""

from itertools import pairwise
from pathlib import Path

import pytest
from gallery import SIZES, by_name, in_scene, scenes, view
from glance import MOST_TAPS, MOST_WORDS, table, taps, words_of
from msgspec.structs import replace

from terminal.contract.kinds import misnamed
from terminal.screen import frame, measure
from terminal.screen.backlight import Light
from terminal.screen.cells import painted
from terminal.screen.language import Language
from terminal.screen.palettes import COLOURS, LEAST_CONTRAST, Palette, contrast
from terminal.screen.view import View

ROOT = Path(__file__).parents[2]
FREE = {"dark"}
"""Scenes in which SOS is not to be seen: one touch anywhere brings the screen back."""

READ = {"long-text", "long-job", "reading"}
"""Scenes that have a text to be read at leisure, parked: its words are headquarters'."""


def views(language: Language, height: int, width: int, *, moving: bool) -> list[tuple[str, View]]:
    return [
        (name, view(seen, replace(state, language=language), height, width, moving=moving))
        for name, seen, state in scenes()
    ]


def faults(name: str, one: View) -> list[str]:
    """All that is wrong with a picture."""
    boxes = frame.boxes(one)
    found = list(measure.faults(boxes, one.height, one.width))
    if name not in FREE and not any(box.code == "arm" for box in boxes):
        found.append("SOS is not in reach")
    return [f"{name}: {fault}" for fault in found]


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


@pytest.mark.promise("P-BEARER-09")
@pytest.mark.parametrize("language", list(Language))
def test_a_bearers_longest_name_has_room_on_every_rung(language: Language) -> None:
    name = "satellite-12"
    assert misnamed(name) == ""
    assert misnamed(name + "3")
    shown = in_scene("alarm", language, *SIZES[0])
    assert shown.seen.snapshot is not None
    alarms = tuple(
        replace(alarm, sent=True, received=True, sent_by=(name,), received_by=(name,))
        for alarm in shown.seen.snapshot.alarms
    )
    one = replace(shown, seen=replace(shown.seen, snapshot=replace(shown.seen.snapshot, alarms=alarms)))
    assert faults("alarm", one) == []
    assert [box.words.endswith(f"({name.upper()})") for box in frame.boxes(one) if name.upper() in box.words] == [
        True
    ] * 2


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
    "bench:",
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


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_what_is_wanted_at_once_stays_while_the_car_moves(height: int, width: int) -> None:
    codes = {box.code for box in frame.boxes(in_scene("duty", Language.ENGLISH, height, width, moving=True))}
    assert {"dark", "louder", "arm", "duty:available"} <= codes


@pytest.mark.parametrize("moving", [False, True], ids=["parked", "driving"])
@pytest.mark.parametrize("language", list(Language))
def test_no_page_has_more_to_read_than_a_glance_takes(language: Language, moving: bool) -> None:
    read = set() if moving else READ
    names = [name for name in by_name() if name not in read]
    counts = {name: words_of(in_scene(name, language, *SIZES[0], moving=moving)) for name in names}
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
