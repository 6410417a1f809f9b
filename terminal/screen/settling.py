"""Which targets take a tap: not one whose meaning at its place is new, since the finger was meant for another. Pure."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from terminal.screen import sos
from terminal.screen.cells import Area, Box

SETTLED_NS = 350_000_000
"""Longer than a finger bounces, shorter than between two taps of a hand that knows its way (0.5 s and the lift)."""

TOLD_SETTLED_NS = 700_000_000
"""Longer than between the two of a double tap (0.3 to 0.5 s); about as long as a hand takes to stop at what comes."""

UNASKED = frozenset(("check-in", "mistake", "cancel"))
"""First words of what comes by itself, in the place of what was being tapped."""

TOLD = UNASKED | frozenset(("answer", "in", "out", "shift", "test", "try-button", "typed", "file", "ready", "read"))
"""First words of what core is told and no second tap takes back, so of no status: a wrong one takes another tap."""


class Standing(Struct, frozen=True):
    """What a tap at a place means, and since when."""

    code: str
    area: Area
    since_ns: int


def stood(before: tuple[Standing, ...], boxes: Iterable[Box], now_ns: int) -> tuple[Standing, ...]:
    """The targets that are drawn now; where none was before nobody can have meant another."""
    since = {(one.code, one.area): one.since_ns for one in before}
    new_ns = now_ns if before else now_ns - TOLD_SETTLED_NS
    return tuple(Standing(box.code, box.area, since.get((box.code, box.area), new_ns)) for box in boxes if box.code)


def settled_ns(code: str) -> int:
    """How long a target of this code stands before it takes a tap."""
    return TOLD_SETTLED_NS if _verb(code) in TOLD else SETTLED_NS


def takes(standing: tuple[Standing, ...], box: Box, now_ns: int) -> bool:
    """Whether a finger that comes down on it now is meant for it; SOS takes every tap, for it has its two places."""
    since = [one.since_ns for one in standing if (one.code, one.area) == (box.code, box.area)]
    return box.code in sos.PLACES or any(now_ns - since_ns >= settled_ns(box.code) for since_ns in since)


def refused(standing: tuple[Standing, ...], box: Box, now_ns: int) -> tuple[Standing, ...]:
    """After a touch that this target did not take: one that came by itself waits until the hand has stopped."""
    if _verb(box.code) not in UNASKED:
        return standing
    place = (box.code, box.area)
    return tuple(replace(one, since_ns=now_ns) if (one.code, one.area) == place else one for one in standing)


def _verb(code: str) -> str:
    return code.partition(":")[0]
