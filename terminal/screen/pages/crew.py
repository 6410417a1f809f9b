"""Who is on board, the shift, and its proof of the whole way to headquarters and back. Pure."""

from terminal.link import LogInProblem, MemberView, Snapshot
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.state import TOLD_OF_SILENT_NS
from terminal.screen.view import View
from terminal.screen.words import clean

COLUMNS = 3


def boxes(view: View, area: Area) -> list[Box]:
    """Officers to tap on and off; shift and test beneath."""
    if view.snapshot is None:
        return []
    head, field, foot = area.rows(1, 0, LEAST_HEIGHT)
    return [
        headline(view, view.snapshot, head),
        *officers(view, view.snapshot, field),
        *shift(view, view.snapshot, foot),
    ]


def headline(view: View, snapshot: Snapshot, area: Area) -> Box:
    """How the last try went, or what a tap does."""
    match snapshot.crew.problem:
        case LogInProblem.WRONG_PIN:
            return Box(area=area, words=view.say("Wrong PIN"), tone="bad")
        case LogInProblem.PAUSED:
            return Box(area=area, words=view.say("Too many wrong PINs: wait a minute"), tone="bad")
        case LogInProblem.NONE:
            words = view.say("Tap who comes on board or leaves")
            return Box(area=area, words=f"{words} {silent_rungs(view, snapshot)}".rstrip(), tone="dim")


def silent_rungs(view: View, snapshot: Snapshot) -> str:
    """A dot for each rung of the newest open silent alarm, for who has asked a moment ago."""
    asked_ns = view.state.asked_ns
    if asked_ns is None or view.now_ns - asked_ns > TOLD_OF_SILENT_NS:
        return ""
    silent = [one for one in snapshot.alarms if one.silent and not one.cleared_by]
    if not silent:
        return ""
    newest = max(silent, key=lambda one: one.pressed_mono_ns)
    proofs = (newest.stored, newest.sent, newest.received, newest.taken)
    return "." * (1 + sum(proofs))


def officers(view: View, snapshot: Snapshot, area: Area) -> list[Box]:
    """Who is on board, then whom headquarters expects, then a badge by hand."""
    aboard = {one.badge for one in snapshot.crew.aboard}
    listed = [(one, True) for one in snapshot.crew.aboard]
    listed += [(one, False) for one in snapshot.crew.roster if one.badge not in aboard]
    rows = max(area.height // LEAST_HEIGHT, 1)
    columns = max(COLUMNS, area.width // 16)
    fields = area.grid(rows, columns)
    found = [
        target(
            field,
            officer(view, one, is_aboard),
            f"{'out' if is_aboard else 'in'}:{one.badge}",
            "chosen" if is_aboard else "button",
        )
        for (one, is_aboard), field in zip(listed[: len(fields) - 1], fields, strict=False)
    ]
    return [*found, target(fields[min(len(listed), len(fields) - 1)], view.say("Other badge"), "type:badge")]


def officer(view: View, one: MemberView, aboard: bool) -> str:
    """A name, or else the badge; on board without a PIN it says so."""
    words = clean(one.name) or one.badge
    return f"{words}\n{view.say('no PIN')}" if aboard and not one.checked else words


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
