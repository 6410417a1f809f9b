"""The screen on a terminal of 50 x 15: taps, processor, memory, frames of the map; beside a bare Textual app."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from terminal.map.drawing import CellSize, Window, drawn, plotted
from terminal.map.file import MapFile
from terminal.map.sixel import sixels
from tests.bench.processes import PATROLA, ROOT, Command, cpu_s, folder_on_disk, memory_mib
from tests.bench.rows import Row, row
from tests.bench.terminal import Terminal

NAME = "The screen at 50 x 15"
TAPS = 40
WATCHED_S = 10.0
NOVI_SAD = (45.2551, 19.8452)
FRAMES = 20
CELL = CellSize(32, 16)
MAP_BUTTON = (20, 13)
PICTURE_ENDS, OWN_CAR = b"\x1b\\", "◉".encode()
"""What is written when the map has moved."""

CORE = """
import asyncio, sys, time
from pathlib import Path
from msgspec.structs import replace
from terminal.core.link_server import LinkServer
from terminal.link import Role
from terminal.shown import LineView, VehicleView
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
        drags = {has_pixels: statistics.median(_dragged(folder, has_pixels=has_pixels)) for has_pixels in (False, True)}
    tap = statistics.median(taps)
    return [
        row("a bare Textual app: a tap to its other word", bare, "ms"),
        row("a tap on a page's button to the page, median", tap, "ms", f"{tap / bare:.1f} of the bare app"),
        row("the same, longest", max(taps), "ms", f"of {len(taps)}"),
        row("processor, core speaks once a second", 100 * rest, "% of a core"),
        row("processor, ten times a second", 100 * busy, "% of a core"),
        row("memory: RSS", memory[0], "MiB", f"PSS {memory[1]:.1f}"),
        row("a finger that drags the map: to its frame, braille", drags[False], "ms", "median"),
        row("the same, sixels", drags[True], "ms", f"{drags[True] / drags[False]:.1f} of it"),
        *_frames(),
    ]


def _taps(command: Command, words: tuple[bytes, bytes], places: tuple[tuple[int, int], tuple[int, int]]) -> list[float]:
    with Terminal(command) as terminal:
        terminal.until(words[0])
        return _tapped(terminal, words, places)


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
def _core(folder: Path, per_s: float, *, has_pixels: bool = False) -> Iterator[Terminal]:
    """The screen, shown, on a core that speaks so often."""
    socket = folder / f"core-{per_s:g}.sock"
    core = subprocess.Popen([sys.executable, "-c", CORE, str(socket), str(per_s)], cwd=ROOT)
    while not socket.exists():
        time.sleep(0.01)
    try:
        with Terminal([*PATROLA, "screen", "--socket", socket], has_pixels=has_pixels) as screen:
            screen.until(b"HQ has")
            yield screen
    finally:
        core.kill()
        core.wait()
        socket.unlink(missing_ok=True)


def _watched(folder: Path, per_s: float) -> tuple[float, tuple[float, float]]:
    """The share of a core that the screen uses, and its memory."""
    with _core(folder, per_s) as screen:
        screen.drain(2.0)
        before = cpu_s(screen.process.pid)
        screen.drain(WATCHED_S)
        return (cpu_s(screen.process.pid) - before) / WATCHED_S, memory_mib(screen.process.pid)


def _dragged(folder: Path, *, has_pixels: bool) -> list[float]:
    """Milliseconds from each of a finger's moves to the end of what is drawn because of it."""
    with _core(folder, 1.0, has_pixels=has_pixels) as screen:
        screen.tap(*MAP_BUTTON)
        screen.drain(0.5)
        screen.finger("<0", 20, 7, "M")
        found = []
        for number in range(TAPS):
            screen.drain(0.3)
            began_s = time.perf_counter()
            screen.finger("<32", 24 + 4 * (number % 2), 7, "M")
            screen.until(PICTURE_ENDS if has_pixels else OWN_CAR)
            found.append((time.perf_counter() - began_s) * 1000)
    return found


def _frames() -> list[Row]:
    """A frame of each map that there is, drawn anew each time, in braille and in pixels."""
    maps = sorted((ROOT / "config" / "maps").glob("*.map"))
    found = []
    for path in maps:
        opened = MapFile(path)
        for scale in (8.0, 64.0, 1024.0):
            window = Window(*NOVI_SAD, scale, 22, 88)
            name = f"{path.name}: a frame of 88 x 22 at {scale:g} m a dot"
            braille, _ = _longest(partial(drawn, window, [opened]))
            pixels, picture = _longest(partial(_sixels, window, opened))
            found.append(row(f"{name}, braille", braille, "ms", "of one core, the longest"))
            found.append(
                row(f"{name}, sixels", pixels, "ms", f"{len(picture) // 1000} kB, {pixels / braille:.1f} of it")
            )
        opened.close()
    return found


def _sixels(window: Window, one: MapFile) -> str:
    return sixels(plotted(window, [one], CELL)[0].rows)


def _longest(frame: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds of one core, and the last frame."""
    took = []
    for _ in range(FRAMES):
        began_s = time.process_time()
        made = frame()
        took.append((time.process_time() - began_s) * 1000)
    return max(took), made
