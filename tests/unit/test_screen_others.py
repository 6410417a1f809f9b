"""An alarm of another patrol stands on every page: whose, how far, how old, taken or not."""

import pytest
from msgspec.structs import replace

from terminal.asked import Refused
from terminal.contract.work import LiveAlarm
from terminal.link import Snapshot
from terminal.screen import bar, frame, others
from terminal.screen.cells import Area
from terminal.screen.feed import Seen
from terminal.screen.language import Language, Say
from terminal.screen.state import Aside, Page, ScreenState
from terminal.shown import AlarmView, PictureView
from tests.screen.gallery import ALARM, JOBS, NOW_NS, NS_24, PICTURE, snapshot, view

FAR = replace(NS_24, incident="B", unit="NS-25", lat_deg=45.4)
TAKEN = replace(NS_24, acknowledged_by="Desk 2")


def told(*alarms: LiveAlarm, page: Page = Page.DUTY, **facts: object) -> tuple[str, str]:
    """The line beneath the status row."""
    seen = replace(snapshot(alarms=alarms), **({"jobs": ()} | facts))
    return frame.notice(view(Seen(snapshot=seen), ScreenState(page=page), 15, 50))


@pytest.mark.promise("P-SHOW-14")
@pytest.mark.parametrize("page", [page for page in Page if page is not Page.MAP])
def test_whose_alarm_and_where_is_said_on_every_page(page: Page) -> None:
    assert told(NS_24, page=page) == ("ALARM NS-24 869 m SE", "urgent")


def test_the_map_says_it_by_itself_and_its_button_calls_from_everywhere_else() -> None:
    assert told(NS_24, page=Page.MAP)[0] == "Not working: can"
    button = _map_button(snapshot(alarms=(NS_24, FAR)))
    assert (button.words, button.tone) == ("Map\n(!2)", "urgent")
    taken = _map_button(snapshot(alarms=(TAKEN,)))
    assert (taken.words, taken.tone) == ("Map\n(!1)", "button")


def _map_button(seen: Snapshot):
    boxes = bar.boxes(view(Seen(snapshot=seen), ScreenState(), 15, 50), Area(11, 0, 4, 50))
    return next(box for box in boxes if box.code == "page:map")


def test_the_nearest_that_nobody_has_taken_comes_first_and_a_real_one_before_an_exercise() -> None:
    def first(*alarms: LiveAlarm) -> str:
        one = others.first(snapshot(alarms=alarms))
        assert one is not None
        return one.unit

    assert first(FAR, NS_24) == "NS-24"
    assert first(TAKEN, FAR) == "NS-25"
    assert first(replace(NS_24, kind="exercise"), FAR) == "NS-25"
    assert first(replace(NS_24, kind="exercise"), replace(FAR, acknowledged_by="Desk 2")) == "NS-25"
    assert first(replace(NS_24, lat_deg=None), FAR) == "NS-25"


def words(alarm: LiveAlarm, **facts: object) -> str:
    return others.in_words(Say(Language.ENGLISH), replace(snapshot(alarms=(alarm,)), **facts), alarm, NOW_NS)


def test_the_words_claim_no_more_than_is_known() -> None:
    stale = replace(snapshot().position, stale=True)
    assert words(TAKEN) == "ALARM NS-24 (taken) 869 m SE"
    assert words(NS_24, position=stale) == "ALARM NS-24 ~869 m SE"
    assert words(replace(NS_24, position_ms=400_000)) == "ALARM NS-24 ~869 m SE, 10 min ago"
    assert words(replace(NS_24, position_ms=None)) == "ALARM NS-24 ~869 m SE"
    assert words(replace(NS_24, lat_deg=None, kind="exercise")) == "EXERCISE NS-24"
    told_long_ago = PictureView(PICTURE, NOW_NS - 3600 * 10**9)
    assert words(NS_24, picture=told_long_ago) == "ALARM NS-24 ~869 m SE, 60 min ago"
    assert words(replace(NS_24, lat_deg=None, position_ms=None), picture=told_long_ago) == "ALARM NS-24, 60 min ago"


def test_it_waits_behind_the_own_alarm_and_what_passes_by_itself_and_before_the_line() -> None:
    line = replace(snapshot().line, problem="refused")
    assert told(NS_24, line=line)[0].startswith("ALARM NS-24")
    assert told(TAKEN, line=line)[0] == "No line yet; it is being tried"
    assert told(NS_24, jobs=JOBS)[0].startswith("ALARM NS-24")
    assert told(TAKEN, jobs=JOBS)[0].startswith("On scene?")
    assert told(NS_24, alarms=(ALARM,))[0].startswith("ALARM NS-24"), "the own alarm has the page"
    refused = Seen(snapshot=snapshot(alarms=(NS_24,)), refused=Refused(command="x", reason="no such alarm is open"))
    assert frame.notice(view(refused, ScreenState(refused_ns=NOW_NS), 15, 50))[0] == "NOT DONE: no such alarm is open"
    aside = ScreenState(aside=Aside(NOW_NS, {"I": ALARM.signals}))
    own = Seen(snapshot=replace(snapshot(alarms=(NS_24,)), alarms=(ALARM,), jobs=JOBS))
    assert frame.notice(view(own, aside, 15, 50))[0] == "ALARM IS OPEN NOT CONFIRMED"


def test_an_own_alarm_that_is_taken_or_a_test_does_not_stand_before_another_patrols_call() -> None:
    aside = ScreenState(aside=Aside(NOW_NS, {"I": ALARM.signals}))
    taken = replace(ALARM, taken=True, acknowledged_by="Desk 2")

    def line(own: AlarmView, *theirs: LiveAlarm) -> str:
        seen = Seen(snapshot=replace(snapshot(alarms=theirs), alarms=(own,), jobs=()))
        return frame.notice(view(seen, aside, 15, 50))[0]

    assert line(taken) == "ALARM IS OPEN. TAKEN by Desk 2"
    assert line(replace(ALARM, kind="test")) == "TEST ALARM NOT CONFIRMED"
    assert line(taken, NS_24).startswith("ALARM NS-24")
    assert line(replace(ALARM, kind="test"), NS_24).startswith("ALARM NS-24")


def test_who_types_sees_another_patrols_call() -> None:
    typing = ScreenState(page=Page.KEYBOARD)
    called, calm = (view(Seen(snapshot=snapshot(alarms=theirs)), typing, 15, 50) for theirs in ((NS_24,), ()))
    assert any(box.words.startswith("ALARM NS-24") for box in frame.boxes(called))
    assert [box for box in frame.boxes(called) if box.code] == [box for box in frame.boxes(calm) if box.code]
