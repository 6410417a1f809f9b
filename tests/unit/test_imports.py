"""What .importlinter forbids, as far as a promise hangs on it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.promise("P-FLOW-02")
def test_the_parts_that_decide_import_neither_a_loop_a_database_a_clock_nor_a_log() -> None:
    command = ["lint-imports", "--no-cache", "--contract", "pure"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 kept, 0 broken" in done.stdout
