"""SOS on the screen: two taps in two places within a time, and not from rain on the panel. Pure."""

from collections.abc import Iterable
from enum import Enum, auto

from msgspec import Struct

from terminal.screen.cells import SLIP, Box

WITHIN_NS = 3_000_000_000
"""The second tap must come within 3 s (design, section 8)."""

LATE_NS = 1_500_000_000
"""So long after it the second place stays, and does nothing, so that a late tap does not hit what comes there."""

PLACES = ("arm", "send")
"""What the two places mean."""

SLIPS = 1
"""So many touches elsewhere, within the time that the two taps have, are a hand's; more are rain's, or a sleeve's."""


class Arming(Enum):
    """How far the two taps are."""

    IDLE = auto()
    ARMED = auto()
    LATE = auto()


class Sos(Struct, frozen=True):
    """When the first tap was, if there was one, and whether a second was refused since."""

    first_ns: int | None = None
    insisted: bool = False

    def arming(self, now_ns: int) -> Arming:
        """What a tap in the second place would mean now."""
        if self.first_ns is None or now_ns - self.first_ns > WITHIN_NS + LATE_NS:
            return Arming.IDLE
        return Arming.ARMED if now_ns - self.first_ns <= WITHIN_NS else Arming.LATE

    def left_s(self, now_ns: int) -> int:
        """Whole seconds that are left for the second tap, at least 1 while it counts."""
        return 0 if self.first_ns is None else max(0, -((now_ns - self.first_ns - WITHIN_NS) // 1_000_000_000))

    def is_doubted(self, elsewhere_ns: tuple[int, ...], now_ns: int) -> bool:
        """Whether a second tap may be rain; tapped again, and nothing else since the first, it is none."""
        is_calm = self.first_ns is not None and all(one <= self.first_ns for one in elsewhere_ns)
        return is_rain(elsewhere_ns, now_ns) and not (self.insisted and is_calm)


def is_elsewhere(boxes: Iterable[Box], row: int, column: int) -> bool:
    """Whether a finger at this cell is on neither place, nor beside one, nor lights a dark panel."""
    return not any(box.code in (*PLACES, "light") and box.area.wider(SLIP).has(row, column) for box in boxes)


def touched(elsewhere_ns: tuple[int, ...], now_ns: int) -> tuple[int, ...]:
    """When elsewhere was touched, one touch later; what counts no more is forgotten."""
    return (*(one for one in elsewhere_ns if now_ns - one < WITHIN_NS), now_ns)


def is_rain(elsewhere_ns: tuple[int, ...], now_ns: int) -> bool:
    """Whether so many touches came that the second of the two taps may be none."""
    return sum(now_ns - one < WITHIN_NS for one in elsewhere_ns) > SLIPS
