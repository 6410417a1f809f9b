"""What a terminal says of itself decides: asked on a pseudo-terminal, by whom nothing is known but its answers."""

import fcntl
import os
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from terminal.map.drawing import CellSize
from terminal.screen import graphics

LONG_S = 20.0
CELL = b"\x1b[6;32;16t"


@contextmanager
def terminal(answer: bytes) -> Iterator[int]:
    """One that answers so once it was asked both questions; the descriptor of who runs in it."""
    ours, theirs = os.openpty()

    def serve() -> None:
        asked = b""
        while graphics.ASK not in asked:
            asked += os.read(ours, 64)
        os.write(ours, answer)

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield theirs
        serving.join(LONG_S)
        assert not serving.is_alive(), "it was not asked"
    finally:
        os.close(theirs)
        os.close(ours)


def in_pixels(descriptor: int, rows: int, columns: int, height_px: int, width_px: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, width_px, height_px))


@pytest.mark.parametrize(
    ("answer", "cell"),
    [
        (CELL + b"\x1b[?62;4;22;28c", CellSize(32, 16)),
        (b"taps\x1b[<0;3;4M" + CELL + b"\x1b[?4c", CellSize(32, 16)),
        (CELL + b"\x1b[?62;22;14;40c", None),
        (b"\x1b[6;0;0t\x1b[?62;4c", None),
        (b"\x1b[?62;4c", None),
        (b"\x1b[?1;2c", None),
    ],
    ids=["sixel", "among-taps", "none", "without-a-size", "size-not-told", "vt100"],
)
def test_pixels_are_drawn_where_the_terminal_says_that_it_can(answer: bytes, cell: CellSize | None) -> None:
    with terminal(answer) as descriptor:
        before = termios.tcgetattr(descriptor)
        assert graphics.asked(descriptor, descriptor, LONG_S) == cell
        assert termios.tcgetattr(descriptor) == before


def test_a_size_that_the_terminal_does_not_say_is_the_kernels() -> None:
    with terminal(b"\x1b[?62;4c") as descriptor:
        in_pixels(descriptor, 15, 50, 480 + 7, 800 + 9)
        assert graphics.asked(descriptor, descriptor, LONG_S) == CellSize(32, 16)
        in_pixels(descriptor, 20, 80, 480, 800)
        assert graphics.measured(descriptor) == CellSize(24, 10)


def test_a_terminal_that_says_nothing_and_what_is_none_draw_no_pixels() -> None:
    ours, theirs = os.openpty()
    reads, writes = os.pipe()
    try:
        assert graphics.asked(theirs, theirs, 0.1) is None
        assert graphics.asked(reads, writes) is None
        assert graphics.measured(reads) is None
    finally:
        for descriptor in (ours, theirs, reads, writes):
            os.close(descriptor)
