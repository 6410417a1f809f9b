"""A car's uplink made of the product's own parts, and a headquarters, in the test's loop; no sensors, no screen."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from msgspec.structs import replace

from hal.clock import SystemClock
from hq.accounts import Gap
from hq.config import Config, Line
from hq.config import Trusting as HqTrusting
from hq.service import Service
from hq.store import Store
from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    Alarm,
    AlarmCancelled,
    AlarmRaised,
    AlarmSignalled,
    DutyChanged,
    Point,
    Presence,
    Who,
    encode,
)
from terminal.contract.mqtt import Broker, Connection, Listener, Publication
from terminal.contract.topics import Lane
from terminal.core.emergency import Emergency
from terminal.core.inputs import HeartbeatHeard, LineChanged, Published, PublishRefused, Received, Told
from terminal.core.storing import Storing
from terminal.core.supervision import Supervision
from terminal.uplink.inbox import Inbox
from terminal.uplink.outbox import Limits, Outbox, Row
from terminal.uplink.sender import Sender, Sending
from terminal.uplink.session import Holding, Session
from terminal.uplink.trusting import Trusting
from terminal.uplink.vouching import Vouching
from terminal.uplink.writer import Writer

T = TypeVar("T", AlarmRaised, AlarmSignalled, AlarmCancelled)

WITHIN_S = 30.0
REALM = "LJ"
WHO = Who(unit="LJ-101", call_sign="Ljubljana 101", vehicle="V1", crew=("1234", "5678"))
DOWN = f"patrola/1/{REALM}/down/{WHO.unit}"
QUICK = Sending(receipt_within_s=2.0, alarm_again_after_s=0.5, alarm_again_at_most_s=2.0)
HASTY = Holding(connect_within_s=2.0, first_pause_s=0.05, longest_pause_s=0.2)
CLOSELY = Supervision(presence_every_s=0.5, acknowledge_within_s=2.0)


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait until it is so; a failure says what was waited for."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + WITHIN_S
    while not condition():
        assert loop.time() < deadline_s, f"not within {WITHIN_S:g} s: {what}"
        await asyncio.sleep(0.01)


class Car:
    """Outbox, writer, storing, sender, session and inbox, wired as core wires them; `told` is what core would hear."""

    def __init__(
        self,
        folder: Path,
        *brokers: Broker,
        who: Who = WHO,
        sending: Sending = QUICK,
        holding: Holding = HASTY,
        supervision: Supervision = CLOSELY,
        trust: Trusting | None = None,
        loads_late: bool = False,
    ) -> None:
        """One that `loads_late` has not read its certificates before the test calls `load`."""
        self._loads_late = loads_late
        clock = SystemClock()
        self.who = who
        self.told: list[Told] = []
        self.writer = Writer(folder / "outbox.db", Limits(most_bytes=50_000_000))
        within_s = supervision.acknowledge_within_s
        self.sender = Sender(REALM, who.unit, sending, self._pending, self.told.append, clock, within_s)
        self.storing = Storing(self.writer, self.sender, who, self.told.append, self._open_account_again)
        self.inbox = Inbox(self.writer, self.sender, self.told.append)
        trust = Trusting().filled_in(brokers) if trust is None else trust
        self.vouching = Vouching(REALM, who.unit, trust, self.writer, self.inbox.came_down, self.told.append)
        vouching, tell = self.vouching, self.told.append
        self.session = Session(REALM, who, brokers, holding, self.sender, vouching, tell, clock, supervision)
        self._tasks: list[asyncio.Task[None]] = []
        self._openings: list[asyncio.Task[str]] = []

    async def __aenter__(self) -> "Car":
        self.writer.start()
        await self.inbox.open_account()
        self._tasks = [asyncio.create_task(part.run()) for part in (self.sender, self.session, self.inbox)]
        if not self._loads_late:
            self.load()
        return self

    def load(self) -> None:
        """Read the certificates, as core does when it starts."""
        self._tasks.append(asyncio.create_task(self.vouching.run()))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.storing.close()
        await asyncio.gather(*self._openings)
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        self.writer.close()
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in ended), ended

    def _open_account_again(self) -> None:
        self._openings.append(asyncio.create_task(self.inbox.open_account()))

    async def _pending(self, lane: Lane, after: int, limit: int) -> tuple[str, list[Row]]:
        return await self.writer.submit(lambda outbox: (outbox.id, outbox.pending(lane, after=after, limit=limit)))

    def press(self) -> AlarmRaised:
        """An alarm: sent and committed at once, as core does it."""
        return self.tell(AlarmRaised, incident=new_incident())

    def tell(self, kind: type[T], **fields: Any) -> T:
        """One message of the alarm lane."""
        message = kind(id=new_id(), who=self.who, **fields)
        self.storing.alarms([message], Emergency())
        self.sender.alarm(message)
        return message

    def event(self, status: str = "available") -> DutyChanged:
        message = DutyChanged(id=new_id(), who=self.who, status=status)
        self.storing.event(message)
        return message

    async def points(self, count: int) -> None:
        """So many points on disk, in one commit."""
        for number in range(count):
            self.storing._points.append((self.who, a_point(number)))
        await self.storing._commit_points()

    async def owed(self) -> dict[Lane, int]:
        """How many messages of each lane have no receipt."""
        return await self.writer.submit(Outbox.counts)

    async def nothing_owed(self) -> None:
        """Wait until headquarters has receipted everything."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + WITHIN_S
        while any((await self.owed()).values()):
            assert loop.time() < deadline_s, f"still owed: {await self.owed()}; {self.problems()[-3:]}"
            await asyncio.sleep(0.02)

    def of(self, *kinds: type[Told]) -> list[Told]:
        return [one for one in self.told if isinstance(one, kinds)]

    def problems(self) -> list[str]:
        """What the crew would be shown of the line and of refusals."""
        return [one.problem for one in self.of(LineChanged, PublishRefused) if one.problem]  # type: ignore[attr-defined]

    def connected(self) -> str:
        """The broker that there is a line to, or ""."""
        lines = [one for one in self.told if isinstance(one, LineChanged)]
        return lines[-1].broker if lines and lines[-1].connected else ""

    def hears_hq(self) -> bool:
        return bool(self.of(HeartbeatHeard))

    def is_acknowledged(self, message: Alarm) -> bool:
        """Whether a broker took it."""
        return any(message.id in one.ids for one in self.told if isinstance(one, Published))

    def has_receipt(self, message: Alarm) -> bool:
        return any(message.id in one.ids for one in self.told if isinstance(one, Received))


def a_point(number: int) -> Point:
    return Point(0, UUID(new_id()).bytes, 1_780_000_000_000 + number, 460_500_000, 145_000_000, 1389, 9000, 4)


class Hq:
    """The product's headquarters on a store in a folder; it may go away and come back on it."""

    def __init__(self, folder: Path, *brokers: Broker, name: str = "HQ-1", trust: HqTrusting | None = None) -> None:
        line = Line(heartbeat_every_s=0.5, longest_pause_s=0.2)
        self._config = Config(
            name=name,
            brokers=brokers,
            store=folder / "hq.db",
            socket=folder / "hq.sock",
            line=line,
            trust=trust or HqTrusting(),
        )
        self._task: asyncio.Task[None] | None = None
        self._probes = count(1)

    async def start(self) -> None:
        ready = asyncio.Event()
        self._task = asyncio.create_task(Service(self._config).run(ready.set))
        await ready.wait()

    async def ask(self, **question: str) -> dict[str, Any]:
        """One answer of its API."""
        reader, writer = await asyncio.open_unix_connection(str(self._config.socket), limit=1 << 24)
        writer.write(json.dumps(question).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        return answer

    async def is_online(self, unit: str) -> bool:
        """Whether headquarters takes this car for being there."""
        units = (await self.ask(do="units"))["units"]
        return any(one["unit"] == unit and one["online"] for one in units)

    async def caught_up(self) -> None:
        """Wait until it has taken what the broker had for it when this began: a probe goes the same way."""
        probe = f"PROBE-{next(self._probes)}"
        connection = Connection(probe, self._config.brokers[0], Listener())
        await connection.open()
        presence = encode(Presence(incarnation="x", online=True))
        deadline_s = asyncio.get_running_loop().time() + WITHIN_S
        while not await self.is_online(probe):
            assert asyncio.get_running_loop().time() < deadline_s, "headquarters does not hear the broker"
            connection.publish(Publication(topics.up(REALM, probe, topics.PRESENCE), presence))
            await asyncio.sleep(0.05)
        await connection.close()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def __aenter__(self) -> "Hq":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stored(self) -> tuple[dict[str, int], list[Gap]]:
        """How many messages and points are there (each once, by its id), and the gaps in cars' accounts."""
        await self.stop()
        store = Store.open(self._config.store)
        try:
            return store.count(), store.gaps()
        finally:
            store.close()


def at(broker: Broker, folder: Path, name: str) -> Broker:
    """The broker as a client of this name sees it, with its certificate."""
    return replace(broker, ca=folder / "ca.pem", certificate=folder / f"{name}.pem", key=folder / f"{name}.key")
