"""An alarm on the map is red only while it calls from there: what is old, taken or an exercise looks and reads so."""

import pytest
from msgspec.structs import replace

from terminal.contract.work import LiveAlarm
from terminal.map.drawing import Window
from terminal.screen.cells import Area
from terminal.screen.feed import Seen
from terminal.screen.pages import chart
from terminal.screen.pages.marks import Mark, Shape, marks
from terminal.screen.state import Page, ScreenState
from terminal.shown import PictureView
from tests.screen.gallery import NOW_NS, NS_24, PICTURE, snapshot, view

TAKEN = replace(NS_24, acknowledged_by="Desk 2")
EXERCISE = replace(NS_24, kind="exercise")


def shown(*alarms: LiveAlarm, old_s: int = 3, gone: bool = False) -> list[Mark]:
    """The alarms' marks, of a picture that came so long ago."""
    told = PictureView(replace(PICTURE, alarms=alarms), NOW_NS - old_s * 10**9)
    known = replace(snapshot(), picture=told)
    seen = Seen(last=known, lost_mono_ns=NOW_NS) if gone else Seen(snapshot=known)
    one = view(seen, ScreenState(page=Page.MAP), 15, 50)
    return [mark for mark in marks(one, known) if mark.shape is Shape.ALARM]


@pytest.mark.promise("P-SHOW-14")
@pytest.mark.parametrize(
    ("alarm", "old_s", "words", "tone"),
    [
        (NS_24, 3, "!NS-24", "urgent"),
        (NS_24, 3600, "!NS-24 60 min", "old"),
        (replace(NS_24, position_ms=None), 3, "!NS-24", "old"),
        (TAKEN, 3, "!NS-24 taken", "job"),
        (TAKEN, 3600, "!NS-24 taken 60 min", "old"),
        (EXERCISE, 3, "!EXERCISE NS-24", "job"),
        (EXERCISE, 3600, "!EXERCISE NS-24 60 min", "old"),
        (replace(EXERCISE, acknowledged_by="Desk 2"), 3, "!EXERCISE NS-24 taken", "job"),
    ],
)
def test_what_is_old_taken_or_an_exercise_looks_so(alarm: LiveAlarm, old_s: int, words: str, tone: str) -> None:
    (mark,) = shown(alarm, old_s=old_s)
    assert (mark.words, mark.tone) == (words, tone)


def test_who_calls_is_drawn_above_the_others_and_nobody_does_once_core_is_gone() -> None:
    other = replace(NS_24, incident="B", unit="NS-25")
    assert [mark.words for mark in shown(other, EXERCISE, TAKEN)][-1] == "!NS-25"
    assert {mark.tone for mark in shown(other, TAKEN, gone=True)} == {"old"}


@pytest.mark.parametrize("column", [0, 5, 20, 34, 37])
@pytest.mark.parametrize(
    ("words", "sign"), [("!NS-24", "!"), ("!EXERCISE NS-24 taken 60 min", "!"), ("#12", "#"), ("◉", "◉")]
)
def test_the_sign_of_a_mark_stands_at_its_place_wherever_there_is_room_for_the_words(
    column: int, words: str, sign: str
) -> None:
    field = Area(2, 3, 9, 38)
    window = Window(45.0, 19.0, 16.0, field.height, field.width, 0.0)
    lat_deg, lon_deg = window.place_at(4, column)
    box = chart.marked(field, window, Mark(lat_deg, lon_deg, words, "urgent", Shape.ALARM))
    assert box is not None
    assert field.left <= box.area.left <= box.area.right <= field.right
    assert box.words[field.left + column - box.area.left] == sign
    assert len(box.words) == box.area.width
