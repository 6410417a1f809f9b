"""SOS on the screen: two taps in two places within a time. Pure."""

from enum import Enum, auto

from msgspec import Struct

WITHIN_NS = 3_000_000_000
"""The second tap must come within 3 s (design, section 8)."""

LATE_NS = 1_500_000_000
"""So long after it the second place stays, and does nothing, so that a late tap does not hit what comes there."""


class Arming(Enum):
    """How far the two taps are."""

    IDLE = auto()
    ARMED = auto()
    LATE = auto()


class Sos(Struct, frozen=True):
    """When the first tap was, if there was one."""

    first_ns: int | None = None

    def arming(self, now_ns: int) -> Arming:
        """What a tap in the second place would mean now."""
        if self.first_ns is None or now_ns - self.first_ns > WITHIN_NS + LATE_NS:
            return Arming.IDLE
        return Arming.ARMED if now_ns - self.first_ns <= WITHIN_NS else Arming.LATE

    def left_s(self, now_ns: int) -> int:
        """Whole seconds that are left for the second tap, at least 1 while it counts."""
        return 0 if self.first_ns is None else max(0, -((now_ns - self.first_ns - WITHIN_NS) // 1_000_000_000))
