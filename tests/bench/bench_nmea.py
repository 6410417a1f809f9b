"""NMEA sentences per second of CPU, ours beside plain pynmea2 on the same lines in the same run."""

import time
from collections.abc import Callable

import pynmea2

from drivers.nmea import NmeaReader
from tests.bench.rows import Row, row
from tests.system.receiver import epoch, sentence

NAME = "NMEA sentences a second of CPU"
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


def measure() -> list[Row]:
    recorded = lines()
    stream = b"".join(recorded)
    plain = per_second(lambda: by_pynmea2(recorded), len(recorded))
    rows = [row("plain pynmea2, sentence by sentence", plain, "sentences/s")]
    for name, chunk_bytes in (("file, to fixes", 16_384), (f"line in {CHUNK_BYTES}-byte reads, to fixes", CHUNK_BYTES)):
        ours = per_second(lambda chunk_bytes=chunk_bytes: by_us(stream, chunk_bytes), len(recorded))
        rows.append(row(name, ours, "sentences/s", f"{ours / plain:.2f} of plain pynmea2"))
    return rows
