"""The screen on a terminal of 50 x 15: taps, processor, memory, frames of the map; beside a bare Textual app."""

import os
import pty
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terminal.map.drawing import Window, drawn
from terminal.map.file import MapFile
from tests.bench.processes import PATROLA, ROOT, Command, cpu_s, folder_on_disk, memory_mib
from tests.bench.rows import Row, row

NAME = "The screen at 50 x 15"
TAPS = 40
WATCHED_S = 10.0
NOVI_SAD = (45.2551, 19.8452)
FRAMES = 20
CORE = """
import asyncio, sys, time
from pathlib import Path
from msgspec.structs import replace
from terminal.core.link_server import LinkServer
from terminal.link import LineView, Role, VehicleView
from tests.screen.gallery import snapshot
async def main():
    server = LinkServer(Path(sys.argv[1]), lambda _: Role.CREW, lambda *_: None)
    await server.start()
    number = 0
    while True:
        number += 1
        now = time.monotonic_ns()
        line = LineView(connected=True, storing=True, attended=True, hq_silent=False, hq_heard_mono_ns=now)
        server.publish(replace(snapshot(), vehicle=VehicleView(speed_mps=number % 2), line=line))
        await asyncio.sleep(1 / float(sys.argv[2]))
asyncio.run(main())
"""
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        self.word = Static("FIRST")
        yield self.word
    def on_click(self):
        self.word.update("SECOND" if str(self.word.content) == "FIRST" else "FIRST")
Bare().run()
"""


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        bare = statistics.median(_taps([sys.executable, "-c", BARE], (b"FIRST", b"SECOND"), ((3, 1), (3, 1))))
        with _core(folder, 1.0) as screen:
            taps = _tapped(screen, (b"Crew", b"Tree"), ((3, 13), (11, 13)))
        rest, memory = _watched(folder, 1.0)
        busy, _ = _watched(folder, 10.0)
    tap = statistics.median(taps)
    return [
        row("a bare Textual app: a tap to its other word", bare, "ms"),
        row("a tap on a page's button to the page, median", tap, "ms", f"{tap / bare:.1f} of the bare app"),
        row("the same, longest", max(taps), "ms", f"of {len(taps)}"),
        row("processor, core speaks once a second", 100 * rest, "% of a core"),
        row("processor, ten times a second", 100 * busy, "% of a core"),
        row("memory: RSS", memory[0], "MiB", f"PSS {memory[1]:.1f}"),
        *_frames(),
    ]


class Terminal:
    """A program on a pseudo-terminal of 50 x 15, and all that it has written."""

    def __init__(self, command: Command) -> None:
        self._ours, theirs = pty.openpty()
        os.set_blocking(self._ours, False)
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "50", "LINES": "15"}
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment)
        os.close(theirs)

    def until(self, word: bytes) -> None:
        """Until it has written this since the last call."""
        shown = b""
        while word not in shown:
            select.select([self._ours], [], [])
            shown += os.read(self._ours, 65_536)

    def drain(self, for_s: float) -> None:
        """Read what it writes for so long."""
        end_s = time.monotonic() + for_s
        while (left_s := end_s - time.monotonic()) > 0:
            if select.select([self._ours], [], [], left_s)[0]:
                os.read(self._ours, 65_536)

    def tap(self, column: int, row: int) -> None:
        """A finger, as xterm tells it (SGR mouse mode, 1006)."""
        os.write(self._ours, f"\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m".encode())

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def _taps(command: Command, words: tuple[bytes, bytes], places: tuple[tuple[int, int], tuple[int, int]]) -> list[float]:
    terminal = Terminal(command)
    try:
        terminal.until(words[0])
        return _tapped(terminal, words, places)
    finally:
        terminal.end()


def _tapped(
    terminal: Terminal, words: tuple[bytes, bytes], places: tuple[tuple[int, int], tuple[int, int]]
) -> list[float]:
    """Milliseconds from a tap to the word that it brings; by turns the second and the first."""
    found = []
    for number in range(TAPS):
        other = (number + 1) % 2
        terminal.drain(0.3)
        began_s = time.perf_counter()
        terminal.tap(*places[other])
        terminal.until(words[other])
        found.append((time.perf_counter() - began_s) * 1000)
    return found


@contextmanager
def _core(folder: Path, per_s: float) -> Iterator[Terminal]:
    """The screen, shown, on a core that speaks so often."""
    socket = folder / f"core-{per_s:g}.sock"
    core = subprocess.Popen([sys.executable, "-c", CORE, str(socket), str(per_s)], cwd=ROOT)
    while not socket.exists():
        time.sleep(0.01)
    screen = Terminal([*PATROLA, "screen", "--socket", socket])
    try:
        screen.until(b"HQ has")
        yield screen
    finally:
        screen.end()
        core.kill()
        core.wait()


def _watched(folder: Path, per_s: float) -> tuple[float, tuple[float, float]]:
    """The share of a core that the screen uses, and its memory."""
    with _core(folder, per_s) as screen:
        screen.drain(2.0)
        before = cpu_s(screen.process.pid)
        screen.drain(WATCHED_S)
        return (cpu_s(screen.process.pid) - before) / WATCHED_S, memory_mib(screen.process.pid)


def _frames() -> list[Row]:
    """A frame of each map that there is, drawn anew each time."""
    maps = sorted((ROOT / "config" / "maps").glob("*.map"))
    found = []
    for path in maps:
        opened = MapFile(path)
        for scale in (8.0, 64.0, 1024.0):
            window = Window(*NOVI_SAD, scale, 22, 88)
            took = []
            for _ in range(FRAMES):
                began_s = time.perf_counter()
                drawn(window, [opened])
                took.append((time.perf_counter() - began_s) * 1000)
            found.append(row(f"{path.name}: a frame of 88 x 22 at {scale:g} m a dot", max(took), "ms", "the longest"))
        opened.close()
    return found
