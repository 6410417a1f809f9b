"""What the parts may know of each other and of the world, as far as a promise hangs on it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WALL = re.compile(r"\btime\.(time|time_ns|localtime|gmtime)\(|\.(now|utcnow|today)\(|CLOCK_REALTIME")
DATES_ALONE = {
    "hal/clock.py",
    "terminal/contract/identity.py",
    "terminal/contract/tls.py",
    "terminal/core/daemon.py",
    "terminal/core/journal.py",
    "terminal/screen/app.py",
}
"""What asks for the wall clock: to write it down, to show it, or to check a certificate by it; nothing is timed so."""


@pytest.mark.promise("P-FLOW-02")
def test_the_parts_that_decide_import_neither_a_loop_a_database_a_clock_nor_a_log() -> None:
    command = ["lint-imports", "--no-cache", "--contract", "pure"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.promise("P-TIME-02")
def test_nothing_in_the_car_asks_for_the_wall_clock_but_to_date_what_it_tells() -> None:
    files = [path for folder in ("hal", "drivers", "terminal") for path in (ROOT / folder).rglob("*.py")]
    asking = {path.relative_to(ROOT).as_posix() for path in files if WALL.search(path.read_text())}
    assert {path for path in asking if not path.startswith("terminal/tools/")} == DATES_ALONE
