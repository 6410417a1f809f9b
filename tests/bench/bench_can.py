"""CAN frames per second and CPU per frame, beside plain python-can with cantools on the same frames in the same run.

Run as `python tests/bench/bench_can.py`; prints a table and, as its last line, JSON.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

import can  # noqa: E402 - the checkout comes first on the path
import cantools  # noqa: E402

from drivers import can_file  # noqa: E402
from drivers.signals import load  # noqa: E402
from hal.clock import SystemClock  # noqa: E402

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


def measure() -> dict[str, float]:
    """CPU microseconds per frame by what was done."""
    recorded = frames()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.log"
        record(path, recorded)
        return {
            "decode, cantools": cpu_us_per_frame(lambda: decode_by_cantools(recorded)),
            "decode, DBC alone": cpu_us_per_frame(lambda: decode_by_us(recorded, None, DBC)),
            "decode, signal map": cpu_us_per_frame(lambda: decode_by_us(recorded, MAP, None)),
            "replay, python-can and cantools": cpu_us_per_frame(lambda: replay_by_python_can(path)),
            "replay, DBC alone": cpu_us_per_frame(lambda: replay_by_us(path, None, DBC)),
            "replay, signal map": cpu_us_per_frame(lambda: replay_by_us(path, MAP, None)),
        }


def main() -> None:
    """Print the table and the JSON."""
    found = measure()
    print(f"{'CAN':34}{'us/frame':>10}{'frames/s':>12}")
    for name, microseconds in found.items():
        print(f"{name:34}{microseconds:10.2f}{1e6 / microseconds:12,.0f}")
    print(
        json.dumps({"bench": "can", "frames": FRAMES, "cpu_us_per_frame": {k: round(v, 3) for k, v in found.items()}})
    )


if __name__ == "__main__":
    main()
