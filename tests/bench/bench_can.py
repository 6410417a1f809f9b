"""CAN frames per second and CPU per frame, beside plain python-can with cantools on the same frames in the same run."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import can
import cantools

from drivers import can_file
from drivers.signals import load
from hal.clock import SystemClock
from tests.bench.processes import ROOT
from tests.bench.rows import Row, row

NAME = "CAN frames a second of CPU"
GOLDEN = ROOT / "tests" / "golden"
DBC, MAP = GOLDEN / "car.dbc", GOLDEN / "car.toml"
FRAMES = 50_000
IDS = [(0x100, False, 8), (0x200, False, 8), (0x300, False, 4), (0x18FEF100, True, 8), (0x7A0, False, 8)]
"""Of car.dbc, and one that no map knows."""

Frame = tuple[int, bool, bytes]


def frames() -> list[Frame]:
    """The same frames in every run."""
    random_ = random.Random(2)
    return [
        (key, extended, random_.randbytes(length)) for _ in range(FRAMES // len(IDS)) for key, extended, length in IDS
    ]


def record(path: Path, recorded: list[Frame]) -> None:
    """Write the frames as `candump -l` does."""
    with path.open("w") as log:
        for number, (key, extended, data) in enumerate(recorded):
            identifier = f"{key:08X}" if extended else f"{key:03X}"
            log.write(f"({1_700_000_000 + number / 1000:.6f}) can0 {identifier}#{data.hex().upper()}\n")


def decode_by_cantools(recorded: list[Frame]) -> None:
    """What a plain program does per frame."""
    database = cantools.database.load_file(DBC)
    for key, _, data in recorded:
        try:
            database.decode_message(key, data)
        except KeyError:
            continue


def decode_by_us(recorded: list[Frame], vehicle: Path | None, dbc: Path | None) -> None:
    """Our decoder alone."""
    decoder = load(vehicle, dbc)
    for key, extended, data in recorded:
        decoder.decode(key, extended, data)


def replay_by_python_can(path: Path) -> None:
    """A recording read and decoded by the two libraries."""
    database = cantools.database.load_file(DBC)
    for message in can.LogReader(path):
        try:
            database.decode_message(message.arbitration_id, message.data)
        except KeyError:
            continue


def replay_by_us(path: Path, vehicle: Path | None, dbc: Path | None) -> None:
    """A recording through our driver, up to its readings."""

    async def read() -> None:
        settings = can_file.Settings(path=path, vehicle=vehicle, dbc=dbc)
        async for _ in can_file.build("can", settings, SystemClock()).readings():
            pass

    asyncio.run(read())


def cpu_us_per_frame(work: Callable[[], None]) -> float:
    """The least CPU of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken) / FRAMES * 1e6


def measure() -> list[Row]:
    recorded = frames()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.log"
        record(path, recorded)
        plain_us = cpu_us_per_frame(lambda: decode_by_cantools(recorded))
        plain_replay_us = cpu_us_per_frame(lambda: replay_by_python_can(path))
        return [
            row("decode: plain cantools", 1e6 / plain_us, "frames/s", f"{plain_us:.2f} us a frame"),
            _row("decode: DBC alone", lambda: decode_by_us(recorded, None, DBC), plain_us),
            _row("decode: signal map", lambda: decode_by_us(recorded, MAP, None), plain_us),
            row("replay: plain python-can, cantools", 1e6 / plain_replay_us, "frames/s", f"{plain_replay_us:.2f} us"),
            _row("replay: DBC alone", lambda: replay_by_us(path, None, DBC), plain_replay_us),
            _row("replay: signal map", lambda: replay_by_us(path, MAP, None), plain_replay_us),
        ]


def _row(name: str, work: Callable[[], None], plain_us: float) -> Row:
    us = cpu_us_per_frame(work)
    return row(name, 1e6 / us, "frames/s", f"{us / plain_us:.2f} of plain's CPU, {us:.2f} us a frame")
