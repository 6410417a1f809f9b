"""The armed button: for a short time the next press is a test or an exercise. Pure.

A press counts as one only when nothing speaks against it: its board was there and at rest when the crew armed it and
has been there ever since, core has turned all the time, and the window is open. Whatever else is pressed is real. The
window is never on disk: after a restart of core there is none.
"""

from msgspec import Struct
from msgspec.structs import replace

from terminal.asked import ArmButton
from terminal.contract.messages import AlarmKind
from terminal.core.channels import ARMED_OPENS_AFTER_TICKS, ASKED_WITHIN_S, TICK_S
from terminal.shown import ArmedView

LONGEST_TICK_NS = round(1.5 * TICK_S * 1e9)
"""Between two ticks; after more, core was away, and a press may have waited in a buffer since before the arming."""


class Arming(Struct, frozen=True, kw_only=True):
    """One window; `buttons` may be pressed in it, `ticks` have passed since the crew asked for it."""

    kind: AlarmKind
    silent: bool
    buttons: frozenset[str]
    until_ns: int
    ticked_ns: int
    ticks: int = 0
    used: bool = False


def armed(command: ArmButton, at_rest: dict[str, bool], now_ns: int, armed_for_s: float) -> Arming | None:
    """The window that the crew asked for; None when it asked too long ago, or no such button is at rest.

    `at_rest` are the boards that are there with no press latched, and whether their button is the hidden one.
    """
    buttons = frozenset(name for name, hidden in at_rest.items() if hidden is command.silent)
    if not (buttons and 0 <= now_ns - command.asked_mono_ns <= ASKED_WITHIN_S * 1e9):
        return None
    until_ns = now_ns + round(armed_for_s * 1e9)
    kind = AlarmKind(command.kind)
    return Arming(kind=kind, silent=command.silent, buttons=buttons, until_ns=until_ns, ticked_ns=now_ns)


def ticked(arming: Arming, now_ns: int) -> Arming | None:
    """The window after a tick; None when its time is over, or core was away."""
    if now_ns > arming.until_ns or now_ns - arming.ticked_ns > LONGEST_TICK_NS:
        return None
    return replace(arming, ticks=arming.ticks + 1, ticked_ns=now_ns)


def without(arming: Arming, button: str) -> Arming:
    """The window without a button whose board went, or came back with who knows what latched."""
    return replace(arming, buttons=arming.buttons - {button})


def meaning(arming: Arming | None, button: str, now_ns: int) -> AlarmKind:
    """What a press of this button means now."""
    if arming is None or arming.used or not is_open(arming) or button not in arming.buttons:
        return AlarmKind.REAL
    within = now_ns <= arming.until_ns and now_ns - arming.ticked_ns <= LONGEST_TICK_NS
    return arming.kind if within else AlarmKind.REAL


def is_open(arming: Arming) -> bool:
    """Whether a press made before the crew asked would have been told by now."""
    return arming.ticks >= ARMED_OPENS_AFTER_TICKS


def after_press(arming: Arming | None, *, hidden: bool) -> Arming | None:
    """The window after a press of any button: it is over. On the screen that of the hidden button ends with its time.

    A silent press changes nothing that somebody beside the officer could see.
    """
    if arming is None or arming.silent is not hidden:
        return arming
    return replace(arming, used=True) if hidden else None


def view(arming: Arming | None) -> ArmedView | None:
    """What the screen may show."""
    if arming is None:
        return None
    return ArmedView(kind=arming.kind, silent=arming.silent, is_open=is_open(arming), until_mono_ns=arming.until_ns)
