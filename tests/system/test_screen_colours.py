"""The screen asks for colours in which a button can be told from the ground, whatever the terminal tells of itself."""

import contextlib
import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.system.patrol_car import PATROLA, ROOT, WITHIN_S


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ({"TERM": "xterm"}, b"48;5;"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, b"48;2;"),
    ],
    ids=["16", "all"],
)
def test_no_ground_is_one_of_sixteen(tmp_path: Path, told: dict[str, str], asked: bytes) -> None:
    drawn = drawn_until(tmp_path, told, asked)
    assert asked in drawn


def drawn_until(folder: Path, told: dict[str, str], asked: bytes) -> bytes:
    """What the screen writes to a terminal of this kind, until this stands in it."""
    ours, theirs = os.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("COLORTERM", "NO_COLOR")}
    command = [*PATROLA, "screen", "--socket", str(folder / "core.sock")]
    screen = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment | told)
    os.close(theirs)
    drawn, ends_s = b"", time.monotonic() + WITHIN_S
    try:
        while asked not in drawn and time.monotonic() < ends_s:
            if select.select([ours], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    drawn += os.read(ours, 65_536)
    finally:
        screen.kill()
        screen.wait(WITHIN_S)
        os.close(ours)
    return drawn
