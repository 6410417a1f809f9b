"""Core's own CPU while the car drives, beside plain python-can and cantools hearing the same bus at the same time."""

import json
import os
import pty
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from terminal.tools.demo_files import UNIT
from tests.bench.car_at_speed import DBC
from tests.bench.processes import PATROLA, Command, core, cpu_s, folder_on_disk, started
from tests.bench.rows import Row, row

NAME = "Core at 1000 CAN frames/s and 1 Hz GNSS (CPU, % of a core)"
GROUP = "239.74.163.79"
WATCHED_S = 10.0
LOOK_EVERY_S = 0.02
SOURCES = """
[sources.can]
driver = "socketcan"
interface = "udp_multicast"
channel = "{group}"
vehicle = {vehicle}

[sources.gnss]
driver = "nmea_serial"
device = {device}
"""


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        device = folder / "gnss"
        unit = UNIT.format(port=1).partition("[sources.board]")[0]
        vehicle = json.dumps(str(DBC.with_suffix(".toml")))
        (folder / "unit.toml").write_text(
            unit + SOURCES.format(group=GROUP, vehicle=vehicle, device=json.dumps(str(device)))
        )
        car: Command = (sys.executable, "-m", "tests.bench.car_at_speed", GROUP, device)
        plain: Command = (sys.executable, "-m", "tests.bench.plain_can", GROUP)
        with started(car):
            _wait_for(device)
            with started(core(folder), plain) as [ours, theirs]:
                return _measured(folder / "core.sock", ours.pid, theirs.pid)


def _measured(link: Path, ours: int, theirs: int) -> list[Row]:
    with _reader(link) as lines:
        _wait_for_speed(lines)
    alone, beside = _busy(ours, theirs)
    with _reader(link) as lines:
        taken = threading.Thread(target=lambda: [counted.append(len(line)) for line in lines], daemon=True)
        counted: list[int] = []
        taken.start()
        read, beside_read = _busy(ours, theirs)
        per_s = len(counted) / WATCHED_S
    with _screen(link) as screen:
        shown, screens, beside_shown = _busy(ours, screen, theirs)
    return [
        row("plain python-can and cantools", beside, "%"),
        row("core, nobody looks", alone, "%", f"{alone / beside:.2f} of plain"),
        row("core, one client reads", read, "%", f"{read / beside_read:.2f} of plain; {per_s:.0f} lines/s"),
        row("core, the screen reads", shown, "%", f"{shown / beside_shown:.2f} of plain"),
        row("the screen itself", screens, "%", f"{screens / beside_shown:.2f} of plain"),
    ]


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(LOOK_EVERY_S)


@contextmanager
def _reader(link: Path) -> Iterator[Iterator[bytes]]:
    while True:
        client = socket.socket(socket.AF_UNIX)
        if client.connect_ex(str(link)) == 0:
            break
        client.close()
        time.sleep(LOOK_EVERY_S)
    lines = client.makefile("rb")
    try:
        yield lines
    finally:
        client.shutdown(socket.SHUT_RDWR)
        client.close()


def _wait_for_speed(lines: Iterator[bytes]) -> None:
    for line in lines:
        if b'"speed_source":"can"' in line:
            return


@contextmanager
def _screen(link: Path) -> Iterator[int]:
    """The screen on a terminal of its size; its process."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "50", "LINES": "15"}
        os.execv(sys.executable, [*map(str, PATROLA), "screen", "--socket", str(link)])
    drawn = os.read(terminal, 65_536)
    while b"HQ " not in drawn:
        drawn += os.read(terminal, 65_536)
    threading.Thread(target=_swallow, args=(terminal,), daemon=True).start()
    try:
        yield pid
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)


def _swallow(terminal: int) -> None:
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:
        os.close(terminal)


def _busy(*pids: int) -> list[float]:
    """What share of a core each used, over the same seconds."""
    began_s, before = time.perf_counter(), [cpu_s(pid) for pid in pids]
    time.sleep(WATCHED_S)
    span_s = time.perf_counter() - began_s
    return [(cpu_s(pid) - used_s) / span_s * 100 for pid, used_s in zip(pids, before, strict=True)]
