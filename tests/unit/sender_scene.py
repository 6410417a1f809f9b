"""One sender with a disk, a line and a clock that the test moves by hand."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from hal.clock import SystemClock
from terminal.contract.identity import new_id
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import (
    AlarmRaised,
    DutyChanged,
    Point,
    Position,
    Who,
    encode,
)
from terminal.contract.mqtt import Lost, Publication
from terminal.contract.topics import Lane
from terminal.core.inputs import Told
from terminal.uplink import track
from terminal.uplink.outbox import Row
from terminal.uplink.sender import Sender, Sending

WHO = Who(unit="LJ-101")
RULES = Sending()
HERE = Position(46.05, 14.5)


class HandClock(SystemClock):
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def mono_ns(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Line:
    """A connection that remembers what it was given; `mid` is a publication's number on it, from one."""

    def __init__(self) -> None:
        self.published: list[Publication] = []
        self.spoken = asyncio.Event()
        self.aborted = ""
        self.lost = False

    def publish(self, publication: Publication) -> int:
        if self.lost:
            raise Lost("the line is gone")
        self.published.append(publication)
        self.spoken.set()
        return len(self.published)

    def abort(self, reason: str, proof: Proof = Proof.NOTHING) -> None:
        self.aborted = reason
        self.lost = True

    def lanes(self) -> list[str]:
        return [one.topic.rsplit("/", 1)[-1] for one in self.published]


@dataclass
class Disk:
    """The outbox as the sender knows it: rows in order of place, without those that have a receipt."""

    account: str = "account-1"
    rows: dict[Lane, dict[int, Row]] = field(default_factory=lambda: {lane: {} for lane in Lane})
    last: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(Lane, 0))
    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    async def pending(self, lane: Lane, after: int, limit: int) -> tuple[str, list[Row]]:
        found = self.account, [row for seq, row in sorted(self.rows[lane].items()) if seq > after][:limit]
        await asyncio.sleep(0)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return found

    def commit(self, lane: Lane, message_id: str, body: bytes) -> Row:
        self.last[lane] += 1
        row = Row(self.last[lane], message_id, lane, body)
        self.rows[lane][row.seq] = row
        return row

    def lose(self) -> None:
        """Another account, since all is gone."""
        self.rows = {lane: {} for lane in Lane}
        self.renew()

    def renew(self) -> None:
        """Another account: new places for all that is owed."""
        self.account = f"account-{int(self.account[-1]) + 1}"
        for lane, rows in self.rows.items():
            held = [row for _, row in sorted(rows.items())]
            self.rows[lane] = {seq: msgspec.structs.replace(row, seq=seq) for seq, row in enumerate(held, 1)}
            self.last[lane] = len(held)


class Bench:
    """A sender between a disk and a line that the test holds in its hands."""

    def __init__(self, rules: Sending = RULES) -> None:
        self.clock, self.disk, self.told = HandClock(), Disk(), list[Told]()
        self.sender = Sender("LJ", WHO.unit, rules, self.disk.pending, self.told.append, self.clock)
        self.line = Line()
        self.acknowledged = 0

    def open(self) -> None:
        self.sender.opened(self.disk.account, list(self.disk.rows[Lane.ALARM].values()))

    def connect(self) -> Line:
        self.line, self.acknowledged = Line(), 0
        self.sender.connected(self.line)
        return self.line

    def press(self) -> AlarmRaised:
        alarm = AlarmRaised(id=new_id(), who=WHO, incident=new_id())
        self.sender.alarm(alarm)
        return alarm

    def store(self, alarm: AlarmRaised) -> Row:
        row = self.disk.commit(Lane.ALARM, alarm.id, encode(alarm))
        self.sender.placed(row, self.disk.account)
        return row

    def events(self, count: int = 1) -> list[Row]:
        made = [DutyChanged(id=new_id(), who=WHO, status="x") for _ in range(count)]
        return self._committed(Lane.EVENT, [(one.id, encode(one)) for one in made])

    def points(self, count: int) -> list[Row]:
        made = [point() for _ in range(count)]
        return self._committed(Lane.TRACK, [(str(UUID(bytes=one.id)), track.row_body(WHO, one)) for one in made])

    def _committed(self, lane: Lane, bodies: list[tuple[str, bytes]]) -> list[Row]:
        rows = [self.disk.commit(lane, message_id, body) for message_id, body in bodies]
        self.sender.committed(rows, self.disk.account)
        return rows

    async def acknowledge_all(self) -> None:
        """Pump and acknowledge until nothing more comes."""
        await self.sender.pump()
        while self.acknowledged < len(self.line.published):
            self.acknowledged += 1
            self.sender.acknowledged(self.acknowledged, "")
            await self.sender.pump()

    def receipt(self, rows: list[Row]) -> None:
        for row in rows:
            self.disk.rows[row.lane].pop(row.seq, None)
        self.sender.settled([row.id for row in rows])


def point() -> Point:
    return Point(0, UUID(new_id()).bytes, None, 460_500_000, 145_000_000, 1389, 9000)


def on_line(drive: Callable[[Bench], Coroutine[Any, Any, None]], rules: Sending = RULES) -> None:
    """Run with an open account and a line."""

    async def driven() -> None:
        bench = Bench(rules)
        bench.open()
        bench.connect()
        await drive(bench)

    asyncio.run(driven())
