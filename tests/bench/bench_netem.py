"""An alarm over a line that delays and loses packets, and over a narrow one behind a backlog; real processes."""

import json
import shutil
import statistics
import subprocess
import sys
from typing import Any

from tests.bench.processes import ROOT
from tests.bench.rows import Row, row, share
from tests.system.far_line import APART
from tests.system.uml import SEARCHED

NAME = "An alarm over 80 ms and 3 % loss each way (1000 presses), and over 64 kbit/s behind 100,000 positions"
LONGEST_S = 500


def measure() -> list[Row]:
    if subprocess.run([*APART, "true"], capture_output=True, timeout=20).returncode != 0:
        return [row("not measured", 0, "s", "this kernel lets only root have a network of its own")]
    return [*_lossy(), *_narrow()]


def _lossy() -> list[Row]:
    if not shutil.which("linux.uml", path=SEARCHED):
        return [row("80 ms, 3 % loss: not measured", 0, "s", "needs User-mode Linux, as scripts/test installs it")]
    times = _drive("lossy")
    rows = [
        row(f"80 ms, 3 % loss: press to received, {word}", share(times, part), "s")
        for part, word in ((0.5, "p50"), (0.95, "p95"), (0.999, "p99.9"))
    ]
    return [*rows, row("80 ms, 3 % loss: presses received", len(times), "presses", f"longest {max(times):.2f} s")]


def _narrow() -> list[Row]:
    rounds = _drive("narrow")
    return [
        _worst(rounds, "handshake", "64 kbit/s, 100,000 queued: SYN to CONNACK, longest"),
        _worst(rounds, "from_connack", "64 kbit/s, 100,000 queued: CONNACK to received, longest"),
        _worst(rounds, "on_line", "64 kbit/s, backlog on its way: press to received, longest"),
    ]


def _worst(rounds: list[dict[str, float]], what: str, name: str) -> Row:
    times = [one[what] for one in rounds]
    return row(name, max(times), "s", f"median {statistics.median(times):.3g} s of {len(times)}")


def _drive(line: str) -> Any:
    command = [*APART, sys.executable, "-m", "tests.bench.far_cars", line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
