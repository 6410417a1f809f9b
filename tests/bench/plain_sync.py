"""A bare write and its fdatasync, again and again, into a file that has its space, as SQLite's log has.

`plain_sync.py FILE BYTES COUNT` prints, as JSON, how many seconds each took.
"""

import json
import os
import sys
import time
from pathlib import Path

FILE_BYTES = 1 << 22


class Syncs:
    """A file at `path` that is written to and synced."""

    def __init__(self, path: Path, size: int) -> None:
        self._size = size
        self._number = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.posix_fallocate(self._file, 0, FILE_BYTES)
        os.pwrite(self._file, bytes(FILE_BYTES), 0)
        os.fsync(self._file)

    def one(self) -> float:
        """How long one took."""
        at = self._number * self._size % (FILE_BYTES - self._size)
        self._number += 1
        began = time.perf_counter()
        os.pwrite(self._file, os.urandom(self._size), at)
        os.fdatasync(self._file)
        return time.perf_counter() - began

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)


if __name__ == "__main__":
    syncs = Syncs(Path(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps([syncs.one() for _ in range(int(sys.argv[3]))]))
    syncs.close()
