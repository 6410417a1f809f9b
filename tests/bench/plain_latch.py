"""What a press to "stored" takes a program that does nothing else: a frame in, a thread, bytes synced, a line out.

`plain_latch.py FOLDER BYTES COUNT` presses a simulated board in the folder so often, and prints, as JSON, how many
seconds each took from the board's latch on.
"""

import asyncio
import json
import os
import sys
import threading
from collections import deque
from pathlib import Path

import serial

from firmware import frame
from firmware.frame import LineReader
from tests.bench.plain_sync import Syncs
from tests.bench.pressing import Button, opened

READ_BYTES = 4096
BEAT_S = 1.0
"""A board that hears nothing for long takes its terminal for dead."""

Press = tuple[str, int]
"""A board's boot, and the number of the press in it."""


class Latch:
    """Syncs each new press in a thread of its own, then tells its board and the client of its socket."""

    def __init__(self, folder: Path, size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = serial.Serial(str(folder / "board"), timeout=0, exclusive=True)
        self._syncs = Syncs(folder / "latch", size)
        self._reader = LineReader()
        self._known: set[Press] = set()
        self._waiting: deque[Press] = deque()
        self._there = threading.Semaphore(0)
        self._client: asyncio.StreamWriter | None = None

    async def run(self, socket: Path) -> None:
        """For ever."""
        self._write("ASK")
        self._write("SET", "loud", 0)
        self._loop.add_reader(self._port.fileno(), self._readable)
        threading.Thread(target=self._sync, daemon=True).start()
        await asyncio.start_unix_server(self._come, socket)
        while True:
            self._write("BEAT")
            await asyncio.sleep(BEAT_S)

    def _come(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = writer

    def _readable(self) -> None:
        for word, fields in self._reader.feed(os.read(self._port.fileno(), READ_BYTES)):
            if word == "PRESS" and (press := (fields[0], int(fields[1]))) not in self._known:
                self._known.add(press)
                self._waiting.append(press)
                self._there.release()

    def _sync(self) -> None:
        while self._there.acquire():
            self._syncs.one()
            self._loop.call_soon_threadsafe(self._stored, self._waiting.popleft())

    def _stored(self, press: Press) -> None:
        if self._client is not None:
            self._client.write(b"stored\n")
        self._write("STORED", *press)
        self._write("STORED", *press)

    def _write(self, word: str, *fields: str | int) -> None:
        os.write(self._port.fileno(), frame.encode(word, *fields))


async def pressed(folder: Path, size: int, count: int) -> list[float]:
    """The times of so many presses, by a latch in a process of its own."""
    button = Button(folder)
    button.board.plug()
    latch = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.plain_latch", folder, str(size), "latch"
    )
    try:
        reader, _ = await opened(str(folder / "latch.sock"))
        return [await _press(button, reader) for _ in range(count)]
    finally:
        latch.kill()
        await latch.wait()
        button.board.unplug()


async def _press(button: Button, stored: asyncio.StreamReader) -> float:
    stamps = await button.press()
    await stored.readline()
    took_s = asyncio.get_running_loop().time() - stamps["pressed"]
    await button.let_go()
    return took_s


async def main(folder: Path, size: int, count: str) -> None:
    """The latch itself, or presses of one."""
    if count == "latch":
        await Latch(folder, size).run(folder / "latch.sock")
    else:
        print(json.dumps(await pressed(folder, size, int(count))))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
