"""The map's page in pixels: whose place is where, which way the car goes, what is old, and words that can be read."""

from itertools import combinations
from math import cos, radians, sin

import pytest
from gallery import ALARM, FIX, NS_24, SIZES, snapshot, view
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sixel_reader import read
from test_glance import faults

from terminal.link import Snapshot
from terminal.map.drawing import CellSize, Window
from terminal.screen import frame
from terminal.screen.cells import Area, Box, painted
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.pages import chart, plot
from terminal.screen.pages.marks import Mark, Shape, marks
from terminal.screen.pixels import Ink
from terminal.screen.state import SCALES_M, Chart, Page, ScreenState
from terminal.screen.view import View
from terminal.shown import PositionView

CELL = CellSize(32, 16)
ON_MAP = ScreenState(page=Page.MAP)


def shown(snapshot_now: Snapshot, state: ScreenState = ON_MAP) -> View:
    return replace(view(Seen(snapshot=snapshot_now), state, *SIZES[0]), cell=CELL)


def driven(course_deg: float | None, *, stale: bool = False) -> Snapshot:
    fix = replace(FIX, track_deg=course_deg)
    return replace(snapshot(), position=PositionView(fix=fix, last_good=fix, stale=stale), jobs=(), picture=None)


def picture_of(one: View) -> tuple[Box, list[list[int | None]]]:
    """The map's box, and its pixels as a terminal reads them."""
    (box,) = [box for box in frame.boxes(one) if box.pixels is not None]
    assert box.pixels is not None
    return box, read(box.pixels.sixels).rows


def inks(rows: list[list[int | None]]) -> set[Ink]:
    return {plot.INKS[pixel] for row in rows for pixel in row if pixel is not None}


def test_a_line_has_the_colour_that_it_has_in_cells() -> None:
    for kind, tone in plot.TONES.items():
        assert plot.INKS[kind].tone == tone
    assert plot.INKS[0] == Ink("plain", is_behind=True)


@pytest.mark.parametrize("state", [ON_MAP, replace(ON_MAP, chart=Chart(is_north_up=False))], ids=["north-up", "way-up"])
@pytest.mark.parametrize("course_deg", [0.0, 45.0, 128.0, 270.0])
def test_the_car_is_an_arrow_over_ground(course_deg: float, state: ScreenState) -> None:
    _, rows = picture_of(shown(driven(course_deg), state))
    own = {plot.INKS.index(Ink("own", is_behind)) for is_behind in (False, True)}
    pixels = [(x, y) for y, row in enumerate(rows) for x, pixel in enumerate(row) if pixel in own]
    window = chart.window_of(shown(driven(course_deg), state), driven(course_deg), Area(2, 0, 9, 38))
    assert window is not None
    turn = radians(course_deg - window.up_deg)
    ahead = [x * sin(turn) - y * cos(turn) for x, y in pixels]
    aside = [x * cos(turn) + y * sin(turn) for x, y in pixels]
    tip = [side for far, side in zip(ahead, aside, strict=True) if far > max(ahead) - 4]
    tail = [side for far, side in zip(ahead, aside, strict=True) if far < min(ahead) + 4]
    assert 2 * (max(tip) - min(tip)) < max(tail) - min(tail), "it points where the car goes"


def test_what_is_old_looks_old_and_nothing_of_it_as_if_it_were_so_now() -> None:
    now = Ink("own", is_behind=True)
    assert now in inks(picture_of(shown(driven(45.0)))[1])
    for old in (
        shown(driven(45.0, stale=True)),
        replace(shown(driven(45.0)), seen=Seen(last=driven(45.0), lost_mono_ns=1)),
    ):
        found = inks(picture_of(old)[1])
        assert now not in found
        assert Ink("old", is_behind=True) in found
    stale = shown(driven(45.0, stale=True))
    assert stale.snapshot is not None
    assert [mark.course_deg for mark in marks(stale, stale.snapshot)] == [None], "nor does it point anywhere"
    gone = replace(shown(snapshot()), seen=Seen(last=snapshot(), lost_mono_ns=1))
    box, rows = picture_of(gone)
    assert {ink.tone for ink in inks(rows)} & set(plot.MARKS) == {"old"}
    assert box.code == "", "nothing can be tapped that core would answer"


def test_patrols_jobs_and_alarms_are_where_they_are() -> None:
    one = shown(snapshot(alarms=(NS_24,)), replace(ON_MAP, chart=Chart(scale=6)))
    box, rows = picture_of(one)
    assert one.snapshot is not None
    window = chart.window_of(one, one.snapshot, box.area)
    assert window is not None
    middles = {symbol.tone: symbol for symbol, _ in plot.seen(window, CELL, marks(one, one.snapshot))}
    for mark in marks(one, one.snapshot):
        row, column = window.point_of(mark.lat_deg, mark.lon_deg)
        if middles[mark.tone].shape is mark.shape and mark.words != "#1":
            pixel = rows[int(row * 32)][int(column * 16)]
            assert pixel is not None
            assert plot.INKS[pixel].tone in plot.MARKS, mark
    assert {ink.tone for ink in inks(rows)} >= {"own", "other", "old", "job", "urgent"}


WORDS = st.sampled_from(["A", "NS-22", "!EXERCISE VOZILO-123 taken 12 min", 50 * "W"])
PLACES = st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01), WORDS)


@given(st.lists(PLACES, max_size=12), st.integers(0, len(SCALES_M) - 1), st.sampled_from(["other", "urgent"]))
def test_no_words_cover_others_or_a_mark_or_stand_outside(
    places: list[tuple[float, float, str]], scale: int, tone: str
) -> None:
    field = Area(2, 0, 9, 38)
    window = Window(45.26, 19.83, SCALES_M[scale], field.height, field.width)
    there = [Mark(45.26 + lat, 19.83 + lon, words, tone, Shape.PATROL) for lat, lon, words in places]
    _, *written = plot.boxes(window, view(Seen(), ON_MAP, *SIZES[0]).maps, CELL, field, there)
    assert all(field.holds(box.area) for box in written)
    for one, other in combinations(written, 2):
        assert plot.is_free(one.area, [other])
    for mark in there:
        cell = window.cell_of(mark.lat_deg, mark.lon_deg)
        labels = [box for box in written if box.tone == tone]
        assert cell is None or plot.is_free(Area(field.top + cell[0], field.left + cell[1], 1, 1), labels)
    if len(there) == 1 and window.cell_of(there[0].lat_deg, there[0].lon_deg) is not None:
        assert there[0].words[: field.width] in [box.words for box in written], "where there is room, it is written"


@pytest.mark.parametrize("moving", [False, True], ids=["parked", "driving"])
@pytest.mark.parametrize(("height", "width"), SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
@pytest.mark.parametrize("language", list(Language))
def test_the_page_can_be_read_and_hit(language: Language, height: int, width: int, moving: bool) -> None:
    state = replace(ON_MAP, language=language)
    one = replace(view(Seen(snapshot=snapshot()), state, height, width, moving=moving), cell=CELL)
    assert faults("map", one) == []
    box, rows = picture_of(one)
    assert (len(rows), len(rows[0])) == (box.area.height * 32 // 6 * 6, box.area.width * 16)
    under = {tone for row in painted([box], height, width) for _, tone in row}
    assert under == {"plain"}, "the cells beneath are empty, and of the ground's colour"


def test_under_an_alarm_and_in_the_dark_there_is_no_picture() -> None:
    alarmed = replace(snapshot(), alarms=(ALARM,))
    for one in (shown(alarmed), shown(snapshot(), replace(ON_MAP, is_dark=True))):
        assert [box for box in frame.boxes(one) if box.pixels is not None] == []


def test_a_silent_alarm_changes_no_pixel() -> None:
    silent = replace(snapshot(), alarms=(replace(ALARM, silent=True),))
    assert frame.boxes(shown(silent)) == frame.boxes(shown(snapshot()))


def test_a_frame_that_shows_the_same_is_not_drawn_anew() -> None:
    assert picture_of(shown(snapshot()))[0].pixels is picture_of(shown(snapshot()))[0].pixels
