"""The alarm's ladder, or that core is gone; each rung is said to be reached on core's proof only."""

from terminal.screen import ladder
from terminal.screen.cells import Area, Box, target
from terminal.screen.ladder import Ladder
from terminal.screen.state import Page
from terminal.screen.view import View

SIDE = 4
"""What can be done about it takes one part in so many of the width."""

BANNER_ROWS = 2


def boxes(view: View, area: Area) -> list[Box]:
    """Rungs at the left, what can be done at the right, what the crew must be told beneath."""
    left, right = area.columns(0, max(area.width // SIDE, 10), gap=1)
    rungs = current(view)
    words, _ = rungs.banner
    rows, banner = left.rows(0, BANNER_ROWS if words else 1)
    found = [
        Box(area=line, words=said, tone=tone)
        for (said, tone), line in zip(rungs.rows, rows.rows(*[1] * min(len(rungs.rows), rows.height)), strict=False)
    ]
    if words:
        found.append(Box(area=banner, words=words, tone="urgent", middle=True))
    return [*found, *actions(view, right)]


def current(view: View) -> Ladder:
    """The ladder of what matters now: an alarm that waits for core, core's absence, the open alarm."""
    if view.seen.shown_held is not None:
        return ladder.of_held(
            view.say, view.seen.shown_held, view.seen.held_mono_ns, view.now_ns, core_is_there=view.seen.connected
        )
    if view.snapshot is None or view.alarm is None:
        return ladder.of_loss(view.say, view.seen.problem, view.seen.lost_mono_ns, view.now_ns)
    return ladder.of_alarm(view.say, view.alarm, view.now_ns)


def actions(view: View, area: Area) -> list[Box]:
    """Put it aside for a moment; say that it was a mistake, in two taps."""
    alarm = view.alarm
    if view.snapshot is None or alarm is None or view.seen.shown_held is not None:
        return []
    aside, mistake = area.rows(0, 0)
    found = [target(aside, view.say("Other\npages"), f"page:{Page.DUTY}", main=True)]
    if alarm.cancelled:
        return [*found, Box(area=mistake, words=view.say("Mistake.\nHQ\ndecides"), tone="dim", middle=True)]
    words = view.say("Tap again:\nmistake") if view.state.cancelling else view.say("Mistake")
    tone = "proposed" if view.state.cancelling else "button"
    return [*found, target(mistake, words, f"cancel:{alarm.incident}", tone, main=True)]
