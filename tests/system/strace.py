"""A program under strace: the calls by which it changes the disk, and a kill, an error or a delay at any of them."""

import contextlib
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

DISK_CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink", "rename", "mkdir")
"""SQLite's and our own; what is written to pipes, sockets and the journal goes by other calls."""

STARTED = re.compile(r"^(\d+) +(\w+)\(")


def under_strace(command: Sequence[str], log: Path, *injections: str) -> list[str]:
    """The command with its disk calls logged; an injection is `CALL:signal=SIGKILL:when=N` or the like (strace(1)).

    strace counts a call's occurrences thread by thread; only one thread of ours touches the database. It runs beside
    the program (-D), which can so be signalled and waited for as if it were alone.
    """
    inject = [word for injection in injections for word in ("-e", f"inject={injection}")]
    return ["strace", "-D", "-f", "-qq", "-o", str(log), "-e", "trace=" + ",".join(DISK_CALLS), *inject, *command]


@contextlib.contextmanager
def disturbed(
    process: subprocess.Popen[str], log: Path, what: str, calls: Sequence[str], paths: Sequence[Path] = ()
) -> Iterator[None]:
    """Do this (`error=EIO` or the like) to a running program's calls, on these paths alone, until the block is left."""
    only = [word for path in paths for word in ("-P", str(path))]
    inject = ["-e", f"inject={','.join(calls)}:{what}"]
    command = ["strace", "-f", "-o", str(log), *only, *inject, "-p", str(process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        try:
            attached = strace.stderr.readline()
            assert "attached" in attached, attached
            yield
        finally:
            # Asked to go it would wait for its delays; when it is gone the program goes on.
            strace.kill()


def disk_calls(log: Path) -> dict[str, int]:
    """How often the busiest thread made each disk call: what `when=` can reach."""
    seen = Counter(found.groups() for line in log.read_text().splitlines() if (found := STARTED.match(line)))
    return {call: max((many for (_, name), many in seen.items() if name == call), default=0) for call in DISK_CALLS}


def every_call(counts: dict[str, int], most: int | None = None) -> list[tuple[str, int]]:
    """All (call, occurrence); or at most so many of each call, spread evenly, its first and last among them."""
    return [(call, when) for call, count in counts.items() for when in _spread(count, most)]


def _spread(count: int, most: int | None) -> list[int]:
    if most is None or count <= most:
        return list(range(1, count + 1))
    return sorted({1 + round(step * (count - 1) / (most - 1)) for step in range(most)})


def was_killed(process: "subprocess.CompletedProcess[str] | subprocess.Popen[str]") -> bool:
    """Whether the program ended by SIGKILL."""
    return process.returncode == -9
