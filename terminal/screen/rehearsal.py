"""A role's profile on every page that shows its words, in each language, before a crew sees it. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace
from rich.cells import cell_len

from terminal.contract.profile import Choice, Form, Profile
from terminal.contract.work import Job, JobStep
from terminal.link import Snapshot
from terminal.screen import frame, measure
from terminal.screen.feed import Seen
from terminal.screen.language import Language, Say
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import tapped
from terminal.screen.view import View
from terminal.shown import DutyView, JobView, UnitView

HEIGHT, WIDTH = 15, 50
"""The smallest panel: what fits there fits every other."""

JOB = JobView(job=Job(job="0", title="Job"), step=JobStep.SENT, next=JobStep.ACCEPTED)
ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def misfits(profile: Profile) -> Iterator[str]:
    """What of the profile does not fit the screen, once for each language."""
    for language in Language:
        say = Say(language)
        found = [fault for seen, state in _scenes(profile, say) for fault in _faults(seen, state, say)]
        yield from (f"{language}: {fault}" for fault in dict.fromkeys(found))


def _scenes(profile: Profile, say: Say) -> Iterator[tuple[Seen, ScreenState]]:
    here = Snapshot(
        unit=UnitView("U", "", "", "R"), duty=DutyView(status=profile.initial), profile=profile, jobs=(JOB,)
    )
    for status in profile.statuses:
        yield Seen(snapshot=replace(here, duty=DutyView(status=status.code))), ScreenState()
    seen = Seen(snapshot=here)
    yield seen, ScreenState(page=Page.TEXTS)
    yield seen, ScreenState(page=Page.JOBS, job=JOB.job.job, declining=True)
    yield seen, ScreenState(page=Page.REPORT)
    for form in profile.forms:
        yield from ((seen, state) for state in _report(form, say))


def _report(form: Form, say: Say) -> Iterator[ScreenState]:
    """Each question, and the end with the longest answers."""
    answers: dict[str, str] = {}
    for question in form.questions:
        yield ScreenState(page=Page.REPORT, form=form.code, answers=dict(answers))
        answers[question.code] = max(question.choices, key=lambda one: _width(one, say)).code
    yield ScreenState(page=Page.REPORT, form=form.code, answers=answers)


def _width(choice: Choice, say: Say) -> int:
    return cell_len(say.label(choice.label))


def _faults(seen: Seen, state: ScreenState, say: Say) -> Iterator[str]:
    """Of a page and every leaf of its lists."""
    waiting, known = [state], [state]
    while waiting:
        now = waiting.pop()
        boxes = frame.boxes(_view(seen, now, say))
        yield from measure.faults(boxes, HEIGHT, WIDTH)
        for code in (box.code for box in boxes if box.code.startswith("turn:")):
            turned, _ = tapped(now, code, seen.snapshot, 0)
            if turned not in known:
                known.append(turned)
                waiting.append(turned)


def _view(seen: Seen, state: ScreenState, say: Say) -> View:
    return View(seen=seen, state=state, say=say, now_ns=0, local=ANY_TIME, height=HEIGHT, width=WIDTH)
