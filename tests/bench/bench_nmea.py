"""NMEA sentences per second of CPU, ours beside plain pynmea2 on the same lines in the same run.

Run as `python tests/bench/bench_nmea.py`; prints a table and, as its last line, JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

import pynmea2  # noqa: E402 - the checkout comes first on the path

from drivers.nmea import NmeaReader  # noqa: E402
from tests.system.receiver import epoch, sentence  # noqa: E402

NAME = "nmea"
SECONDS = 3000
GSA = sentence("GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,2.0,1.0,1.7")
GSV = sentence("GPGSV,3,1,12,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45")
CHUNK_BYTES = 64
"""What one read of a 9600-baud line brings."""


def lines() -> list[bytes]:
    """An hour of a receiver, five types of sentence a second."""
    return [line for second in range(SECONDS) for line in [*epoch(second % 3600).splitlines(True), GSA, GSV, GSV, GSV]]


def by_pynmea2(recorded: list[bytes]) -> None:
    """What a plain program does: parse, and convert a position where there is one."""
    for line in recorded:
        parsed = pynmea2.parse(line.decode("ascii"), check=True)
        if parsed.sentence_type in ("RMC", "GGA"):
            _ = (parsed.latitude, parsed.longitude, parsed.timestamp)


def by_us(stream: bytes, chunk_bytes: int) -> None:
    """Framing, checking every value, and fixes."""
    reader = NmeaReader("gnss")
    for start in range(0, len(stream), chunk_bytes):
        reader.feed(stream[start : start + chunk_bytes], 0)
    assert reader.bad.total() == 0


def per_second(work: Callable[[], None], sentences: int) -> float:
    """The best of three runs, by CPU time."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return sentences / min(taken)


def measure() -> list[dict[str, object]]:
    """One row a figure; `versus` is plain pynmea2 in the same run."""
    recorded = lines()
    stream = b"".join(recorded)
    plain = per_second(lambda: by_pynmea2(recorded), len(recorded))
    figures = {
        "NMEA file, to fixes": per_second(lambda: by_us(stream, 16_384), len(recorded)),
        "NMEA line in 64-byte reads, to fixes": per_second(lambda: by_us(stream, CHUNK_BYTES), len(recorded)),
    }
    return [
        {"name": name, "value": round(value), "unit": "sentences/s", "versus": f"{round(plain)} plain pynmea2"}
        for name, value in figures.items()
    ]


def main() -> None:
    """Print the table and the JSON."""
    found = measure()
    for row in found:
        print(f"{row['name']:40}{row['value']:>10} {row['unit']}   (beside {row['versus']})")
    print(json.dumps({"bench": NAME, "figures": found}))


if __name__ == "__main__":
    main()
