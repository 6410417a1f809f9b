"""The one thread that touches the outbox: a slow or dead disk delays its own futures and nothing else."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from terminal.contract.durable import DiskFailed
from terminal.uplink.outbox import Limits, Outbox, Thin

T = TypeVar("T")

OutboxFailed = DiskFailed

CLOSES_WITHIN_S = 2.0
OPEN_AGAIN_S = 1.0
"""At most one try to open a failing outbox in so long."""


class Job(Generic[T]):
    """One call, and the future in its caller's loop that waits for it; or the caller waits for a moment itself."""

    def __init__(self, call: Callable[[Outbox, "Job[T]"], T], future: "asyncio.Future[T]") -> None:
        self.call = call
        self.future = future
        self.result: T | None = None
        # In C, and so quicker than an Event of threading's: an alarm waits for it.
        self._over = SimpleQueue[bool]()

    def at_disk(self) -> None:
        """From the writer's thread: nothing is left to do but to wait for the disk."""
        self._over.put(False)

    def until_at_disk(self, at_most_s: float) -> None:
        """Leave the interpreter to the writer until it waits for the disk, or has ended."""
        with contextlib.suppress(Empty):
            if self._over.get(timeout=at_most_s):
                self._over.put(True)

    def until_over(self, at_most_s: float) -> T | None:
        """What came of it, if that is known so soon and is no error, which the future has."""
        with contextlib.suppress(Empty):
            ends_s = time.monotonic() + at_most_s
            while not self._over.get(timeout=max(ends_s - time.monotonic(), 0)):
                pass
        return self.result

    def finish(self, result: Any, error: BaseException | None) -> None:
        """Tell the waiting loop, if it still turns."""
        self.result = result
        self._over.put(True)
        try:
            self.future.get_loop().call_soon_threadsafe(self._set, result, error)
        except RuntimeError:
            return

    def _set(self, result: Any, error: BaseException | None) -> None:
        if self.future.cancelled():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Writer:
    """Runs calls on the outbox in their order, the urgent ones before the others."""

    def __init__(self, path: Path, limits: Limits, thinned: Thin | None = None, *, vfs: str | None = None) -> None:
        self._open: Callable[[], Outbox] = lambda: Outbox.open(path, limits, thinned, vfs=vfs)
        self._jobs: dict[bool, deque[Job[Any]]] = {True: deque(), False: deque()}
        self._there = SimpleQueue[None]()
        self._outbox: Outbox | None = None
        self._failure: tuple[float, DiskFailed] | None = None
        self._thread = threading.Thread(target=self._run, name="outbox writer", daemon=True)

    def start(self) -> None:
        """Start the thread; it opens the outbox at the first call."""
        self._thread.start()

    def submit(self, call: Callable[[Outbox], T], *, urgent: bool = False) -> "asyncio.Future[T]":
        """Hand the call over at once; to be awaited: what it returns, or OutboxFailed when the disk did not let it."""
        return self.hand(lambda outbox, _job: call(outbox), urgent=urgent).future

    def hand(self, call: Callable[[Outbox, Job[T]], T], *, urgent: bool = False) -> Job[T]:
        """As `submit`, for a caller that may wait for a moment without turning its loop."""
        job = Job(call, asyncio.get_running_loop().create_future())
        self._jobs[urgent].append(job)
        self._there.put(None)
        return job

    def close(self, timeout_s: float = CLOSES_WITHIN_S) -> bool:
        """Do what waits and end; False when the disk hangs, which is left to itself after `timeout_s`."""
        self._there.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.finish(job.call(self._opened(), job), None)
            except BaseException as error:  # noqa: BLE001 - belongs to the caller, whatever it is
                if isinstance(error, DiskFailed):
                    self._close()
                job.finish(None, error)
            if self._outbox is not None and not self._jobs[True]:
                self._outbox.tidy()
        self._close()

    def _close(self) -> None:
        """Let go of the file, so that the next call opens it, and repairs it, anew."""
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None

    def _next(self) -> Job[Any] | None:
        """The next of those that are there; None once there is word and no job: it is to end."""
        self._there.get()
        waiting = self._jobs[True] or self._jobs[False]
        return waiting.popleft() if waiting else None

    def _opened(self) -> Outbox:
        if self._outbox is None:
            if self._failure is not None and time.monotonic() - self._failure[0] < OPEN_AGAIN_S:
                raise self._failure[1]
            try:
                self._outbox = self._open()
            except DiskFailed as error:
                self._failure = (time.monotonic(), error)
                raise
        return self._outbox
