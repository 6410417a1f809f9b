"""Frames over a serial line's file descriptor, read by the event loop and written without ever waiting."""

import asyncio
import os
from collections import deque
from collections.abc import Iterable

import serial

from firmware.frame import LineReader

READ_BYTES = 4096
MOST_WAITING = 256
"""Frames held for a core that is busy: half a minute's; older ones go, since the board repeats what matters."""

LOOK_S = 0.1
"""What a loop that was busy takes at most to read what has come meanwhile."""


class SerialFrames:
    """One open serial line."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._reader = LineReader()
        self._waiting: deque[tuple[str, list[str]]] = deque(maxlen=MOST_WAITING)
        self._arrived = asyncio.Event()
        self._lost: OSError | None = None
        self._refused = 0
        self._beat_due_s = self._last_frame_s = self._loop.time()
        self.dropped = 0
        self._loop.add_reader(port.fileno(), self._readable)

    def silent_in(self, after_s: float) -> float:
        """In how many seconds the line will have been silent for too long, if nothing comes meanwhile."""
        return self._last_frame_s + after_s - self._loop.time()

    @property
    def bad(self) -> int:
        """Lines that were no frames."""
        return self._reader.bad

    def count_refused(self) -> bool:
        """Count a frame that made no sense; True for the first, which is worth a line in the log."""
        self._refused += 1
        return self._refused == 1

    async def frames(self, wait_s: float) -> list[tuple[str, list[str]]]:
        """The frames that have come, at the latest after `wait_s`; OSError once the line is gone."""
        timer = self._loop.call_later(wait_s, self._arrived.set)
        try:
            await self._arrived.wait()
        finally:
            timer.cancel()
        if self._lost is not None and not self._waiting:
            raise self._lost
        frames = list(self._waiting)
        self._waiting.clear()
        if self._lost is None:
            self._arrived.clear()
        return frames

    def write(self, lines: Iterable[bytes]) -> None:
        """Give lines to the kernel; what it does not take is dropped, since the sender repeats all that matters."""
        for line in lines:
            try:
                taken = os.write(self._port.fileno(), line)
            except BlockingIOError:
                taken = 0
            except OSError as error:
                self._lose(error)
                return
            self.dropped += taken < len(line)

    def beat(self, lines: Iterable[bytes], every_s: float) -> None:
        """Write lines if the last beat was that long ago."""
        now_s = self._loop.time()
        if now_s >= self._beat_due_s:
            self._beat_due_s = now_s + every_s
            self.write(lines)

    def close(self) -> None:
        """Give the line back."""
        self._loop.remove_reader(self._port.fileno())
        self._port.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._port.fileno(), READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(ConnectionResetError(0, "it hung up"))
        elif frames := self._reader.feed(data):
            self._waiting.extend(frames)
            self._last_frame_s = self._loop.time()
            self._arrived.set()

    def _lose(self, error: OSError) -> None:
        self._lost = error
        self._loop.remove_reader(self._port.fileno())
        self._arrived.set()
