"""Space on the disk that is kept for alarms: a file beside the outbox, given up when the disk is full."""

import contextlib
import os
from pathlib import Path

STEPS = 8
"""On a disk too full for all of it, so many eighths are tried, so that an alarm's leavings are not everyone's."""


class Reserve:
    """The reserve of one database; `most_bytes` of 0 keeps none."""

    def __init__(self, database: Path, most_bytes: int) -> None:
        self._path = database.with_name(database.name + ".reserve")
        self._bytes = most_bytes

    def keep(self) -> None:
        """Take the space that is not taken yet, or as much of it as there is; a disk that refuses is no error here."""
        with contextlib.suppress(OSError):
            if self._kept_bytes() < self._bytes:
                self._take()

    def _kept_bytes(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _take(self) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            for step in range(STEPS, 0, -1):
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file, 0, self._bytes * step // STEPS)
                    return
        finally:
            os.close(file)

    def give_up(self) -> bool:
        """Free the space; whether there was any."""
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False
