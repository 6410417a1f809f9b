"""User-mode Linux: a kernel of its own as one process, on the host's files; to kill it is to cut its power."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[2]
MODULES = Path("/usr/lib/uml/modules")
SEARCHED = "/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = (("linux.uml", "user-mode-linux"), ("insmod", "kmod"), ("ip", "iproute2"), ("mke2fs", "e2fsprogs"))
START = f"""#!/bin/sh
export PATH={SEARCHED} PYTHONPATH={ROOT} PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs run /run
"""


def must_boot() -> None:
    """Skip the test where User-mode Linux, or what runs in it, is not installed."""
    for program, package in NEEDED:
        if not shutil.which(program, path=SEARCHED):
            pytest.skip(f"{program} is not installed; apt-get install {package}, as scripts/test does")


def inserting(*names: str) -> str:
    """The lines of a start script that load kernel modules, in this order."""
    modules = max(MODULES.iterdir()) / "kernel"
    return "".join(f"insmod {modules}/{name}.ko\n" for name in names)


def start_script(path: Path, lines: str) -> Path:
    """Write what the machine does first and last: the kernel ends with it."""
    path.write_text(START + lines)
    path.chmod(0o755)
    return path


def boot_command(script: Path, *devices: str, memory: str = "512M") -> list[str]:
    """What boots it; its console is its standard output."""
    root = ["rootfstype=hostfs", "rootflags=/", "rw", f"init={script}"]
    return ["linux.uml", f"mem={memory}", *root, "con=null", "con0=null,fd:1", *devices, "quiet"]


class Machine:
    """A machine that has been switched on, and writes its console to a file."""

    def __init__(self, command: Sequence[str], console: IO[bytes]) -> None:
        # Its processes stay together, so that the power goes for all of them at once.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )
        self._cutting = threading.Lock()
        self.is_cut = False

    def runs(self) -> bool:
        """Whether it still has power, and has not ended by itself."""
        return self._process.poll() is None

    def cut(self) -> None:
        """Take its power away."""
        self.is_cut = True
        with self._cutting:
            if self.runs():
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
