"""How soon core and screen are there, and what memory they hold: beside Python alone and beside a bare Textual app."""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from terminal.link import Snapshot, decode_server_line
from terminal.tools.demo_files import UNIT
from tests.bench.processes import PATROLA, ROOT, Command, core, folder_on_disk, memory_mib, started
from tests.bench.rows import Row, row
from tests.bench.terminal import Terminal

NAME = "Start-up and memory (medians)"
TIMES = 10
LOOK_EVERY_S = 0.001
SETTLED_AFTER_LINES = 10
SIMULATOR = '\n[sources.car]\ndriver = "simulator"\n'
BARE_TEXTUAL = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("BARE-IS-THERE")
Bare().run()
"""


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        (folder / "unit.toml").write_text(UNIT.format(port=1).partition("[sources.board]")[0] + SIMULATOR)
        python, ready, snapshot, memory = _of_core(folder)
        imported, bare, screen, screen_memory = _of_screen(folder)
    return [
        row("python -c pass", python, "ms"),
        row("core: to READY (systemd's notification)", ready, "ms", f"{ready / python:.1f} x python -c pass"),
        row("core: to the first snapshot on its socket", snapshot, "ms", f"{snapshot / python:.1f} x python -c pass"),
        row("core: RSS, simulated car, no broker", memory[0], "MiB", f"PSS {memory[1]:.1f}"),
        row("python -c 'import textual.app'", imported, "ms", f"{imported / python:.1f} x python -c pass"),
        row("a bare Textual app: to its one word", bare, "ms", f"{bare / python:.1f} x python -c pass"),
        row("screen: to core's first snapshot shown", screen, "ms", f"{screen / bare:.2f} of the bare Textual app"),
        row("screen: RSS", screen_memory[0], "MiB", f"PSS {screen_memory[1]:.1f}"),
    ]


def _of_core(folder: Path) -> tuple[float, float, float, tuple[float, float]]:
    pythons, readies, snapshots, memory = [], [], [], (0.0, 0.0)
    for _ in range(TIMES):
        pythons.append(_run_ms([sys.executable, "-c", "pass"]))
        ready_ms, snapshot_ms, memory = _start_core(folder)
        readies.append(ready_ms)
        snapshots.append(snapshot_ms)
    return statistics.median(pythons), statistics.median(readies), statistics.median(snapshots), memory


def _run_ms(command: Command) -> float:
    began_s = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT)
    return (time.perf_counter() - began_s) * 1000


def _start_core(folder: Path) -> tuple[float, float, tuple[float, float]]:
    notice = folder / "notify"
    notice.unlink(missing_ok=True)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(notice))
        began_s = time.perf_counter()
        with started(core(folder), env={"NOTIFY_SOCKET": str(notice)}) as [process]:
            assert systemd.recv(64) == b"READY=1"
            ready_s = time.perf_counter() - began_s
            with closing(_connected(folder / "core.sock")) as client:
                assert isinstance(decode_server_line(client.readline()), Snapshot)
                snapshot_s = time.perf_counter() - began_s
                for _ in range(SETTLED_AFTER_LINES):
                    client.readline()
            return ready_s * 1000, snapshot_s * 1000, memory_mib(process.pid)


def _connected(path: Path) -> BinaryIO:
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                return client.makefile("rb")
        time.sleep(LOOK_EVERY_S)


def _of_screen(folder: Path) -> tuple[float, float, float, tuple[float, float]]:
    imports, bares, screens, memory = [], [], [], (0.0, 0.0)
    with started(core(folder)):
        _connected(folder / "core.sock").close()
        for _ in range(TIMES):
            imports.append(_run_ms([sys.executable, "-c", "import textual.app"]))
            bares.append(_shown_ms([sys.executable, "-c", BARE_TEXTUAL], b"BARE-IS-THERE", lambda _pid: None))
            command = [*PATROLA, "screen", "--socket", folder / "core.sock"]
            found: list[tuple[float, float]] = []
            screens.append(_shown_ms(command, b"HQ not told", lambda pid, found=found: found.append(memory_mib(pid))))
            memory = found[0]
    return statistics.median(imports), statistics.median(bares), statistics.median(screens), memory


def _shown_ms(command: Command, word: bytes, then: Callable[[int], object]) -> float:
    """Until the word stands on a terminal of the screen's size."""
    began_s = time.perf_counter()
    with Terminal(command) as terminal:
        terminal.until(word)
        taken_ms = (time.perf_counter() - began_s) * 1000
        then(terminal.process.pid)
        return taken_ms
