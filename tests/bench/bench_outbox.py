"""What a commit costs, in time and in card wear: beside a bare fdatasync, and beside sqlite3 as Python brings it."""

import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from terminal.contract.durable import DURABLE
from terminal.contract.identity import digest_of_ids, new_id, new_incident
from terminal.contract.messages import AlarmRaised, Point, Position, StoredRange, Who, encode
from terminal.contract.topics import Lane
from terminal.core.channels import TELEMETRY_COMMIT_EVERY_S
from terminal.core.emergency import Emergency
from terminal.core.reporting import Reporting
from terminal.core.storing import EMERGENCY
from terminal.uplink import track
from terminal.uplink.outbox import SCHEMA, Entry, Limits, Outbox
from tests.bench.processes import device_written_bytes, folder_on_disk, written_bytes
from tests.bench.rows import Row, row

NAME = "Outbox: commits, and bytes that reach the block layer"
ROUNDS = 40
COMMITS_IN_ROUND = 25
WAITING_POINTS = 100_000
DAY_S = 86_400
CITY_MPS = 50 / 3.6
LIMITS = Limits(most_bytes=64_000_000)
WHO = Who(unit="LJ-101", call_sign="Ljubljana 101", vehicle="LJ-PATROL-1", crew=("1042", "2217"))
WHERE = Position(lat_deg=46.0512345, lon_deg=14.5054321, mode=3, utc_ms=1_777_000_000_000, speed_mps=13.9)

Made = tuple[list[Entry], dict[str, bytes]]
"""What one commit puts on disk: entries, and states by name."""


def alarm() -> Made:
    """An alarm as it is stored: with the state of the emergency."""
    way = tuple((10 * ago, 46.05123, 14.50543) for ago in range(12))
    raised = AlarmRaised(id=new_id(), who=WHO, incident=new_incident(), position=WHERE, track=way)
    return [Entry(raised.id, Lane.ALARM, encode(raised))], {EMERGENCY: msgspec.json.encode(Emergency())}


def points(count: int) -> Made:
    """So many points of a track."""
    return [_point() for _ in range(count)], {}


def _point() -> Entry:
    name = new_id()
    point = Point(0, UUID(name).bytes, 1_777_000_000_000, 460_512_345, 145_054_321, 1390, 27_050, 13)
    return Entry(name, Lane.TRACK, track.row_body(WHO, point))


KINDS: dict[str, Callable[[], Made]] = {
    "an alarm": alarm,
    "5 points": lambda: points(5),
    "24 points": lambda: points(24),
}


class PlainSqlite:
    """The same tables and statements by Python's own sqlite3, the same pragmas, its default page size."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        for setting, wanted in {"locking_mode": "exclusive", **DURABLE}.items():
            self._db.execute(f"PRAGMA {setting} = {wanted}")
        self._db.executescript(SCHEMA)
        self._seq = 0

    def commit(self, entries: Sequence[Entry], states: Mapping[str, bytes]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for entry in entries:
            self._seq += 1
            values = (list(Lane).index(entry.lane), self._seq, UUID(entry.id).bytes, entry.body)
            self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, NULL)", values)
            self._db.execute("INSERT OR REPLACE INTO lanes VALUES (?, ?)", (values[0], self._seq))
        for name, state in states.items():
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, state))
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


class BareSync:
    """A file that is appended to and synced, as many bytes as a commit's content."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)

    def commit(self, entries: Sequence[Entry], states: Mapping[str, bytes]) -> None:
        self._file.write(b"".join([*(entry.body for entry in entries), *states.values()]))
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class Measured:
    """One way to commit: how long each took, and what reached the block layer."""

    def __init__(self, way: Any) -> None:
        self.way = way
        self.times_s: list[float] = []
        self.written = 0

    def round(self, make: Callable[[], Made]) -> None:
        """Make a few commits."""
        before = written_bytes()
        for _ in range(COMMITS_IN_ROUND):
            entries, states = make()
            began_s = time.perf_counter()
            self.way.commit(entries, states)
            self.times_s.append(time.perf_counter() - began_s)
        self.written += written_bytes() - before

    @property
    def per_second(self) -> float:
        return 1 / statistics.median(self.times_s)

    @property
    def bytes_a_commit(self) -> float:
        return self.written / len(self.times_s)


def measure() -> list[Row]:
    with folder_on_disk() as folder:
        return [*_speeds(folder), _after_an_outage(folder), *_days(folder)]


def _speeds(folder: Path) -> list[Row]:
    rows = []
    for number, (what, make) in enumerate(KINDS.items()):
        outbox = Outbox.open(folder / f"outbox-{number}.db", LIMITS)
        ours, plain, bare = ways = (
            Measured(outbox),
            Measured(PlainSqlite(folder / f"plain-{number}.db")),
            Measured(BareSync(folder / f"bare-{number}")),
        )
        # In turns, so that a busy moment of the machine falls on all three.
        for _ in range(ROUNDS):
            for one in ways:
                one.round(make)
        for one in ways:
            one.way.close()
        records = len(make()[0])
        rows += [
            row(
                f"{what} in one commit",
                ours.per_second,
                "commits/s",
                f"{ours.per_second / bare.per_second:.2f} of bare fdatasync ({bare.per_second:.0f}), "
                f"{ours.per_second / plain.per_second:.2f} of sqlite3 ({plain.per_second:.0f})",
            ),
            row(
                f"{what} in one commit, a record",
                ours.bytes_a_commit / records,
                "bytes",
                f"{ours.bytes_a_commit / plain.bytes_a_commit:.2f} of sqlite3 "
                f"({plain.bytes_a_commit / records:.0f}), bare {bare.bytes_a_commit / records:.0f}",
            ),
        ]
    return rows


def _after_an_outage(folder: Path) -> Row:
    """An alarm's commit, with the count of what waits, as core makes them; in turns with an outbox that is empty."""
    empty, full = (Outbox.open(folder / f"{name}.db", LIMITS) for name in ("empty", "full"))
    for _ in range(WAITING_POINTS // 1000):
        full.commit(points(1000)[0])
    times_s: dict[Outbox, list[float]] = {empty: [], full: []}
    for outbox in (empty, full) * 100:
        entries, states = alarm()
        began_s = time.perf_counter()
        outbox.commit(entries, states)
        outbox.counts()
        times_s[outbox].append(time.perf_counter() - began_s)
    none, many = (statistics.median(times_s[outbox]) * 1000 for outbox in (empty, full))
    for outbox in (empty, full):
        outbox.close()
    return row(f"an alarm while {WAITING_POINTS:,} points wait", many, "ms", f"{many / none:.2f} of while none waits")


def _days(folder: Path) -> list[Row]:
    """A day's wear, with the receipts that take the points out again."""
    in_batch = round(TELEMETRY_COMMIT_EVERY_S)
    default_s = Reporting().moving_distance_m / CITY_MPS
    singles = _day(folder, "singles", DAY_S, 1)
    batches = _day(folder, "batches", DAY_S // in_batch, in_batch)
    default = _day(folder, "default", round(DAY_S / default_s), 1)
    rows = []
    for what, day in (
        ("1 Hz, each point alone", singles),
        (f"1 Hz, a commit every {in_batch} s", batches),
        (f"default reporting, 24 h at 50 km/h, every {default_s:.0f} s", default),
    ):
        versus = f"{day[0] / singles[0]:.2f} of each alone"
        rows.append(row(f"a day: {what}", day[0], "GB", versus + ("" if day[1] is None else f"; device {day[1]:.2f}")))
    return rows


def _day(folder: Path, name: str, commits: int, points_each: int) -> tuple[float, float | None]:
    """GB a day by the process's own account and by the device's, from a twentieth of a day."""
    outbox, part = Outbox.open(folder / f"{name}.db", LIMITS), 20
    os.sync()
    before, device_before = written_bytes(), device_written_bytes(folder)
    for _ in range(commits // part):
        entries, _ = points(points_each)
        seqs = outbox.commit(entries)
        outbox.settle(Lane.TRACK, [StoredRange(seqs[0], seqs[-1], digest_of_ids([entry.id for entry in entries]))])
        outbox.counts()
    outbox.close()
    os.sync()
    device_after = device_written_bytes(folder)
    device = None if device_before is None or device_after is None else device_after - device_before
    gb = part / 1e9
    return (written_bytes() - before) * gb, None if device is None else device * gb
