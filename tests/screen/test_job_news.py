"""What a job asks is said on every other page, and its button calls."""

import pytest
from gallery import ALARM, JOB, SIZES, snapshot, view
from msgspec.structs import replace

from terminal.contract.work import JobStep, Priority
from terminal.screen import frame
from terminal.screen.feed import Seen
from terminal.screen.state import Page, ScreenState
from terminal.shown import JobView, LineView, Trouble

NEW = JobView(job=replace(JOB, priority=Priority.ROUTINE), step=JobStep.SENT, received=True, next=JobStep.ACCEPTED)
URGENT = replace(NEW, job=replace(JOB, job="02", title="Fight"))
THERE = replace(NEW, job=replace(JOB, job="03", title="Noise"), step=JobStep.EN_ROUTE, arrived=True)
THERE = replace(THERE, next=JobStep.ON_SCENE)


def told(jobs: tuple[JobView, ...], state: ScreenState, *, moving: bool = False) -> tuple[str, str, str]:
    """The line beneath the status row, and the button of the jobs: its words and its tone."""
    one = view(Seen(snapshot=replace(snapshot(), jobs=jobs)), state, *SIZES[0], moving=moving)
    boxes = frame.boxes(one)
    line = next(box for box in boxes if box.area.top == 1)
    button = next(box for box in boxes if box.code == "page:jobs")
    return line.words, button.words, button.tone


@pytest.mark.parametrize("page", [page for page in Page if page not in (Page.JOBS, Page.KEYBOARD)])
def test_a_car_that_stands_near_a_job_asks_so_on_every_page(page: Page) -> None:
    notice, words, tone = told((NEW, THERE), ScreenState(page=page))
    assert (notice, words, tone) == ("On scene? #2 URGENT Noise, Futoška 12", "Jobs\n(1?)", "proposed")


@pytest.mark.parametrize("moving", [False, True])
def test_a_new_urgent_job_is_named_and_a_routine_one_is_counted(moving: bool) -> None:
    assert told((NEW, URGENT), ScreenState(), moving=moving)[0] == "NEW: #2 URGENT Fight, Futoška 12"
    notice, words, tone = told((NEW,), ScreenState(), moving=moving)
    assert (notice.startswith("Not working"), words, tone) == (True, "Jobs\n(1)", "button")


def test_the_job_that_has_the_page_is_not_named_again_but_another_is() -> None:
    assert told((NEW, URGENT), ScreenState(page=Page.JOBS, job="02"))[0].startswith("Not working")
    assert told((NEW, URGENT), ScreenState(page=Page.JOBS, job="01"))[0].startswith("NEW: #2 URGENT Fight")
    old = replace(URGENT, step=JobStep.ON_SCENE, next=JobStep.DONE)
    emergency = replace(URGENT, job=replace(JOB, job="04", title="Fire", priority=Priority.EMERGENCY))
    assert told((old, emergency), ScreenState(page=Page.JOBS, job="02"), moving=True)[0].startswith("NEW: #2 EMERGENCY")
    assert told((old, emergency), ScreenState(page=Page.JOBS), moving=True)[0].startswith("Not working"), "it is shown"


def test_a_disk_that_stores_nothing_comes_before_it_and_a_dead_line_after_it() -> None:
    for line, said in ((LineView(disk_problem="full"), "NOT STORED"), (LineView(trouble=Trouble.NO_NETWORK), "NEW: ")):
        seen = replace(snapshot(), jobs=(URGENT,), line=line)
        assert frame.notice(view(Seen(snapshot=seen), ScreenState(), *SIZES[0]))[0].startswith(said)


def test_the_crews_own_alarm_comes_before_all_of_it() -> None:
    alarmed = replace(snapshot(), jobs=(URGENT,), alarms=(ALARM,))
    words = [box.words for box in frame.boxes(view(Seen(snapshot=alarmed), ScreenState(), *SIZES[0]))]
    assert not any("Fight" in one for one in words)
