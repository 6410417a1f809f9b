"""A small disk for one process alone, in a mount namespace: it can be filled, emptied and made read-only.

Nothing is mounted for anybody else, and it goes with the process; but for root that takes a user namespace, which a
kernel may deny: such a test is skipped then.
"""

import contextlib
import functools
import os
import subprocess
from pathlib import Path

import pytest

from tests.system.patrol_car import Process, Wrap

MOUNTED = 'mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"'
PIECE = 4096


def on_small_disk(folder: Path, options: str = "size=8m") -> Wrap:
    """Runs a command with a disk of its own at `folder`; the options are tmpfs's."""
    folder.mkdir(exist_ok=True)
    if denied := _denied():
        pytest.skip(f"this kernel lets only root have a disk of its own: {denied}")
    return lambda command: [*_apart(), "sh", "-c", MOUNTED, options, str(folder), *command]


def _apart() -> list[str]:
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@functools.cache
def _denied() -> str:
    """What the kernel says to it; "" where it lets us."""
    tried = subprocess.run([*_apart(), "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else tried.stderr.strip()


def seen_by(process: Process, path: Path) -> Path:
    """The path in the process's own view."""
    return Path(f"/proc/{process.process.pid}/root{path}")


def fill(process: Process, folder: Path) -> None:
    """Leave no byte free."""
    with seen_by(process, folder / "junk").open("ab", buffering=0) as junk, contextlib.suppress(OSError):
        while True:
            junk.write(bytes(PIECE))


def make_room(process: Process, folder: Path) -> None:
    """Take away what filled it."""
    seen_by(process, folder / "junk").unlink()


def remount(process: Process, folder: Path, how: str) -> None:
    """Mount it with other options; `ro` only while no file is open for writing."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    enter = ["nsenter", "--target", str(process.process.pid), *as_root, "--mount", "--root"]
    subprocess.run([*enter, "mount", "-o", f"remount,{how}", str(folder)], check=True)
