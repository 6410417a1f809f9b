"""Jobs: what headquarters sent, and one tap for the usual next step; while the car moves only that. Pure."""

from terminal.contract.profile import Choice
from terminal.contract.work import ENDED, JobStep, Priority
from terminal.link import JobView
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.language import Say
from terminal.screen.view import View
from terminal.screen.words import clean

SIDE = 3
"""What can be done with a job takes one part in so many of the width."""


def boxes(view: View, area: Area) -> list[Box]:
    """The chosen job, or else the list of them; while the car moves the one that is being dealt with."""
    if view.snapshot is None:
        return []
    jobs = view.snapshot.jobs
    chosen = next((one for one in jobs if one.job.job == view.state.job), None)
    if chosen is None and view.is_locked:
        chosen = next((one for one in jobs if one.step not in ENDED), None)
    if not jobs:
        return [Box(area=area, words=view.say("No jobs."), tone="dim", middle=True)]
    if chosen is None:
        return listed(view, jobs, area)
    return reasons(view, chosen, area) if view.state.declining else one_job(view, chosen, area)


def listed(view: View, jobs: tuple[JobView, ...], area: Area) -> list[Box]:
    """As many as fit, those that wait for an answer first."""
    order = sorted(jobs, key=lambda one: (one.step in ENDED, one.step is not JobStep.SENT))
    count = max(area.height // LEAST_HEIGHT, 1)
    fields = area.rows(*[0] * count)
    return [
        target(field, f"{title(one)}\n{state(view.say, one)}", f"job:{one.job.job}", tone(one))
        for one, field in zip(order, fields, strict=False)
    ]


def title(one: JobView) -> str:
    """A job in a line."""
    place = f", {clean(one.job.place)}" if one.job.place else ""
    return clean(one.job.title) + place


def tone(one: JobView) -> str:
    """How much it wants to be seen."""
    if one.step in ENDED:
        return "locked"
    return "proposed" if one.step is JobStep.SENT and one.job.priority is not Priority.ROUTINE else "button"


def state(say: Say, one: JobView) -> str:
    """How far it is, and whether headquarters knows."""
    names = {
        JobStep.SENT: say("new"),
        JobStep.ACCEPTED: say("accepted"),
        JobStep.EN_ROUTE: say("en route"),
        JobStep.ON_SCENE: say("on scene"),
        JobStep.DONE: say("done"),
        JobStep.DECLINED: say("declined"),
    }
    return names[one.step] if one.received else f"{names[one.step]}, {say('HQ not told yet')}"


def one_job(view: View, one: JobView, area: Area) -> list[Box]:
    """All of it at the left, what can be done at the right."""
    left, right = area.columns(0, max(area.width // SIDE, 14), gap=1)
    words = "\n".join(part for part in (clean(one.job.place), clean(one.job.text)) if part)
    head, line, rest = left.rows(2, 1, 0)
    text = Box(area=rest, words="" if view.is_locked else words)
    found = [
        Box(area=head, words=clean(one.job.title), tone="title"),
        Box(area=line, words=state(view.say, one), tone="good" if one.received else "warn"),
        text,
    ]
    return [*found, *actions(view, one, right)]


def actions(view: View, one: JobView, area: Area) -> list[Box]:
    """The usual next step, large; declining, as long as that is possible; the way back to the list."""
    steps = {
        JobStep.ACCEPTED: view.say("Accept"),
        JobStep.EN_ROUTE: view.say("En route"),
        JobStep.ON_SCENE: view.say("On scene?") if one.arrived else view.say("On scene"),
        JobStep.DONE: view.say("Done"),
    }
    upper, lower = area.rows(0, LEAST_HEIGHT)
    found = []
    if one.next is not None:
        tone = "proposed" if one.arrived or one.step is JobStep.SENT else "chosen"
        found.append(target(upper, steps[one.next], f"answer:{one.job.job}:{one.next}", tone, main=True))
    back, decline = lower.columns(0, 0, gap=1)
    can_decline = one.step in (JobStep.SENT, JobStep.ACCEPTED, JobStep.EN_ROUTE)
    found.append(target(back if can_decline else lower, view.say("List"), "job:"))
    if can_decline:
        found.append(target(decline, view.say("Cannot"), f"decline:{one.job.job}"))
    return found


def reasons(view: View, one: JobView, area: Area) -> list[Box]:
    """Why not: the profile's reasons, one tap each."""
    profile = None if view.snapshot is None else view.snapshot.profile
    choices: tuple[Choice, ...] = () if profile is None else profile.reasons
    words = [(view.say.label(one.label), one.code) for one in choices] or [(view.say("Cannot"), "")]
    fields = area.grid(-(-(len(words) + 1) // 2), 2)
    found = [
        target(field, said, f"answer:{one.job.job}:{JobStep.DECLINED}:{code}")
        for (said, code), field in zip(words, fields, strict=False)
    ]
    return [*found, target(fields[len(words)], view.say("Back"), f"job:{one.job.job}", "locked")]
