"""Hold a recording back to its own rhythm."""

import asyncio

from hal.clock import Clock


class Pace:
    """Plays `speed` times as fast as the recording was made."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._start: tuple[float, int] | None = None

    async def arrival_ns(self, t: float | None) -> int:
        """This boot's time of a reading of the recording's time `t`, once that moment has come; at once without `t`."""
        if t is None:
            return self._clock.mono_ns()
        start_t, start_ns = self._start = self._start or (t, self._clock.mono_ns())
        due_ns = start_ns + round(max(t - start_t, 0) / self._speed * 1e9)
        wait_s = (due_ns - self._clock.mono_ns()) / 1e9
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        return due_ns
