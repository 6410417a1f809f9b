"""A disk that fails at its k-th operation, or loses its power there, under a real SQLite (an apsw VFS)."""

from itertools import count
from typing import Any

import apsw


class FaultyDisk(apsw.VFS):
    """Counts every operation that changes the disk; from the `fails_at`-th on, each `error` once or for good."""

    def __init__(self, name: str, fails_at: int, error: type[apsw.Error], *, for_good: bool) -> None:
        self.name = name
        self.operations = 0
        self._fails_at = fails_at
        self._error = error
        self._for_good = for_good
        super().__init__(name, "")

    def fail_from_now(self) -> None:
        """The next operation fails, and so on."""
        self._fails_at, self._for_good = self.operations + 1, True

    def mend(self) -> None:
        """No operation fails any more."""
        self._fails_at = 0
        self._for_good = False

    def step(self, what: str) -> None:
        """One operation; raises when it is the one that fails."""
        self.operations += 1
        if self.operations == self._fails_at or (self._for_good and self.operations > self._fails_at):
            raise self._error(f"{what} failed, operation {self.operations}")

    def xOpen(self, name: Any, flags: list[int]) -> "FaultyFile":  # noqa: N802 - SQLite's name
        return FaultyFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's signature
        self.step("delete")
        super().xDelete(filename, syncdir)


class FaultyFile(apsw.VFSFile):
    """One file on that disk."""

    def __init__(self, disk: FaultyDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.step("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.step("sync")
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.step("truncate")
        super().xTruncate(newsize)


_names = count(1)


def faulty(fails_at: int, error: type[apsw.Error], *, for_good: bool) -> FaultyDisk:
    """A disk under a name of its own; `unregister()` it when done."""
    return FaultyDisk(f"faulty-{next(_names)}", fails_at, error, for_good=for_good)
