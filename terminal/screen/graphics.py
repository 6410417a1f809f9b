"""Whether the terminal draws pixels, and how many a cell has: it is asked, since its name tells nothing."""

import fcntl
import os
import re
import select
import struct
import termios
import time
import tty

from terminal.map.drawing import CellSize

ASK = b"\x1b[16t\x1b[c"
"""How large is a cell (XTWINOPS 16), and what can you do (DA1)? Every terminal answers the second, and in order."""

ABILITIES = re.compile(rb"\x1b\[\?([0-9;]*)c")
CELL = re.compile(rb"\x1b\[6;([0-9]+);([0-9]+)t")
SIXEL = b"4"
"""Among the abilities."""

ANSWERS_WITHIN_S = 2.0
"""Also over a slow line and on a busy machine; what is silent for so long is no terminal that draws pixels."""

LONGEST_ANSWER = 1024


def asked(reads: int = 0, writes: int = 2, within_s: float = ANSWERS_WITHIN_S) -> CellSize | None:
    """A cell's size on the terminal of these descriptors; None where it draws no pixels or does not say."""
    if not (os.isatty(reads) and os.isatty(writes)):
        return None
    answer = _answer(reads, writes, within_s)
    abilities = ABILITIES.search(answer)
    if abilities is None or SIXEL not in abilities[1].split(b";"):
        return None
    told = CELL.search(answer)
    return _size(int(told[1]), int(told[2])) if told else measured(writes)


def measured(terminal: int = 2) -> CellSize | None:
    """A cell's size by the kernel's word of the terminal's (TIOCGWINSZ), which is there after a change of it too."""
    try:
        told = fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width_px, height_px = struct.unpack("4H", told)
    return _size(height_px // rows, width_px // columns) if rows and columns else None


def _size(height_px: int, width_px: int) -> CellSize | None:
    return CellSize(height_px, width_px) if height_px > 0 and width_px > 0 else None


def _answer(reads: int, writes: int, within_s: float) -> bytes:
    """What comes back until the terminal has said what it can do; taps that come meanwhile are lost."""
    before = termios.tcgetattr(reads)
    try:
        tty.setraw(reads, termios.TCSANOW)
        os.write(writes, ASK)
        answer, ends_s = b"", time.monotonic() + within_s
        while ABILITIES.search(answer) is None and len(answer) < LONGEST_ANSWER:
            is_there = select.select([reads], [], [], max(ends_s - time.monotonic(), 0))[0]
            told = os.read(reads, LONGEST_ANSWER) if is_there else b""
            if not told:
                break
            answer += told
        return answer
    finally:
        termios.tcsetattr(reads, termios.TCSANOW, before)
