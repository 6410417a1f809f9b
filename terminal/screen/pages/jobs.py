"""Jobs: what headquarters sent, and one tap for the usual next step; while the car moves only that. Pure."""

from terminal.contract.profile import Choice
from terminal.contract.work import ENDED, JobStep, Priority
from terminal.screen import paging, urgency
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.language import Say
from terminal.screen.pages import reader
from terminal.screen.state import Page
from terminal.screen.view import View
from terminal.screen.words import Said, clean, on_one_line
from terminal.shown import JobView

SIDE = 3
"""What can be done with a job takes one part in so many of the width."""

HEAD_ROWS = 2


def boxes(view: View, area: Area) -> list[Box]:
    """The chosen job, or else the list of them; while the car moves always one of them."""
    if view.snapshot is None:
        return []
    jobs = view.snapshot.jobs
    if not jobs:
        return [Box(area=area, words=view.say("No jobs."), tone="dim", middle=True)]
    one = chosen(view, jobs)
    if one is None:
        return listed(view, jobs, area)
    if view.state.declining:
        return reasons(view, one, area)
    if view.state.opened == name(one) and not view.is_locked:
        return reader.boxes(view, name(one), whole(one), area)
    return one_job(view, one, area)


def name(one: JobView) -> str:
    """What a job is called where its words are opened and turned."""
    return f"job:{one.job.job}"


def chosen(view: View, jobs: tuple[JobView, ...]) -> JobView | None:
    """The job that the crew has tapped; while the car moves else the one that is wanted soonest."""
    found = next((one for one in jobs if one.job.job == view.state.job), None)
    return next(iter(ordered(jobs)), None) if found is None and view.is_locked else found


def news(view: View) -> Said | None:
    """What a job asks of the crew that looks at something else, their own alarm apart: are they there, will they go."""
    if view.snapshot is None or view.is_alarm_on_top:
        return None
    jobs = ordered(view.snapshot.jobs)
    calling = next((one for one in jobs if one.arrived), None) or next(filter(is_calling, jobs), None)
    if calling is None or is_shown(view, calling):
        return None
    said = title(view, calling)
    return (view.say("On scene? {job}", job=said) if calling.arrived else view.say("NEW: {job}", job=said)), "proposed"


def is_calling(one: JobView) -> bool:
    """Whether a job wants an answer now: the car stands near its place, or it is new and urgent."""
    return one.arrived or (one.step is JobStep.SENT and one.job.priority is not Priority.ROUTINE)


def is_shown(view: View, one: JobView) -> bool:
    """Whether this job has the page."""
    jobs = () if view.snapshot is None else view.snapshot.jobs
    return view.state.page is Page.JOBS and chosen(view, jobs) is one


def ordered(jobs: tuple[JobView, ...]) -> list[JobView]:
    """What is wanted soonest first; of that what waits for an answer, and then what has come furthest."""
    return sorted(jobs, key=_rank)


def _rank(one: JobView) -> tuple[bool, int, bool, int]:
    furthest_first = -list(JobStep).index(one.step)
    return one.step in ENDED, urgency.soonest(one.job.priority), one.step is not JobStep.SENT, furthest_first


def listed(view: View, jobs: tuple[JobView, ...], area: Area) -> list[Box]:
    """Two lines each: which job, and how far it is."""
    fits = len(jobs) <= area.height // LEAST_HEIGHT
    field, turn = (area, None) if fits else paging.beside(area)
    leaf = paging.leaf(view, "jobs", ordered(jobs), paging.fields(field, area.height, 1), turn)
    found = [
        target(field, f"{on_one_line(title(view, one), field.width)}\n{state(view.say, one)}", name(one), tone(one))
        for one, field in leaf.placed
    ]
    return [*found, *leaf.turn]


def title(view: View, one: JobView) -> str:
    """A job in a line."""
    return title_alone(view, one) + (f", {clean(one.job.place)}" if one.job.place else "")


def tone(one: JobView) -> str:
    """How much it wants to be seen."""
    if one.step in ENDED:
        return "locked"
    return "proposed" if is_calling(one) else "button"


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
    known = "" if one.received else f", {say('HQ not told yet')}"
    asked = f" {say('On scene?')}" if one.arrived else ""
    return f"{names[one.step]}{known}{asked}"


def one_job(view: View, one: JobView, area: Area) -> list[Box]:
    """What it is at the left, the usual next step at the right; beneath, what else can be done."""
    upper, lower = area.rows(0, LEAST_HEIGHT)
    left, right = upper.columns(0, max(area.width // SIDE, 14), gap=1)
    head, line, rest = left.rows(HEAD_ROWS, 1, 0)
    found = [
        Box(area=head, words=paging.beginning(title_alone(view, one), head), tone="title"),
        Box(area=line, words=state(view.say, one), tone="good" if one.received else "warn"),
        words(view, one, head, rest),
    ]
    return [*found, *next_step(view, one, right), *others(view, one, lower)]


def title_alone(view: View, one: JobView) -> str:
    """Its number on the map, how soon it is wanted, and what it is."""
    jobs = () if view.snapshot is None else view.snapshot.jobs
    parts = (f"#{jobs.index(one) + 1}", urgency.in_words(view.say, one.job.priority), clean(one.job.title))
    return " ".join(part for part in parts if part)


def words(view: View, one: JobView, head: Area, area: Area) -> Box:
    """Place and text, a target that opens the whole where they do not fit; while the car moves the place alone."""
    place, text = clean(one.job.place), clean(one.job.text)
    if view.is_locked:
        return Box(area=area, words=paging.beginning(place, area))
    here = "\n".join(part for part in (place, text) if part)
    is_whole = len(paging.lines(title_alone(view, one), head.width)) <= head.height
    if is_whole and len(paging.lines(here, area.width)) <= area.height:
        return Box(area=area, words=here)
    return Box(area=area, words=paging.beginning(here, area), tone="button", code=f"open:{name(one)}")


def whole(one: JobView) -> str:
    """All that headquarters wrote of it."""
    return "\n".join(part for part in map(clean, (one.job.title, one.job.place, one.job.text)) if part)


def next_step(view: View, one: JobView, area: Area) -> list[Box]:
    """The usual next step, large; there is none of a job that is over."""
    steps = {
        JobStep.ACCEPTED: view.say("Accept"),
        JobStep.EN_ROUTE: view.say("En route"),
        JobStep.ON_SCENE: view.say("On scene?") if one.arrived else view.say("On scene"),
        JobStep.DONE: view.say("Done"),
    }
    if one.next is None:
        return []
    proposed = one.arrived or one.step is JobStep.SENT
    code = f"answer:{one.job.job}:{one.next}"
    return [target(area, steps[one.next], code, "proposed" if proposed else "chosen", main=True)]


def others(view: View, one: JobView, area: Area) -> list[Box]:
    """The other jobs, the map, and declining as long as that is possible."""
    found = [away(view, one)]
    if one.job.lat_deg is not None and one.job.lon_deg is not None:
        found.append((view.say("Map"), f"map:{one.job.lat_deg:.7f}:{one.job.lon_deg:.7f}"))
    if one.step in (JobStep.SENT, JobStep.ACCEPTED, JobStep.EN_ROUTE):
        found.append((view.say("Cannot"), f"decline:{one.job.job}"))
    fields = area.columns(*[0] * len(found), gap=1)
    return [target(field, *one) for field, one in zip(fields, found, strict=True)]


def away(view: View, one: JobView) -> tuple[str, str]:
    """The list; while the car moves, when a list is not to be read, the next job."""
    if not view.is_locked or view.snapshot is None:
        return view.say("List"), "job:"
    order = ordered(view.snapshot.jobs)
    place = (order.index(one) + 1) % len(order)
    return view.say("Next") + f"\n{place or len(order)}/{len(order)}", name(order[place])


def reasons(view: View, one: JobView, area: Area) -> list[Box]:
    """Why not: the profile's reasons, one tap each."""
    profile = None if view.snapshot is None else view.snapshot.profile
    choices: tuple[Choice, ...] = () if profile is None else profile.reasons
    said = [(view.say.label(choice.label), choice.code) for choice in choices] or [(view.say("Cannot"), "")]
    fields = paging.fields(area, len(said) + 1, 2)
    leaf = paging.leaf(view, "reasons", said, fields[:-1])
    found = [
        target(field, words, f"answer:{one.job.job}:{JobStep.DECLINED}:{code}") for (words, code), field in leaf.placed
    ]
    back = fields[min(len(said), len(fields) - 1)]
    return [*found, *leaf.turn, target(back, view.say("Back"), name(one), "locked")]
