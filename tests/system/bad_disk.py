"""A small disk for one process alone, in a mount namespace: it can be filled, emptied and made read-only.

Nothing is mounted for anybody else, and it goes with the process; but for root that takes a user namespace, which a
kernel may deny.
"""

import contextlib
import os
import subprocess
from pathlib import Path

from tests.system.patrol_car import Process, Wrap

MOUNTED = 'mount -t tmpfs -o "$0" none "$1" && shift && exec "$@"'
PIECE = 4096


def on_small_disk(folder: Path, options: str = "size=8m") -> Wrap:
    """Runs a command with a disk of its own at `folder`; the options are tmpfs's."""
    folder.mkdir(exist_ok=True)
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    unshare = ["unshare", "--mount", *as_root, "sh", "-c", MOUNTED, options, str(folder)]
    return lambda command: [*unshare, *command]


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
