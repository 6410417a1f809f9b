"""An alarm on a 64 kbit/s line behind 100,000 positions: ours, a Mosquitto bridge, and paho with its own queue."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from terminal.uplink import track
from terminal.uplink.outbox import Limits, Outbox
from tests.bench.bench_outbox import points
from tests.bench.bridge import bridge
from tests.bench.pressing import Desk, Shown
from tests.bench.processes import ROOT, Command, broker, configured, core, folder_on_disk, hq, started, wait_for_port
from tests.bench.receiver import Receiver
from tests.bench.relay import Relay
from tests.bench.rows import Row, row
from tests.bench.slow_line import HQ_SIDE, WITHIN, slow_line

NAME = "An alarm on a 64 kbit/s line behind 100,000 positions, from the broker's CONNACK"
BITS_PER_S = 64_000
POINTS = 100_000
OUTAGES = 20
PRESSES_AMID = 10
BETWEEN_PRESSES_S = 2.0
"""So long that what the desk answers to one press, which goes down the same line, is not in the way of the next."""
WAITS_S = 60.0
"""How long another way is given; what its alarm would have taken follows from what went by meanwhile."""
PORT = 18831
LOCAL_PORT = 18832


def measure() -> list[Row]:
    if os.getuid() != 0:
        return [row("not measured", 0, "s", "needs root for a network namespace")]
    rows = []
    with slow_line(BITS_PER_S):
        for count in (0, POINTS):
            with _at_headquarters() as (folder, port):
                rows += asyncio.run(_ours(folder, port, count))
        amid = f'tap amid the backlog to "received" shown, behind {POINTS:,}, median'
        ours = next(one["value"] for one in rows if one["name"].endswith(amid))
        for what, command in (("a Mosquitto bridge", _bridged), ("paho alone", _paho)):
            with _at_headquarters() as (folder, port):
                rows += asyncio.run(_other(folder, port, what, command, ours))
    return rows


@contextmanager
def _at_headquarters() -> Iterator[tuple[Path, int]]:
    with folder_on_disk() as folder:
        port = configured(folder)
        with started(broker(folder)):
            wait_for_port(port)
            yield folder, port


def _behind_the_line(folder: Path, port: int) -> None:
    """The car's broker is the relay's end of the slow line, and its only device would be a board."""
    unit = (folder / "unit.toml").read_text()
    unit = unit.replace(f'host = "127.0.0.1"\nport = {port}', f'host = "{HQ_SIDE}"\nport = {PORT}')
    assert HQ_SIDE in unit
    (folder / "unit.toml").write_text(unit[: unit.index("[sources.board]")])


async def _ours(folder: Path, port: int, count: int) -> list[Row]:
    _behind_the_line(folder, port)
    _fill(folder / "car" / "outbox.db", count)
    relay, receiver = Relay(port), Receiver()
    shown, desk = Shown(folder), Desk(folder)
    connection = await receiver.connect(port)
    with started(hq(folder), (*WITHIN, *core(folder))):
        works = [asyncio.create_task(work) for work in (shown.run(), desk.run())]
        outages = [await _after_an_outage(shown, desk, relay, receiver) for _ in range(OUTAGES)]
        amid = await _amid(shown, desk, relay)
        pending = shown.snapshot.line.pending if shown.snapshot else 0
        relay.cut()
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
    await connection.close()
    assert not count or pending > count / 2, f"{pending} of {count} wait: the backlog was gone before the last press"
    return _rows_of_ours(count, outages, amid)


def _fill(path: Path, count: int) -> None:
    path.parent.mkdir()
    outbox = Outbox.open(path, Limits(most_bytes=64_000_000))
    for _ in range(count // 1000):
        outbox.commit(points(1000)[0])
    outbox.close()


async def _after_an_outage(shown: Shown, desk: Desk, relay: Relay, receiver: Receiver) -> tuple[float, float, float]:
    """A press while there is no line, and then a line: the handshake; from CONNACK to the receiver and to the crew."""
    await shown.until(lambda: shown.snapshot and not shown.snapshot.line.connected)
    _, incident = await shown.call()
    await relay.open(HQ_SIDE, PORT)
    stamps = shown.rungs[incident]
    await shown.until(lambda: "received" in stamps)
    arrived, called, answered = receiver.alarms[incident], relay.called, relay.answered
    await desk.clear(incident)
    await shown.until(lambda: "cleared" in stamps)
    relay.cut()
    return answered - called, arrived - answered, stamps["received"] - answered


async def _amid(shown: Shown, desk: Desk, relay: Relay) -> list[float]:
    """Presses while the backlog is on its way: from the tap to the crew's "received"."""
    await relay.open(HQ_SIDE, PORT)
    await shown.until(lambda: shown.snapshot and shown.snapshot.line.connected)
    times = []
    for _ in range(PRESSES_AMID):
        await asyncio.sleep(BETWEEN_PRESSES_S)
        called, incident = await shown.call()
        stamps = shown.rungs[incident]
        await shown.until(lambda stamps=stamps: "received" in stamps)
        times.append(stamps["received"] - called)
        await desk.clear(incident)
        await shown.until(lambda stamps=stamps: "cleared" in stamps)
    return times


def _rows_of_ours(count: int, outages: list[tuple[float, float, float]], amid: list[float]) -> list[Row]:
    behind, rows = f"behind {count:,}", []
    handshakes, arrived, received = zip(*outages, strict=True)
    for what, times in (
        (f"ours: CONNACK to headquarters' subscriber, {behind}", arrived),
        (f'ours: CONNACK to "received" shown, {behind}', received),
        (f'ours: tap amid the backlog to "received" shown, {behind}', amid),
    ):
        rows.append(row(f"{what}, median", statistics.median(times), "s", f"{len(times)} alarms"))
        rows.append(row(f"{what}, longest", max(times), "s"))
    shake = statistics.median(handshakes)
    return [*rows, row(f"ours: handshake before it, {behind}, median", shake, "s", "TCP and CONNECT, no TLS")]


def _paho(_folder: Path) -> tuple[list[Command], tuple[str, int]]:
    return [], (HQ_SIDE, PORT)


def _bridged(folder: Path) -> tuple[list[Command], tuple[str, int]]:
    return [(*WITHIN, *bridge(folder, LOCAL_PORT, PORT, address=HQ_SIDE))], ("127.0.0.1", LOCAL_PORT)


async def _other(folder: Path, port: int, what: str, way, ours: float) -> list[Row]:
    relay, receiver = Relay(port), Receiver()
    connection = await receiver.connect(port)
    commands, to = way(folder)
    with started(*commands):
        car = _plain_car(*to)
        try:
            # To a bridge, all of it is acknowledged before the line comes; of paho's own queue nothing can be.
            await asyncio.to_thread(_until_told, car, "taken" if commands else "queued")
            await relay.open(HQ_SIDE, PORT)
            await _until(lambda: relay.answered)
            before = receiver.tracks
            await _until(lambda: receiver.alarms or time.perf_counter() - relay.answered > WAITS_S)
            took, sent = time.perf_counter() - relay.answered, receiver.tracks - before
        finally:
            car.kill()
            car.wait()
    relay.cut()
    await connection.close()
    name = f"{what}: CONNACK to headquarters' subscriber, behind {POINTS:,}"
    if receiver.alarms:
        return [row(name, took, "s", f"{took / ours:,.0f} of ours amid the backlog")]
    needs = took * _messages() / sent
    versus = f"not there after {took:.0f} s; by its rate, {needs / ours:,.0f} of ours amid the backlog"
    return [row(name, needs, "s", versus)]


async def _until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - what is awaited happens on a line and sets no event
        await asyncio.sleep(0.01)


def _messages() -> int:
    return -(-POINTS // track.MOST_POINTS)


def _plain_car(host: str, port: int) -> "subprocess.Popen[str]":
    command = [*WITHIN, sys.executable, "-m", "tests.bench.plain_car", host, str(port), "PLAIN-1", str(POINTS), "1"]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _until_told(car: "subprocess.Popen[str]", word: str) -> None:
    assert car.stdout is not None
    while (line := car.stdout.readline()) and line.strip() != word:
        pass
