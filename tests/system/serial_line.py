"""A pty that loses what nobody reads, as a UART does."""

import contextlib
import fcntl
import os
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

MOST_UNREAD_BYTES = 512
"""A pty of its own keeps 4 kB. A User-mode Linux machine (6.1) that finds so much when it opens the line reads no more
of it for all its life: it holds the line back when its own 4 kB are nearly full, and never takes it up again."""
LOOK_EVERY_S = 0.2


@contextlib.contextmanager
def losing_unread(path: Path) -> Iterator[None]:
    """The line at this path loses what nobody reads, until the block is left."""
    left = threading.Event()
    line = os.open(path, os.O_RDONLY | os.O_NOCTTY)
    loser = threading.Thread(target=_lose, args=(line, left))
    loser.start()
    try:
        yield
    finally:
        left.set()
        loser.join()
        os.close(line)


def _lose(line: int, left: threading.Event) -> None:
    while not left.wait(LOOK_EVERY_S):
        unread = int.from_bytes(fcntl.ioctl(line, termios.FIONREAD, bytes(4)), sys.byteorder)
        if unread > MOST_UNREAD_BYTES:
            termios.tcflush(line, termios.TCIFLUSH)
