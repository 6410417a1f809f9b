"""Runs Spin on a model: what it found, how much of the model it saw, and which steps it never took."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

MEMORY_MB = 3000
"""More would be swapped on a small machine; a search that needs it stops, and is then no proof."""
DEPTH = 100_000
SEARCH_WITHIN_S = 900
BUILD_WITHIN_S = 120

NEVER = "what is promised for the end never comes, or does not stay"
"""What is broken in a fair run that goes on for ever."""

Step = tuple[str, int]
"""(process, line of the model)."""


class Found(Struct, frozen=True):
    """One search; `broken` is the promise that was broken first or NEVER, "" if none was."""

    broken: str
    errors: int
    complete: bool
    states: int
    seconds: float
    steps: frozenset[Step]
    untaken: frozenset[Step]
    output: str


def search(model: Path, defines: Iterable[str], folder: Path, *, mutant: bool = False) -> Found:
    """Search all that this model can do, or stop at the first broken promise; with FAIR, all weakly fair runs.

    A mutant is found out at once: it is not worth a compiler's pains.
    """
    defines = tuple(defines)
    fair = "FAIR" in defines
    _build(model, defines, "-DNFAIR=4" if fair else "-DSAFETY", "-O0" if mutant else "-O1", folder)
    output = _run(["./pan", f"-m{DEPTH}", *(["-a", "-f"] if fair else [])], folder, SEARCH_WITHIN_S)
    steps = frozenset(_steps(_run(["./pan", "-d"], folder, BUILD_WITHIN_S)))
    return _read(output, steps)


def _build(model: Path, defines: Iterable[str], kind: str, effort: str, folder: Path) -> None:
    said = _run(["spin", *(f"-D{one}" for one in defines), "-a", str(model)], folder, BUILD_WITHIN_S)
    assert "Error" not in said, said
    options = [effort, "-w", kind, "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}"]
    said = _run(["gcc", *options, "-o", "pan", "pan.c"], folder, BUILD_WITHIN_S)
    assert (folder / "pan").exists(), said


def _run(command: list[str], folder: Path, within_s: float) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=within_s, check=False)
    return done.stdout + done.stderr


def _read(output: str, steps: frozenset[Step]) -> Found:
    broken = re.search(r"assertion violated (\w+)", output)
    errors = re.search(r"errors: (\d+)", output)
    states = re.search(r"(\d+) states, stored", output)
    assert errors is not None, output
    assert states is not None, output
    seconds = re.search(r"elapsed time ([\d.e+-]+)", output)
    stopped = ("Search not completed", "max search depth too small", "reached -DMEMLIM", "out of memory", "aborting")
    return Found(
        broken=broken[1] if broken else NEVER if "acceptance cycle (" in output else "",
        errors=int(errors[1]),
        complete=not any(sign in output for sign in stopped),
        states=int(states[1]),
        seconds=float(seconds[1]) if seconds else 0.0,
        steps=steps,
        untaken=frozenset(_untaken(output)),
        output=output,
    )


def _steps(listing: str) -> Iterable[Step]:
    """Every indivisible step of the model, from `pan -d`."""
    process = ""
    for line in listing.splitlines():
        if line.startswith(("proctype ", "init")):
            process = line.split()[-1]
        elif (step := re.search(r"\w+\.pml:(\d+) => D_STEP", line)) is not None:
            yield process, int(step[1])


def _untaken(output: str) -> Iterable[Step]:
    process = ""
    for line in output.splitlines():
        if line.startswith("unreached in "):
            process = line.split()[-1]
        elif (step := re.search(r"\w+\.pml:(\d+), state \d+, \"D_STEP", line)) is not None:
            yield process, int(step[1])
