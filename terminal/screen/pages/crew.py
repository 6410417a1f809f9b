"""Who is on board, the shift, and its proof of the whole way to headquarters and back. Pure."""

from terminal.contract.work import MOST_CREW
from terminal.link import Snapshot
from terminal.screen import paging
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.language import Say
from terminal.screen.state import TOLD_OF_SILENT_NS
from terminal.screen.view import View
from terminal.screen.words import clean
from terminal.shown import LogInProblem, MemberView

COLUMNS = 3
LEAST_NAME = 11
"""A name's place is at least so wide, where there are more than stand in the columns."""

ROSTER = "roster"
"""The list of whom headquarters expects, with the whole page."""


def boxes(view: View, area: Area) -> list[Box]:
    """Officers to tap on and off; shift and test beneath."""
    if view.snapshot is None:
        return []
    if view.state.opened == ROSTER:
        return roster(view, view.snapshot, area)
    head, field, foot = area.rows(1, 0, LEAST_HEIGHT)
    return [
        headline(view, view.snapshot, head),
        *officers(view, view.snapshot, field),
        *shift(view, view.snapshot, foot),
    ]


def headline(view: View, snapshot: Snapshot, area: Area) -> Box:
    """How the last try went, or what a tap does."""
    if snapshot.crew.problem is not LogInProblem.NONE:
        return Box(area=area, words=log_in_problem(view.say, snapshot.crew.problem), tone="bad")
    words = view.say("Tap who comes on board or leaves")
    return Box(area=area, words=f"{words} {silent_rungs(view, snapshot)}".rstrip(), tone="dim")


def log_in_problem(say: Say, problem: LogInProblem) -> str:
    """Why nobody came on board."""
    full = problem is LogInProblem.FULL
    return say("Crew is full: {most} at most", most=MOST_CREW) if full else pin_problem(say, problem)


def pin_problem(say: Say, problem: LogInProblem) -> str:
    """Why a PIN did not do."""
    return say("Wrong PIN") if problem is LogInProblem.WRONG_PIN else say("Too many wrong PINs: wait a minute")


def silent_rungs(view: View, snapshot: Snapshot) -> str:
    """As many dots as the rung of the newest open silent alarm is high, for who has asked a moment ago."""
    asked_ns = view.state.asked_ns
    if asked_ns is None or view.now_ns - asked_ns > TOLD_OF_SILENT_NS:
        return ""
    silent = [one for one in snapshot.alarms if one.silent and not one.cleared_by]
    if not silent:
        return ""
    newest = max(silent, key=lambda one: one.pressed_mono_ns)
    proofs = (newest.taken, newest.received, newest.sent, newest.stored)
    # The highest that is proved: of an alarm that the disk refuses a count would name the rung below.
    return "." * next((5 - number for number, proof in enumerate(proofs) if proof), 1)


def officers(view: View, snapshot: Snapshot, area: Area) -> list[Box]:
    """Who is on board, then whom headquarters expects and a badge by hand, or the way to them where they are many."""
    aboard, expected = snapshot.crew.aboard, ashore(snapshot)
    count = len(aboard) + len(expected) + 1
    fields = paging.fields(area, count, columns(area, count))
    if count <= len(fields):
        there = [one_aboard(view, one, field) for one, field in zip(aboard, fields, strict=False)]
        others = zip(expected, fields[len(aboard) :], strict=False)
        return [*there, *(one_ashore(one, field) for one, field in others), other_badge(view, fields[count - 1])]
    leaf = paging.leaf(view, "aboard", aboard, fields[:-1])
    way = target(fields[min(len(aboard), len(fields) - 1)], view.say("Log in"), f"open:{ROSTER}")
    return [*(one_aboard(view, one, field) for one, field in leaf.placed), *leaf.turn, way]


def columns(area: Area, count: int) -> int:
    """Names beside one another."""
    return max(COLUMNS, min(count, (area.width + 1) // (LEAST_NAME + 1)))


def ashore(snapshot: Snapshot) -> list[MemberView]:
    """Whom headquarters expects and who is not on board."""
    aboard = {one.badge for one in snapshot.crew.aboard}
    return [one for one in snapshot.crew.roster if one.badge not in aboard]


def roster(view: View, snapshot: Snapshot, area: Area) -> list[Box]:
    """Whom headquarters expects, a badge by hand, and the way back."""
    expected = ashore(snapshot)
    count = len(expected) + 2
    fields = paging.fields(area, count, columns(area, count))
    leaf = paging.leaf(view, ROSTER, expected, fields[:-2])
    by_hand, back = fields[-2:]
    return [
        *(one_ashore(one, field) for one, field in leaf.placed),
        *leaf.turn,
        other_badge(view, by_hand),
        target(back, view.say("Back"), "open:", "locked"),
    ]


def one_aboard(view: View, one: MemberView, area: Area) -> Box:
    """Who is on board; a tap and they leave. Without a PIN it says so."""
    if one.checked:
        return target(area, shown_name(one, area), f"out:{one.badge}", "chosen")
    name = shown_name(one, Area(area.top, area.left, area.height - 1, area.width))
    return target(area, f"{name}\n{view.say('no PIN')}", f"out:{one.badge}", "chosen")


def one_ashore(one: MemberView, area: Area) -> Box:
    """Whom headquarters expects; a tap and they come on board."""
    return target(area, shown_name(one, area), f"in:{one.badge}")


def shown_name(one: MemberView, area: Area) -> str:
    """A name, or else the badge."""
    return paging.beginning(clean(one.name) or one.badge, area)


def other_badge(view: View, area: Area) -> Box:
    """Someone whom headquarters does not expect."""
    return target(area, view.say("Other badge"), "type:badge")


def shift(view: View, snapshot: Snapshot, area: Area) -> list[Box]:
    """Begin or end the shift; try the whole way by a test alarm, on the screen or with the button itself."""
    on = snapshot.shift.on
    words = view.say("End the shift") if on else view.say("Start the shift")
    unproved = snapshot.proved is not None and snapshot.proved.due
    found = [
        (words, "shift:end" if on else "shift:start", "button" if on else "proposed"),
        (view.say("Test alarm"), "test", "proposed" if unproved else "button"),
        (view.say("Test button"), "try-button", "chosen" if snapshot.armed is not None else "button"),
    ]
    if snapshot.check_in is not None:
        runs = snapshot.check_in.due_mono_ns is not None
        said = view.say("Not alone any more") if runs else view.say("I am alone")
        found.append((said, "check-in:stop" if runs else "check-in:start", "chosen" if runs else "button"))
    fields = area.columns(*[0] * len(found), gap=1)
    return [target(field, *one) for field, one in zip(fields, found, strict=True)]
