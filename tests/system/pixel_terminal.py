"""A terminal of 50 x 15 that draws sixels, as far as the screen uses one: letters erase a picture, cell by cell."""

import asyncio
import codecs
import contextlib
import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Sequence
from math import ceil
from types import TracebackType

from terminal.map.drawing import CellSize
from tests.screen.page_bench import DEADLINE_S
from tests.screen.sixel_reader import Read, read
from tests.system.patrol_car import ROOT

ROWS, COLUMNS = 15, 50
CELL_HEIGHT, CELL_WIDTH = 32, 16
PICTURE = "\0"
"""In a cell of which a picture is to be seen."""

WRITTEN = re.compile(
    r"\x1bP[0-9;]*q(?P<sixels>[^\x1b]*)\x1b\\|\x1b\[(?P<row>\d+);(?P<column>\d+)H|(?P<ask_size>\x1b\[16t)"
    r"|(?P<ask>\x1b\[c)|(?P<save>\x1b7)|(?P<restore>\x1b8)|(?P<other>\x1b\[[<>=?0-9;$ ]*[@-~]|\x1b\][^\x07]*\x07)"
    r"|(?P<line>\n)|(?P<back>\r)|(?P<letters>[^\x1b\n\r\x00-\x1f]+)"
)


class PixelTerminal:
    """A program in it; `abilities` are what it says that it can (DA1), None if it says nothing."""

    def __init__(self, command: Sequence[str], abilities: str | None = "62;4;22") -> None:
        self.cells: list[list[str]] = []
        self.cell = CellSize(CELL_HEIGHT, CELL_WIDTH)
        self.pictures: list[Read] = []
        self.asked = 0
        self._abilities = abilities
        self._at = self._kept = (0, 0)
        self._left = ""
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._ours, theirs = os.openpty()
        self._become(ROWS, COLUMNS, CellSize(0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment)
        os.close(theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def resize(self, rows: int, columns: int, cell: CellSize) -> None:
        """Another size, of cells too, which the kernel tells in pixels."""
        self.cell = cell
        self._become(rows, columns, cell)
        self._process.send_signal(signal.SIGWINCH)

    def _become(self, rows: int, columns: int, cell: CellSize) -> None:
        self.cells = [[" "] * columns for _ in range(rows)]
        told = struct.pack("4H", rows, columns, columns * cell.width_px, rows * cell.height_px)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, told)

    def text(self) -> str:
        """What can be read."""
        return "\n".join("".join(row) for row in self.cells)

    def covered(self) -> set[tuple[int, int]]:
        """The cells (row, column) in which a picture is to be seen."""
        cells = ((row, column, what) for row, line in enumerate(self.cells) for column, what in enumerate(line))
        return {(row, column) for row, column, what in cells if what == PICTURE}

    async def until(self, true: Callable[[], object], what: str) -> None:
        """Wait for it."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not true():
                    assert self._process.poll() is None, self.text()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"no {what} on:\n{self.text()}") from None

    def finger(self, *way: tuple[int, int]) -> None:
        """Comes down on the first of these cells (column, row), and is lifted from the last."""
        (column, row), *moves = [(column + 1, row + 1) for column, row in way]
        told = [f"\x1b[<0;{column};{row}M", *(f"\x1b[<32;{x};{y}M" for x, y in moves)]
        column, row = moves[-1] if moves else (column, row)
        os.write(self._ours, "".join([*told, f"\x1b[<0;{column};{row}m"]).encode())

    def _read(self) -> None:
        told = b""
        with contextlib.suppress(OSError):
            told = os.read(self._ours, 65_536)
        if not told:
            asyncio.get_running_loop().remove_reader(self._ours)
        self._left += self._decode(told)
        place = 0
        while (found := WRITTEN.match(self._left, place)) is not None:
            place = found.end()
            self._take(found)
        self._left = self._left[place:]

    def _take(self, found: "re.Match[str]") -> None:
        row, column = self._at
        if found["sixels"] is not None:
            self._draw(read(found["sixels"]))
        elif found["letters"]:
            self._write(found["letters"])
        elif found["row"]:
            self._at = int(found["row"]) - 1, int(found["column"]) - 1
        elif found["line"] or found["back"]:
            self._at = (min(row + 1, len(self.cells) - 1), column) if found["line"] else (row, 0)
        elif found["save"]:
            self._kept = self._at
        elif found["restore"]:
            self._at = self._kept
        elif found["ask_size"] and self._abilities is not None:
            os.write(self._ours, f"\x1b[6;{CELL_HEIGHT};{CELL_WIDTH}t".encode())
        elif found["ask"]:
            self.asked += 1
            if self._abilities is not None:
                os.write(self._ours, f"\x1b[?{self._abilities}c".encode())

    def _write(self, letters: str) -> None:
        row, column = self._at
        for letter in letters:
            if column < len(self.cells[row]):
                self.cells[row][column] = letter
                column += 1
        self._at = row, column

    def _draw(self, picture: Read) -> None:
        self.pictures.append(picture)
        row, column = self._at
        for down in range(ceil(len(picture.rows) / self.cell.height_px)):
            for across in range(ceil(len(picture.rows[0]) / self.cell.width_px)):
                self.cells[row + down][column + across] = PICTURE
        self._at = row + len(picture.rows) // self.cell.height_px, 0

    async def __aenter__(self) -> "PixelTerminal":
        return self

    async def __aexit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
