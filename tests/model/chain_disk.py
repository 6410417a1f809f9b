"""Disks that fail from a given operation on, and what core does to its own in one thread of virtual time."""

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from terminal.contract.durable import DiskFailed
from terminal.uplink.outbox import Limits, Outbox
from terminal.uplink.writer import Job, Writer
from tests.system.faulty_disk import FaultyDisk


class Disk(FaultyDisk):
    """A disk that fails from a given operation on, until it is mended."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 0, apsw.IOError, for_good=False)
        self.left: int | None = None

    def step(self, what: str) -> None:
        """One operation; raises once the disk has begun to fail."""
        if self.left is not None:
            if self.left == 0:
                raise apsw.IOError(f"{what} failed")
            self.left -= 1

    @property
    def sound(self) -> bool:
        """Whether it takes everything."""
        return self.left is None


class DirectJob(Job[Any]):
    """A call that is made in its caller's own thread, once."""

    def __init__(self, call: Any, writer: "DirectWriter", *, is_quick: bool) -> None:
        super().__init__(call, asyncio.get_running_loop().create_future())
        self._writer = writer
        self._is_quick = is_quick
        self._made = False

    def until_at_disk(self, at_most_s: float) -> None:
        """There is no other thread that would need the interpreter."""

    def until_over(self, at_most_s: float) -> Any:
        if self._is_quick:
            self.run()
        return self.result

    def run(self) -> None:
        """Make it, if it has not been made."""
        if self._made:
            return
        self._made = True
        try:
            self.result = self._writer.made(self)
        except Exception as error:  # noqa: BLE001 - belongs to whoever handed it over
            self._set(None, error)
        else:
            self._set(self.result, None)


class DirectWriter(Writer):
    """Calls on the outbox are made at once, in the loop's own thread; after a crash none is."""

    def __init__(self, path: Path, limits: Limits, *, vfs: str) -> None:
        super().__init__(path, limits, vfs=vfs)
        self.crashed = False
        self._turns = count()

    def start(self) -> None:
        """There is no thread."""

    def hand(self, call: Any, *, urgent: bool = False) -> Job[Any]:
        """A call that is made a turn of the loop later; every other one within the moment that its caller waits."""
        job = DirectJob(call, self, is_quick=next(self._turns) % 2 == 0)
        asyncio.get_running_loop().call_soon(job.run)
        return job

    def made(self, job: Job[Any]) -> Any:
        """What the call returns."""
        if self.crashed:
            raise DiskFailed("outbox", "core is not there any more", "none")
        self._failure = None
        try:
            return job.call(self._opened(), job)
        except DiskFailed:
            self._close()
            raise

    def close(self, timeout_s: float = 5.0) -> None:
        """Let the file go."""
        self._close()

    def look(self) -> Outbox:
        """The outbox, for whoever wants to see what is on disk."""
        return self._opened()
