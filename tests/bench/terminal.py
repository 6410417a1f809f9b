"""A program on a pseudo-terminal of 50 x 15, which says what it can as terminals do, and all that it has written."""

import os
import pty
import select
import subprocess
import time

from tests.bench.processes import ROOT, Command

ABILITIES = b"\x1b[c"
"""What can you do (DA1)?"""

CELL = b"\x1b[6;32;16t"


class Terminal:
    """`with` it ends the program; it draws sixels where it `has_pixels`."""

    def __init__(self, command: Command, *, has_pixels: bool = False) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        self._answer = CELL + b"\x1b[?62;4;22c" if has_pixels else b"\x1b[?62;22c"
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "50", "LINES": "15"}
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment)
        os.close(theirs)

    def until(self, word: bytes) -> None:
        """Until it has written this since the last call."""
        shown = b""
        while word not in shown:
            select.select([self._ours], [], [])
            shown += self._read()

    def drain(self, for_s: float) -> None:
        """Read what it writes for so long."""
        end_s = time.monotonic() + for_s
        while (left_s := end_s - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left_s)[0]:
                self._read()

    def _read(self) -> bytes:
        written = os.read(self._ours, 65_536)
        if ABILITIES in written:
            os.write(self._ours, self._answer)
        return written

    def tap(self, column: int, row: int) -> None:
        """A finger, as xterm tells it (SGR mouse mode, 1006)."""
        self.finger("<0", column, row, "M")
        self.finger("<0", column, row, "m")

    def finger(self, what: str, column: int, row: int, end: str) -> None:
        """One word of it: `<0` and `<32` with M are down and moved, `<0` with m lifted."""
        os.write(self._ours, f"\x1b[{what};{column};{row}{end}".encode())

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
