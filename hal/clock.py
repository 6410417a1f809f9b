"""The terminal's clocks: `mono_ns` orders and times, `utc` only annotates and is believed with reserve."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

TRUSTED_SPAN = timedelta(days=20 * 365.25)
"""How far after the build date a GNSS time can be believed: a week-number rollover is 19.6 years."""

AGREEMENT = timedelta(seconds=2)
"""How much two successive GNSS times may differ from the monotonic time between them."""


class Clock(Protocol):
    """Where core takes its times from; the tests and a replay bring their own."""

    def mono_ns(self) -> int: ...

    def wall(self) -> datetime: ...


class SystemClock:
    """This machine's clocks."""

    def mono_ns(self) -> int:
        """Nanoseconds since boot, never stepped."""
        return time.monotonic_ns()

    def wall(self) -> datetime:
        """The system's idea of UTC, which nothing vouches for."""
        return datetime.now(UTC)


class TrustedTime:
    """UTC from GNSS, held by the monotonic clock; until two fixes agree, it knows none."""

    def __init__(self, floor: datetime) -> None:
        self.floor = floor
        self._saved = floor
        self.trusted = False
        self._candidate: tuple[int, datetime] | None = None
        self._anchor: tuple[int, datetime] | None = None

    def believe(self, mono_ns: int, utc: datetime) -> bool:
        """Take one GNSS time; True when it is believed, which needs a second one that agrees with it."""
        if not self.floor <= utc <= self.floor + TRUSTED_SPAN:
            return False
        before, self._candidate = self._candidate, (mono_ns, utc)
        if before is None or abs((utc - before[1]) - _span(before[0], mono_ns)) > AGREEMENT:
            return False
        self._anchor, self.trusted = (mono_ns, utc), True
        return True

    def remember(self, utc: datetime) -> None:
        """It was this late when the last run was sure of the time."""
        if self.floor <= utc <= self.floor + TRUSTED_SPAN:
            self._saved = max(self._saved, utc)

    def earliest(self, mono_ns: int, wall: datetime) -> datetime:
        """The earliest that it can be: of two clocks that may be right the one that is behind, else the last known."""
        known = self.utc(mono_ns)
        if known is None:
            return self._saved
        return min(known, wall) if wall >= self.floor else known

    def utc(self, mono_ns: int) -> datetime | None:
        """UTC at this monotonic time, or None while no trusted source has spoken."""
        return None if self._anchor is None else self._anchor[1] + _span(self._anchor[0], mono_ns)


def _span(from_ns: int, to_ns: int) -> timedelta:
    return timedelta(microseconds=(to_ns - from_ns) / 1000)
