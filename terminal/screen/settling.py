"""Which targets take a tap: not one whose meaning at its place is new, since the finger was meant for another. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from terminal.screen import sos
from terminal.screen.cells import Area, Box

SETTLED_NS = 700_000_000
"""Longer than between the two of a double tap (0.3 to 0.5 s); about as long as a hand takes to stop at what comes."""


class Standing(Struct, frozen=True):
    """What a tap at a place means, and since when."""

    code: str
    area: Area
    since_ns: int


def stood(before: tuple[Standing, ...], boxes: Iterable[Box], now_ns: int) -> tuple[Standing, ...]:
    """The targets that are drawn now; where none was before nobody can have meant another."""
    since = {(one.code, one.area): one.since_ns for one in before}
    new_ns = now_ns if before else now_ns - SETTLED_NS
    return tuple(Standing(box.code, box.area, since.get((box.code, box.area), new_ns)) for box in boxes if box.code)


def takes(standing: tuple[Standing, ...], box: Box, now_ns: int) -> bool:
    """Whether a finger that comes down on it now is meant for it; SOS takes every tap, for it has its two places."""
    since = [one.since_ns for one in standing if (one.code, one.area) == (box.code, box.area)]
    return box.code in sos.PLACES or any(now_ns - since_ns >= SETTLED_NS for since_ns in since)
