"""A press on the I/O board: from the pin's edge to the frame, to core's disk and back, in MicroPython."""

import asyncio
import contextlib
import os
import statistics
import subprocess
import tempfile
import time
import tty
from pathlib import Path
from typing import Any

from drivers.simulated_board import HEAP, SimulatedBoard, command, micropython
from firmware.frame import LineReader, encode
from firmware.inputs import BUTTON_MS
from tests.system.test_press_to_disk import Car, car

NAME = "A press on the I/O board (300 presses; firmware in its interpreter, its line a pty)"
PRESSES = 300
TRIPS = 3000
ECHO = """
import sys, select
line = open(int(sys.argv[1]), "r+b", 0)
poll = select.poll()
poll.register(line, select.POLLIN)
while True:
    poll.poll()
    line.write(line.read(64))
"""


def measure() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="patrola-bench-") as name:
        folder = Path(name)
        trips = _round_trips(folder)
        frames, free = asyncio.run(_frames(folder))
    with tempfile.TemporaryDirectory(prefix="patrola-bench-") as name:
        disk = asyncio.run(_to_disk(Path(name)))
    trip = statistics.median(trips)
    interpreter = "MicroPython" if micropython() else "CPython, for want of MicroPython"
    rows = [_row("bare pty round trip in the same interpreter, p50", trip, interpreter)]
    for what, times in (("pin edge to PRESS frame", frames), ("pin edge to disk, and the board told so", disk)):
        for share, word in ((0.5, "p50"), (0.99, "p99"), (1, "worst")):
            value = sorted(times)[round(share * (len(times) - 1))]
            rows.append(_row(f"{what}, {word}", value, f"of it {BUTTON_MS} ms debounce"))
    heap_kib = int(HEAP.removesuffix("k"))
    used = {"name": "memory in use after a collection", "value": heap_kib - free / 1024, "unit": "KiB"}
    return [*rows, used | {"versus": f"of {heap_kib}, words of 8 bytes; a Pico's have 4"}]


def _row(name: str, seconds: float, versus: str) -> dict[str, Any]:
    return {"name": name, "value": seconds * 1000, "unit": "ms", "versus": versus}


def _round_trips(folder: Path) -> list[float]:
    host, device = os.openpty()
    tty.setraw(device)
    os.set_blocking(host, False)
    (folder / "echo.py").write_text(ECHO)
    echo = subprocess.Popen([*command(), str(folder / "echo.py"), str(host)], pass_fds=[host])
    times = []
    for _ in range(TRIPS):
        began = time.perf_counter()
        os.write(device, b"$BEAT*0000\n")
        os.read(device, 64)
        times.append(time.perf_counter() - began)
    echo.kill()
    echo.wait()
    os.close(host)
    os.close(device)
    return times


class Line:
    """Core's end of the line, read as it comes."""

    def __init__(self, device: Path) -> None:
        self._fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._reader = LineReader()
        self._frames: asyncio.Queue[tuple[str, list[str]]] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        for frame in self._reader.feed(os.read(self._fd, 4096)):
            self._frames.put_nowait(frame)

    async def until(self, word: str, at: int, value: str) -> list[str]:
        while True:
            said, fields = await self._frames.get()
            if said == word and fields[at] == value:
                return fields

    def say(self, *lines: bytes) -> None:
        os.write(self._fd, b"".join(lines))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)


async def _frames(folder: Path) -> tuple[list[float], int]:
    board = SimulatedBoard("B-1", folder / "board", folder / "memory", lambda _: None)
    board.plug()
    line = Line(folder / "board")
    times = []
    with contextlib.closing(line):
        await line.until("STATE", 4, "000")
        for number in range(1, PRESSES + 1):
            began = time.perf_counter()
            board.circuit("press")
            nonce, *_ = await line.until("PRESS", 1, str(number))
            times.append(time.perf_counter() - began)
            line.say(*[encode("STORED", nonce, number)] * 2, encode("BEAT"))
            board.circuit("release")
            await line.until("STATE", 4, "000")
        line.say(encode("TEST"))
        _, _, _, free = await line.until("TEST", 1, "free-bytes")
    board.unplug()
    return times, int(free)


async def _to_disk(folder: Path) -> list[float]:
    times = []
    async with car(folder) as made:
        for number in range(1, PRESSES + 1):
            began = time.perf_counter()
            made.board.circuit("press")
            await _stored(made, number)
            times.append(time.perf_counter() - began)
            made.board.circuit("release")
            await asyncio.sleep(0.05)
    return times


async def _stored(made: Car, number: int) -> None:
    while made.told.count("board-stored") < number:
        made.heard.clear()
        await made.heard.wait()
