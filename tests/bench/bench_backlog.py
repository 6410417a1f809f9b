"""An alarm over a 4 kB/s line behind 60 kB of points: a network namespace and a token bucket are the line."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "An alarm's time to its receipt over a 4 kB/s line with 60 kB queued"
LINE_BYTES_PER_S = 4000
QUEUED_POINTS = 1200
"""A point is 50 bytes on the wire."""
PRESSES = 5
SPACE = f"patrola-bench-{os.getpid()}"
OUTSIDE, INSIDE = f"pb{os.getpid() % 10**6}o", f"pb{os.getpid() % 10**6}i"
BROKER, CAR = "10.231.7.1", "10.231.7.2"
PORT = 18831
ROOT = Path(__file__).parents[2]
WAYS = (
    ("2", "idle line", 0),
    ("1", "window of 1", QUEUED_POINTS),
    ("2", "window of 2, as shipped", QUEUED_POINTS),
    ("4", "window of 4", QUEUED_POINTS),
    ("paho", "all of it given to paho", QUEUED_POINTS),
)
"""Publications in flight, what that is called, and how many points wait."""

HQ = f"""\
name = "HQ-1"
store = "hq.db"
socket = "hq.sock"

[[brokers]]
host = "{BROKER}"
port = {PORT}
"""
MOSQUITTO = f"listener {PORT} {BROKER}\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"


def measure() -> list[dict[str, Any]]:
    if os.getuid() != 0:
        return [{"name": "not measured", "value": 0, "unit": "s", "versus": "needs root for a network namespace"}]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="patrola-bench-") as name, _slow_line(), _servers(Path(name)):
        for window, what, points in WAYS:
            times = _drive(window, points)
            idle = rows[0]["value"] if rows else None
            versus = f"longest {max(times):.2f} s" + (
                f", {statistics.median(times) / idle:.1f} idle lines" if idle else ""
            )
            rows.append({"name": what, "value": statistics.median(times), "unit": "s", "versus": versus})
    return rows


def _drive(window: str, points: int) -> list[float]:
    command = ["ip", "netns", "exec", SPACE, sys.executable, "-m", "tests.bench.slow_line_car"]
    told = ["--broker", BROKER, "--port", PORT, "--window", window, "--points", points, "--presses", PRESSES]
    done = subprocess.run(
        [*command, *map(str, told)], capture_output=True, text=True, timeout=300, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    times: list[float] = json.loads(done.stdout)
    return times


@contextlib.contextmanager
def _slow_line() -> Iterator[None]:
    bucket = ["root", "tbf", "rate", f"{LINE_BYTES_PER_S * 8}bit", "burst", "1600", "limit", "200000"]
    within = ["ip", "netns", "exec", SPACE]
    _run("ip", "netns", "add", SPACE)
    try:
        _run("ip", "link", "add", OUTSIDE, "type", "veth", "peer", "name", INSIDE, "netns", SPACE)
        _run("ip", "addr", "add", f"{BROKER}/30", "dev", OUTSIDE)
        _run("ip", "link", "set", OUTSIDE, "up")
        _run(*within, "ip", "link", "set", "lo", "up")
        _run(*within, "ip", "addr", "add", f"{CAR}/30", "dev", INSIDE)
        _run(*within, "ip", "link", "set", INSIDE, "up")
        _run("tc", "qdisc", "add", "dev", OUTSIDE, *bucket)
        _run(*within, "tc", "qdisc", "add", "dev", INSIDE, *bucket)
        yield
    finally:
        _run("ip", "netns", "del", SPACE)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=20)


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[None]:
    (folder / "mosquitto.conf").write_text(MOSQUITTO)
    (folder / "hq.toml").write_text(HQ)
    commands = [
        ["/usr/sbin/mosquitto", "-c", str(folder / "mosquitto.conf")],
        [sys.executable, "-m", "terminal.tools.command", "hq", "serve", "--config", str(folder / "hq.toml")],
    ]
    quiet = subprocess.DEVNULL
    children = [subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=ROOT) for command in commands]
    try:
        time.sleep(2)
        yield
    finally:
        for child in reversed(children):
            child.send_signal(signal.SIGTERM)
            child.wait()
