"""Space on the disk that is kept for alarms: a file beside the outbox, given up when the disk is full."""

import contextlib
import os
from pathlib import Path


class Reserve:
    """The reserve of one database; `most_bytes` of 0 keeps none."""

    def __init__(self, database: Path, most_bytes: int) -> None:
        self._path = database.with_name(database.name + ".reserve")
        self._bytes = most_bytes

    def keep(self) -> None:
        """Take the space if it is not taken; a disk too full for it is no error here."""
        if not self._bytes or self._path.exists():
            return
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._bytes)
        except OSError:
            self.give_up()

    def give_up(self) -> bool:
        """Free the space; whether there was any."""
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False
