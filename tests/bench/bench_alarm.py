"""From a press on the screen to headquarters' receipt and to a dispatcher's name: real processes, a real broker."""

import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from terminal.asked import RaiseAlarm
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.link import Snapshot, decode_server_line, encode_line, merge
from tests.bench.processes import broker, configured, core, folder_on_disk, hq, started
from tests.bench.rows import Row, row, share

NAME = "An alarm, from press to receipt and to the dispatcher's name (1000 presses)"
PRESSES = 1000
HOPS = 1000


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        port = configured(folder)
        with started(broker(folder), hq(folder), core(folder)):
            received, named = asyncio.run(alarms(folder, PRESSES))
            hops = asyncio.run(_hops(port))
        syncs = _syncs(folder)
    hop, sync = statistics.median(hops), statistics.median(syncs)
    rows = [row("bare Mosquitto hop, p50", hop * 1000, "ms"), row("bare 4 KiB fdatasync, p50", sync * 1000, "ms")]
    for what, times in (("press to receipt", received), ("press to dispatcher's name", named)):
        for part, word in ((0.5, "p50"), (0.99, "p99")):
            value = share(times, part)
            rows.append(row(f"{what}, {word}", value * 1000, "ms", f"{value / hop:.1f} hops"))
    return rows


async def alarms(folder: Path, presses: int) -> tuple[list[float], list[float]]:
    """Seconds from each press to its receipt, and to the name of who took it."""
    await _connected(folder)
    received: list[float] = []
    named: list[float] = []
    for _ in range(presses):
        reader, writer = await asyncio.open_unix_connection(str(folder / "core.sock"), limit=1 << 22)
        seen = decode_server_line(await reader.readline())
        assert isinstance(seen, Snapshot)
        known = {alarm.incident for alarm in seen.alarms}
        began = time.perf_counter()
        writer.write(encode_line(RaiseAlarm(kind="test")))
        seen, incident = await _until(reader, seen, known, "received")
        received.append(time.perf_counter() - began)
        began = time.perf_counter() - received[-1]
        await _ask(folder, {"do": "ack", "alarm": incident, "by": "Bench"})
        seen, _ = await _until(reader, seen, known, "acknowledged_by")
        named.append(time.perf_counter() - began)
        await _ask(folder, {"do": "clear", "alarm": incident, "by": "Bench", "reason": "measured"})
        await _until(reader, seen, known, "cleared_by")
        writer.close()
    return received, named


async def _connected(folder: Path) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(str(folder / "core.sock"), limit=1 << 22)
            seen = decode_server_line(await reader.readline())
            writer.close()
            if isinstance(seen, Snapshot) and seen.line.connected and not seen.line.hq_silent:
                return
        except OSError:
            pass
        await asyncio.sleep(0.1)


async def _until(reader: asyncio.StreamReader, seen: Any, known: set[str], field: str) -> tuple[Snapshot, str]:
    while True:
        for alarm in seen.alarms:
            if alarm.incident not in known and getattr(alarm, field):
                return seen, alarm.incident
        seen = merge(seen, decode_server_line(await reader.readline()))  # type: ignore[arg-type]


async def _ask(folder: Path, question: dict[str, str]) -> None:
    reader, writer = await asyncio.open_unix_connection(str(folder / "hq.sock"))
    writer.write(json.dumps(question).encode() + b"\n")
    answer = json.loads(await reader.readline())
    assert answer["ok"], answer
    writer.close()


class Echo(Listener):
    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def message(self, topic: str, payload: bytes) -> None:
        self.heard.set()


async def _hops(port: int) -> list[float]:
    at, echo = Broker(host="127.0.0.1", port=port), Echo()
    to, fro = Connection("bench-to", at, Listener()), Connection("bench-from", at, echo)
    await to.open()
    await fro.open()
    await fro.subscribe("bench")
    times = []
    for _ in range(HOPS):
        began = time.perf_counter()
        echo.heard.clear()
        to.publish(Publication("bench", b"x" * 600))
        await echo.heard.wait()
        times.append(time.perf_counter() - began)
    await to.close()
    await fro.close()
    return times


def _syncs(folder: Path) -> list[float]:
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(HOPS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return times
