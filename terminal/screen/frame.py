"""The whole screen of one moment: status, a line for what is wrong, a page, the buttons. Pure."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.screen import bar, faults, others, status, told
from terminal.screen.cells import DARK, Area, Box, target
from terminal.screen.pages import alarm, car, chart, crew, duty, jobs, keyboard, more, report, system, texts, workshop
from terminal.screen.sos import Arming, is_rain
from terminal.screen.state import Page
from terminal.screen.trouble import in_words
from terminal.screen.view import View
from terminal.screen.words import Said, age, clean, on_one_line
from terminal.shown import Urgency

Draw = Callable[[View, Area], list[Box]]

PAGES: dict[Page, Draw] = {
    Page.DUTY: duty.boxes,
    Page.JOBS: jobs.boxes,
    Page.MAP: chart.boxes,
    Page.TEXTS: texts.boxes,
    Page.MORE: more.boxes,
    Page.REPORT: report.boxes,
    Page.CAR: car.boxes,
    Page.SYSTEM: system.boxes,
    Page.CREW: crew.boxes,
    Page.KEYBOARD: keyboard.boxes,
    Page.WORKSHOP: workshop.boxes,
}

SHOWN_WHEN_OLD = frozenset((Page.JOBS, Page.MAP, Page.TEXTS, Page.CAR, Page.SYSTEM, Page.MORE))
"""Pages that still help when core is gone; the others say that it is gone, and what then goes on."""

ELSEWHERE = ("page:", "job:", "open:", "turn:", "map:")
"""Taps that the screen answers by itself."""

LOCKED_WHILE_DRIVING = frozenset((Page.REPORT, Page.SYSTEM, Page.CREW, Page.KEYBOARD, Page.WORKSHOP))
"""Pages of which nothing is left while the car moves; jobs and texts keep their one-tap answers."""


def boxes(view: View) -> list[Box]:
    """All that is to be seen and hit; later boxes cover earlier ones."""
    whole = Area(0, 0, view.height, view.width)
    if view.is_dark:
        return [Box(area=whole, tone=DARK, code="light", main=True)]
    top, notice, middle, bottom = whole.rows(1, 1, 0, bar.height(view.height))
    if workshop.is_touching(view):
        corners = workshop.corners(view, bar.boxes(view, bottom)[-1], whole)
        return [*corners, *notices(view, Area(workshop.NOTICE_ROW, 0, 1, view.width))]
    buttons = bar.boxes(view, bottom)
    if bar.is_typing(view):
        # The keys have the line's place; what calls for help has that of the row above.
        urgent = [box for box in notices(view, top) if box.tone == "urgent"]
        keys = keyboard.boxes(view, Area(notice.top, 0, notice.height + middle.height, view.width))
        return [*(urgent or status.row(view, top)), *buttons, *keys]
    return [*status.row(view, top), *buttons, *notices(view, notice), *page(view, middle)]


def page(view: View, area: Area) -> list[Box]:
    """What stands in the middle: what cannot wait, else what the crew chose."""
    arming = view.state.sos.arming(view.now_ns)
    if arming is not Arming.IDLE:
        return second_tap(view, area)
    if view.is_alarm_on_top:
        return alarm.boxes(view, area)
    if view.snapshot is None and view.seen.last is not None and view.state.page in SHOWN_WHEN_OLD:
        return old_page(view, view.seen.last, area)
    if view.snapshot is None:
        return alarm.loss(view, area)
    if view.is_answer_due:
        return [alarm.answer(view, area)]
    if view.is_locked and view.state.page in LOCKED_WHILE_DRIVING:
        return locked(view, area)
    return PAGES[view.state.page](view, area)


def old_page(view: View, last: Snapshot, area: Area) -> list[Box]:
    """The page as core's last word had it, with nothing on it that core would have to answer."""
    old = replace(view, seen=replace(view.seen, snapshot=last))
    return [box if box.code.startswith(ELSEWHERE) else faded(box) for box in PAGES[view.state.page](old, area)]


def faded(box: Box) -> Box:
    """Words that may be old, and no target any more."""
    tone = "locked" if box.code else "dim"
    return replace(box, code="", main=False, tone=tone, edged=bool(box.code))


def second_tap(view: View, area: Area) -> list[Box]:
    """The other place, as large as the first and far from it, and nothing beside it that a slip could hit.

    Late it stays and does nothing, so that a late tap hits nothing else.
    """
    height = bar.height(view.height)
    _, strip, _ = area.rows((area.height - height) // 2, height, 0)
    place, words = strip.columns(bar.sos_width(view.width), 0, gap=bar.APART)
    if view.state.sos.arming(view.now_ns) is Arming.LATE:
        return [target(place, view.say("NOT SENT\nTap SOS again"), "send", "button", main=True)]
    left_s = view.state.sos.left_s(view.now_ns)
    found = [target(place, view.say("TAP HERE\nTO CALL HELP\n{left} s", left=left_s), "send", "sos", main=True)]
    if is_rain(view.state.elsewhere_ns, view.now_ns):
        found.append(Box(area=words, words=view.say("Too many touches at once.\nTap it again."), tone="warn"))
    return found


def locked(view: View, area: Area) -> list[Box]:
    """Why this page is not to be had now."""
    if view.is_moving:
        words = view.say("Locked while the car moves.\nIt opens when you stop.")
    else:
        words = view.say("Locked while the car can move.\nIt opens in Park (P).")
    return [Box(area=area, words=words, tone="locked", middle=True, edged=True)]


def notices(view: View, area: Area) -> list[Box]:
    """One line for what else is wrong, the worst of it; an alarm that was put aside is a tap away."""
    words, tone = notice(view)
    return [Box(area=area, words=on_one_line(words, area.width), tone=tone, edged=True)] if words else []


def notice(view: View) -> Said:
    """The worst thing that no page says."""
    snapshot = view.snapshot
    if snapshot is None:
        return view.say("OLD: for {span} nothing new", span=view.age(view.seen.lost_mono_ns)), "bad"
    return next((said for said in from_the_worst_on(view, snapshot) if said is not None), ("", "plain"))


def from_the_worst_on(view: View, snapshot: Snapshot) -> Iterator[Said | None]:
    """All that may have to be told; what passes by itself stands before an alarm of others, which may last."""
    theirs, own, say = alarm_of_others(view, snapshot), own_alarm(view), view.say
    yield own if own is not None and own[1] == "urgent" else None
    yield asked(view, snapshot)
    yield refusal(view)
    yield theirs if theirs is not None and theirs[1] == "urgent" else None
    yield own
    yield told.at_first(view)
    yield disk(view, snapshot)
    yield jobs.news(view)
    yield line(view, snapshot)
    yield cleared(view)
    yield theirs
    yield told.newest(view)
    down = [source.name for source in snapshot.sources if not source.up]
    yield (say("Not working: {names}", names=clean(", ".join(down))), "warn") if down else None
    unproved = snapshot.proved is not None and snapshot.proved.due
    yield (say("Alarm not proved lately: send a test"), "warn") if unproved else None


def own_alarm(view: View) -> Said | None:
    """An open alarm of this car that was put aside."""
    alarm_now, say = view.alarm, view.say
    if alarm_now is None or not view.is_alarm_aside:
        return None
    tried = {"test": say("TEST ALARM"), "exercise": say("EXERCISE")}
    name = tried.get(alarm_now.kind, say("ALARM IS OPEN"))
    if alarm_now.taken:
        return f"{name}. {say('TAKEN by {by}', by=clean(alarm_now.acknowledged_by))}", "good"
    urgent = {Urgency.NOT_CONFIRMED: say("NOT CONFIRMED"), Urgency.USE_THE_RADIO: say("USE THE RADIO")}
    return f"{name} {urgent.get(alarm_now.urgency, '')}".strip(), "warn" if alarm_now.kind in tried else "urgent"


def refusal(view: View) -> Said | None:
    """What core has not done, for a while."""
    if view.seen.refused is None or not view.is_refusal_new:
        return None
    return view.say("NOT DONE: {reason}", reason=faults.of_command(view.say, view.seen.refused.reason)), "bad"


def alarm_of_others(view: View, snapshot: Snapshot) -> Said | None:
    """Who calls for help, how far and where; the map says that by itself. Urgent until somebody has taken it."""
    alarm = others.first(snapshot)
    if alarm is None or (view.state.page is Page.MAP and not view.is_alarm_on_top):
        return None
    words = others.in_words(view.say, snapshot, alarm, view.now_ns)
    return words, "urgent" if others.is_urgent(alarm) else "warn"


def disk(view: View, snapshot: Snapshot) -> Said | None:
    """That nothing is stored."""
    return (view.say("NOT STORED: the car's disk fails"), "bad") if snapshot.line.disk_problem else None


def line(view: View, snapshot: Snapshot) -> Said | None:
    """Trouble with the line."""
    say, of_line = view.say, snapshot.line
    trouble = in_words(say, of_line.trouble)
    if trouble:
        return trouble, "warn"
    return (say("No line yet; it is being tried"), "warn") if of_line.problem else None


def cleared(view: View) -> Said | None:
    """That the last alarm of this car is over, and why."""
    if view.alarm is None or not view.alarm.cleared_by:
        return None
    by, reason = clean(view.alarm.cleared_by), clean(view.alarm.reason)
    return view.say("Alarm cleared by {by}: {reason}", by=by, reason=reason), "good"


def asked(view: View, snapshot: Snapshot) -> Said | None:
    """What the crew is to do now: answer the timer, or press the button that it has armed."""
    timer, armed, say = snapshot.check_in, snapshot.armed, view.say
    if timer is not None and timer.due_mono_ns and timer.alarm_mono_ns and view.now_ns >= timer.due_mono_ns:
        return say("ALL WELL? ANSWER, alarm in {left}", left=age(timer.alarm_mono_ns - view.now_ns)), "urgent"
    if armed is None or view.now_ns > armed.until_mono_ns:
        return None
    kind = say("EXERCISE") if armed.kind == "exercise" else say("TEST")
    if not armed.is_open:
        return say("{kind}: WAIT, a press now is real", kind=kind), "warn"
    return say("{kind}: PRESS THE BUTTON, {left} left", kind=kind, left=age(armed.until_mono_ns - view.now_ns)), "warn"
