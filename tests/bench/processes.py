"""The real processes of a benchmark, on a real disk, and what the kernel says of each."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from terminal.tools.demo_files import Ways, write_files
from terminal.tools.demo_processes import free_port

ROOT = Path(__file__).parent.parent.parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

Command = Sequence[str | Path]
PATROLA: Command = (sys.executable, "-m", "terminal.tools.command")


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """A folder in the checkout: /tmp may be memory, on which nothing about a disk can be measured."""
    (ROOT / ".bench").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".bench") as name:
        yield Path(name)


@contextmanager
def started(*commands: Command, env: Mapping[str, str] | None = None) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run them together, and end each of them in the end."""
    quiet, environment = subprocess.DEVNULL, {**os.environ, **(env or {})}
    children: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
            children.append(child)
        yield children
    finally:
        for child in reversed(children):
            child.send_signal(signal.SIGTERM)
            child.wait()


def configured(folder: Path) -> int:
    """Write the demonstration's files into the folder; the broker's port."""
    port = free_port()
    write_files(folder, Ways(port=port, gnss=None, can=None, vehicle=None, speed=1.0))
    return port


def broker(folder: Path) -> Command:
    """Mosquitto with the demonstration's configuration."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program is not None, "mosquitto is not installed; ./scripts/bench installs it"
    return (program, "-c", folder / "mosquitto.conf")


def core(folder: Path) -> Command:
    """The car's core on the folder's unit.toml."""
    return (*PATROLA, "core", "--config", folder / "unit.toml")


def hq(folder: Path) -> Command:
    """Headquarters on the folder's hq.toml."""
    return (*PATROLA, "hq", "serve", "--config", folder / "hq.toml")


def wait_for_port(port: int) -> None:
    """Until somebody listens there."""
    while True:
        with socket.socket() as visitor:
            if visitor.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)


def cpu_s(pid: int) -> float:
    """User and system time that the process has used (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident and proportional set size (proc_pid_smaps(5))."""
    sizes = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return int(sizes["Rss"].split()[0]) / 1024, int(sizes["Pss"].split()[0]) / 1024


def written_bytes(pid: int | str = "self") -> int:
    """What the process caused to be sent to the block layer (proc_pid_io(5)); not the file system's own journal."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["write_bytes"])


def device_written_bytes(path: Path) -> int | None:
    """What the device below the path has written in all, for everybody; None where the file system hides it."""
    device = path.stat().st_dev
    try:
        counters = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
    except OSError:
        return None
    return int(counters[6]) * 512
