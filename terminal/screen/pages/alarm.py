"""The alarm's ladder, and that core is gone; each rung is said to be reached on core's proof only."""

from terminal.screen import bar, faults, ladder
from terminal.screen.cells import Area, Box, target
from terminal.screen.ladder import Ladder
from terminal.screen.pages import duty
from terminal.screen.view import View

SIDE = 4
"""What can be done about it takes one part in so many of the width."""

BANNER_ROWS = 2

MOST_GAP = 2
"""Rows between two rungs where there is room."""


def boxes(view: View, area: Area) -> list[Box]:
    """Rungs at the left, what can be done at the right, what the crew must be told beneath."""
    left, right = area.columns(0, max(area.width // SIDE, 10), gap=1)
    rungs, found = current(view), actions(view, right)
    if not is_half_said(view):
        return [*found, *drawn(rungs, left)]
    place, rest = left.rows(bar.height(view.height), 0)
    return [*found, second_tap(view, place), *drawn(rungs, rest)]


def loss(view: View, area: Area) -> list[Box]:
    """Core is not there, and no alarm was open when it was last: what goes on, and the status that was chosen last."""
    last = view.seen.last
    status = "" if last is None else duty.label(view, last, last.duty.status)
    left, _ = area.columns(0, max(area.width // SIDE, 10), gap=1)
    return drawn(
        ladder.of_loss(view.say, faults.of_core(view.say, view.seen.gone), view.seen.lost_mono_ns, view.now_ns, status),
        left,
    )


def drawn(rungs: Ladder, area: Area) -> list[Box]:
    """Its last rows that fit, rungs as far apart as they can stand, and the banner beneath them."""
    words, _ = rungs.banner
    rows, banner = area.rows(0, BANNER_ROWS if words else 1)
    shown = rungs.rows[-rows.height :]
    gap = min((rows.height - 1) // max(len(shown) - 1, 1) - 1, MOST_GAP) if rungs.apart else 0
    found = [
        Box(area=line, words=said, tone=tone)
        for (said, tone), line in zip(shown, rows.rows(*[1] * len(shown), gap=gap), strict=True)
    ]
    return [*found, Box(area=banner, words=words, tone="urgent", middle=True, edged=True)] if words else found


def current(view: View) -> Ladder:
    """The ladder of what matters now: an alarm that waits for core, or the open one; without core as it was last."""
    held = view.seen.shown_held
    if held is not None:
        return ladder.of_held(view.say, held, view.seen.held_mono_ns, view.now_ns, core_is_there=view.seen.connected)
    assert view.alarm is not None, "there is one, or it would not have the page"
    rungs = ladder.of_alarm(view.say, view.alarm, view.now_ns)
    return rungs if view.seen.connected else ladder.as_it_was(view.say, rungs)


def actions(view: View, area: Area) -> list[Box]:
    """Put it aside for a moment, or first say that all is well if that is due; say that it was a mistake, in two taps.

    Of an alarm that core does not show yet neither can be done.
    """
    alarm, (first, mistake) = view.alarm, area.rows(0, 0)
    found = [answer(view, first)] if view.is_answer_due else []
    if view.snapshot is None or alarm is None or view.seen.shown_held is not None:
        return found
    found = found or [target(first, view.say("Other\npages"), "aside", main=True)]
    if alarm.cancelled:
        return [*found, Box(area=mistake, words=view.say("Mistake.\nHQ\ndecides"), tone="dim", middle=True)]
    words = view.say("TAP AT\nLEFT") if is_half_said(view) else view.say("Mistake")
    return [*found, target(mistake, words, f"mistake:{alarm.incident}", main=True)]


def answer(view: View, area: Area) -> Box:
    """What the lone officer's timer waits for."""
    return target(area, view.say("I AM WELL\nTap here"), "check-in:answer", "proposed", main=True)


def is_half_said(view: View) -> bool:
    """Whether the second tap says now that the shown alarm was a mistake."""
    alarm = view.alarm
    return alarm is not None and not alarm.cancelled and view.state.mistake.is_half_said(alarm.incident, view.now_ns)


def second_tap(view: View, strip: Area) -> Box:
    """The other place, far from the first and from where SOS has its own."""
    place, _ = strip.columns(bar.sos_width(view.width), 0)
    words = view.say("TAP HERE:\nMISTAKE\n{left} s", left=view.state.mistake.taps.left_s(view.now_ns))
    assert view.alarm is not None
    return target(place, words, f"cancel:{view.alarm.incident}", "proposed", main=True)
