"""Disks that fail from a given operation on, and what core does to its own in one thread of virtual time."""

import asyncio
from pathlib import Path
from typing import Any

import apsw

from terminal.contract.durable import DiskFailed
from terminal.uplink.outbox import Limits, Outbox
from terminal.uplink.writer import Writer
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


class DirectWriter(Writer):
    """Calls on the outbox are made at once, in the loop's own thread; after a crash none is."""

    def __init__(self, path: Path, limits: Limits, *, vfs: str) -> None:
        super().__init__(path, limits, vfs=vfs)
        self.crashed = False

    def start(self) -> None:
        """There is no thread."""

    async def submit(self, call: Any, *, urgent: bool = False) -> Any:
        """What the call returns, a turn of the loop later."""
        await asyncio.sleep(0)
        if self.crashed:
            raise DiskFailed("outbox", "core is not there any more", "none")
        self._failure = None
        try:
            return call(self._opened())
        except DiskFailed:
            self._close()
            raise

    def close(self, timeout_s: float = 5.0) -> None:
        """Let the file go."""
        self._close()

    def look(self) -> Outbox:
        """The outbox, for whoever wants to see what is on disk."""
        return self._opened()
