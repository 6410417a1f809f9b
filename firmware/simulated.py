"""A board without the board: the program on a PC, its line a pty, its pins and memories files; for demo and tests.

    micropython -m firmware.simulated LINE_FD PINS_FD TOLD_FD FOLDER BOARD_ID GIT_HASH CAUSE

On PINS_FD come lines that set the voltages, on TOLD_FD go lines that tell what the board does and when (us of the
machine's monotonic clock), after the job that did it: whoever reads them must not hold it up. FOLDER holds `scratch`
(which the caller deletes for a power cut) and `latch`, the flash. Runs under MicroPython's unix port and CPython.
"""

import asyncio
import gc
import os
import sys
import time

from firmware import build, pins
from firmware.frame import INPUTS, TIME
from firmware.inputs import bands, supervised, two_contacts
from firmware.main import start

LINE_BYTES = 512
BANDS = bands(pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM, pins.TOLERANCE_PERCENT)


def middle_permille(band: int) -> int:
    """A voltage in the middle of short, pressed, normal or cut (0 to 3)."""
    return (BANDS[2 * band] + BANDS[2 * band + 1]) // 2


SHORT_PERMILLE, PRESSED_PERMILLE, NORMAL_PERMILLE, CUT_PERMILLE = [middle_permille(band) for band in range(4)]


class Memory:
    """One file of one record, written in one call: killing the process leaves the old or the new one."""

    def __init__(self, path: str) -> None:
        self._path = path

    def load(self) -> "bytes | None":
        try:
            with open(self._path, "rb") as file:
                return file.read()
        except OSError:
            return None

    def save(self, record: bytes) -> None:
        with open(self._path + ".new", "wb") as file:
            file.write(record)
        os.rename(self._path + ".new", self._path)


class Board:
    """What `firmware.hardware.Board` is to the program, over file descriptors."""

    def __init__(self, line: int, pins_fd: int, told: int, folder: str, identity: "tuple[str, str, str, str]") -> None:
        self.identity = identity
        self.fast, self.kept = Memory(folder + "/scratch"), Memory(folder + "/latch")
        self._line = open(line, "r+b", 0)
        self._pins = open(pins_fd, "rb", 0)
        self._told = open(told, "wb", 0)
        self._rest = b""
        self._noticed = b""
        self._ms_ahead = -_ticks_ms()
        self._inputs = 0
        self._contacts: "tuple[int, int] | None" = None
        self._permille = NORMAL_PERMILLE
        self._reference = pins.REFERENCE_PERMILLE
        self._levels = 0
        self._deaf_pin = 0
        self._buffer = bytearray(LINE_BYTES)

    def ticks_ms(self) -> int:
        return (_ticks_ms() + self._ms_ahead) % TIME

    def levels(self) -> int:
        data = self._pins.read(LINE_BYTES)
        if data:
            self._set(data)
        elif data is not None:
            sys.exit(0)  # whoever moves the pins has ended
        if self._contacts is not None:
            return self._inputs | two_contacts(*self._contacts)
        return self._inputs | supervised(self._permille, BANDS)

    def _set(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._do(*line.decode().split(" "))

    def _do(self, what: str, *values: str) -> None:
        if what == "adc":
            self._permille = int(values[0])
        elif what == "contacts":
            self._contacts = (int(values[0]), int(values[1]))
        elif what == "input":
            bit = 1 << INPUTS.index(values[0])
            self._inputs = self._inputs & ~bit | bit * int(values[1])
        elif what == "reference":
            self._reference = int(values[0])
        elif what == "stuck-pin":
            self._deaf_pin = int(values[0])
        elif what == "ahead":
            self._ms_ahead = int(values[0]) - _ticks_ms()
        elif what == "fail":
            raise ValueError("as told")
        elif what == "hang":
            while True:
                pass

    def button_permille(self) -> int:
        return self._permille if self._contacts is None else -1

    def reference_permille(self) -> int:
        return self._reference

    def show(self, levels: int) -> None:
        if levels != self._levels:
            self._levels = levels
            self.notice("pins", levels & 1, levels >> 1)

    def shown(self) -> int:
        return self._levels & ~self._deaf_pin

    def cycle(self, on: bool) -> None:
        self.notice("cycle", int(on))

    def start_watchdog(self) -> None:
        self.notice("started")

    def feed(self) -> None:
        self.notice("fed")

    def read(self) -> bytes:
        return self._line.read(LINE_BYTES) or b""

    def write(self, line: bytes) -> None:
        self._line.write(line)

    def new_nonce(self) -> int:
        return int.from_bytes(os.urandom(4), "little")

    def collect(self) -> None:
        gc.collect()

    def free_bytes(self) -> int:
        return gc.mem_free() if hasattr(gc, "mem_free") else 1 << 20

    def notice(self, what: str, *values: object) -> None:
        words = [str(_ticks_us()), what] + [str(value) for value in values]
        self._noticed += (" ".join(words) + "\n").encode()

    def _tell(self) -> None:
        if self._noticed:
            told, self._noticed = self._noticed, b""
            self._told.write(told)

    def service(self) -> None:
        self.notice("service")
        self._tell()
        sys.exit(0)

    async def sleep_ms(self, ms: int) -> None:
        self._tell()
        await asyncio.sleep(ms / 1000)


def _ticks_us() -> int:
    return time.ticks_us() if hasattr(time, "ticks_us") else time.monotonic_ns() // 1000


def _ticks_ms() -> int:
    return time.ticks_ms() if hasattr(time, "ticks_ms") else time.monotonic_ns() // 1000000


if __name__ == "__main__":
    line, pins_fd, told, folder, board_id, git_hash, cause = sys.argv[1:]
    start(Board(int(line), int(pins_fd), int(told), folder, (board_id, build.VERSION, git_hash, cause)))
