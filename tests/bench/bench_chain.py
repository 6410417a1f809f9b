"""The emergency chain: an alarm stamped at every rung, on a sound disk and on one whose every sync stalls for 2 s."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from terminal.tools.demo_processes import free_port
from tests.bench import plain_presses
from tests.bench.bridge import EACH_CHANGE, bridge
from tests.bench.plain_sync import Syncs
from tests.bench.pressing import UNTRUE, Button, Chain, Desk, Shown, Stamps, together
from tests.bench.processes import ROOT, Command, broker, configured, core, folder_on_disk, hq, started, wait_for_port
from tests.bench.rows import Row, row, share

NAME = "The emergency chain: 1000 presses of the button, each rung as it is shown; 1000 calls while the disk stalls"
PRESSES = 1000
PRESSES_OF_OTHERS = 300
SAME_BYTES = 14_746
"""What an alarm's commit writes: `./scripts/bench outbox`."""
CARD_US = 2000
"""What a write takes on a card of Application Performance Class A1: 500 a second (SD Physical Layer 5.1)."""
PRESSES_ON_CARD = 300
STALL_US = 2_000_000
SYNCS_BEFORE = 60
"""The outbox is begun with some 20 syncs; the stall begins after so many."""


def measure() -> list[Row]:
    with folder_on_disk() as folder, _car(folder, core(folder)):
        syncs: list[float] = []
        chain, incidents = asyncio.run(together(folder, lambda *parts: _presses(folder, syncs, *parts)))
    rows = [
        *_of_disk(syncs, chain),
        *_of_a_latch(syncs),
        *_of_rungs(chain),
        *_of_others(chain),
        *_of_truth(chain, incidents),
    ]
    with folder_on_disk() as folder, _car(folder, _slowed(core(folder), CARD_US, 1)):
        on_card, _ = asyncio.run(together(folder, lambda *parts: _presses(folder, [], *parts, PRESSES_ON_CARD)))
        bare = _bare_on_card(folder)
    rows += _of_disk(bare, on_card, ", on a card of class A1")
    with folder_on_disk() as folder, _car(folder, _slowed(core(folder), STALL_US, SYNCS_BEFORE)):
        chain, incidents = asyncio.run(together(folder, _calls))
    return [*rows, *_of_stall(chain, incidents)]


@contextmanager
def _car(folder: Path, command: Command) -> Iterator[None]:
    port = configured(folder)
    unit = (folder / "unit.toml").read_text()
    (folder / "unit.toml").write_text(unit[: unit.index("[sources.car]")])
    with started(broker(folder)):
        wait_for_port(port)
        with started(hq(folder), command):
            yield


def _slowed(command: Command, by_us: int, since: int) -> Command:
    """This command whose syncs each take so much longer from its nth on; other calls run at their full speed."""
    inject = [f"inject={call}:delay_enter={by_us}:when={since}+" for call in ("fdatasync", "fsync")]
    words = [word for one in inject for word in ("-e", one)]
    traced = ("-e", "trace=fdatasync,fsync")
    return ("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, *traced, *words, *command)


def _bare_on_card(folder: Path) -> list[float]:
    plain = (sys.executable, "-m", "tests.bench.plain_sync", folder / "bare", str(SAME_BYTES), str(PRESSES_ON_CARD))
    done = subprocess.run(_slowed(plain, CARD_US, 1), cwd=ROOT, stdout=subprocess.PIPE, check=True)
    times: list[float] = json.loads(done.stdout)
    return times


async def _presses(
    folder: Path, syncs: list[float], shown: Shown, desk: Desk, button: Button, presses: int = PRESSES
) -> Chain:
    every: Chain = {}
    bare = Syncs(folder / "sync", SAME_BYTES)
    for _ in range(presses):
        known = len(shown.rungs)
        stamps = await button.press()
        incident = await shown.new(known)
        every[incident] = await _through(shown, desk, incident) | stamps
        await button.let_go()
        syncs.append(bare.one())
    bare.close()
    return every


async def _through(shown: Shown, desk: Desk, incident: str) -> Stamps:
    stamps = shown.rungs[incident]
    await shown.until(lambda: "acknowledged" in stamps)
    await desk.clear(incident)
    await shown.until(lambda: "cleared" in stamps)
    return stamps


async def _calls(shown: Shown, desk: Desk, _button: Button) -> Chain:
    """Calls from the screen, since a board waits for "stored"; those count that went out before they were stored."""
    every: Chain = {}
    while len(every) < PRESSES:
        called, incident = await shown.call()
        stamps = await _through(shown, desk, incident)
        if "stored" not in stamps:
            every[incident] = stamps | {"pressed": called}
    return every


def _times(chain: Chain, begin: str, end: str) -> list[float]:
    return [one[end] - one[begin] for one in chain.values() if end in one]


def _of_disk(syncs: list[float], chain: Chain, where: str = "") -> list[Row]:
    stored, same = _times(chain, "pressed", "stored"), f"bare fdatasync of {SAME_BYTES} bytes{where}"
    rows = [row(f"{same}, {word}", share(syncs, part) * 1000, "ms") for part, word in ((0.5, "p50"), (0.99, "p99"))]
    for part, word in ((0.5, "p50"), (0.99, "p99")):
        ratio, took_ms = share(stored, part) / share(syncs, part), share(stored, part) * 1000
        rows.append(row(f"press to stored{where}, {word}, beside a bare fdatasync's", ratio, "x", f"{took_ms:.3g} ms"))
    return rows


def _of_a_latch(syncs: list[float]) -> list[Row]:
    """What the line, a thread and a socket take a program that does nothing else."""
    with folder_on_disk() as folder:
        plain = (sys.executable, "-m", "tests.bench.plain_latch", folder, str(SAME_BYTES), str(PRESSES_OF_OTHERS))
        done = subprocess.run(plain, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    times: list[float] = json.loads(done.stdout)
    rows = []
    for part, word in ((0.5, "p50"), (0.99, "p99")):
        ratio, took_ms = share(times, part) / share(syncs, part), share(times, part) * 1000
        what = f"a program that does nothing else: press to stored, {word}, beside a bare fdatasync's"
        rows.append(row(what, ratio, "x", f"{took_ms:.3g} ms"))
    return rows


def _of_rungs(chain: Chain) -> list[Row]:
    rows = _percentiles("finger to press", _times(chain, "finger", "pressed"), "of it 15 ms debouncing")
    for rung in ("raised", "stored", "sent", "received", "acknowledged"):
        rows += _percentiles(f"press to {rung}", _times(chain, "pressed", rung), "from the board's latch")
    return rows + _percentiles("finger to received", _times(chain, "finger", "received"))


def _of_others(chain: Chain) -> list[Row]:
    """The same press over what keeps no account of it: no disk, no signature, no named incident."""
    ours = share(_times(chain, "pressed", "received"), 0.5)
    rows = []
    for what, through, how in (
        ("paho as it comes", _through_paho, ()),
        ("paho that sends at once", _through_paho, ("nodelay",)),
        ("paho that sends at once, over a Mosquitto bridge", _through_bridge, ("nodelay",)),
    ):
        with folder_on_disk() as folder:
            took = through(folder, *how)
        for part, word in ((0.5, "p50"), (0.99, "p99")):
            beside = f"ours {ours / share(took, part):.2f} times that" if part == 0.5 else ""
            rows.append(row(f"{what}: press to answered, {word}", share(took, part) * 1000, "ms", beside))
    return rows


def _through_paho(folder: Path, *how: str) -> list[float]:
    port = configured(folder)
    with started(broker(folder)):
        wait_for_port(port)
        return _pressed(port, port, *how)


def _through_bridge(folder: Path, *how: str) -> list[float]:
    port, local = configured(folder), free_port()
    ways = {"out": plain_presses.PRESSED, "back": plain_presses.ANSWERED}
    with started(broker(folder)):
        wait_for_port(port)
        with started(bridge(folder, local, port, saving=EACH_CHANGE, **ways)):
            wait_for_port(local)
            return _pressed(local, port, *how)


def _pressed(car: int, hq: int, *how: str) -> list[float]:
    """The times of presses by a car at this port, answered at that one."""
    program = (sys.executable, "-m", "tests.bench.plain_presses")
    answering = subprocess.Popen([*program, "hq", str(hq), *how], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert answering.stdout is not None
    try:
        answering.stdout.readline()
        pressing = [*program, "car", str(car), str(PRESSES_OF_OTHERS), *how]
        done = subprocess.run(pressing, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    finally:
        answering.kill()
        answering.communicate()
    times: list[float] = json.loads(done.stdout)
    return times


def _percentiles(what: str, times: list[float], versus: str = "") -> list[Row]:
    words = ((0.5, "p50"), (0.99, "p99"), (1.0, "longest"))
    return [row(f"{what}, {word}", share(times, part) * 1000, "ms", versus) for part, word in words]


def _of_truth(chain: Chain, incidents: list[dict[str, Any]]) -> list[Row]:
    signals = sum(incident["signals"] for incident in incidents)
    return [
        row("presses lost", PRESSES - min(len(incidents), signals), "", f"of {PRESSES}"),
        row("incidents a press", len(incidents) / PRESSES, "", f"{signals} signals on {len(incidents)}"),
        row('"received" shown of what headquarters does not hold', _untrue(chain, incidents), ""),
    ]


def _untrue(chain: Chain, incidents: list[dict[str, Any]]) -> int:
    """Shown when it was not there, or not there in the end."""
    held = {incident["incident"] for incident in incidents}
    return sum("received" in one and (UNTRUE in one or incident not in held) for incident, one in chain.items())


def _of_stall(chain: Chain, incidents: list[dict[str, Any]]) -> list[Row]:
    rows, stalled = [], "every sync stalled for 2 s"
    for rung in ("sent", "received"):
        rows += _percentiles(f"call to {rung}, {stalled}", _times(chain, "pressed", rung), "from the screen's tap")
    lost = len(chain.keys() - {incident["incident"] for incident in incidents})
    return [*rows, row(f"calls lost, {stalled}", lost, "", f"of {len(chain)}")]
