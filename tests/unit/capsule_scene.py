"""What a car says by SMS, and headquarters' end that takes it in and answers, with a store of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes
from typing import Any

import apsw
from msgspec.structs import replace

from hal.errors import PatrolaError
from hq import acts
from hq.gateway import GatewaySettings
from hq.incidents import Incident
from hq.intake import Intake
from hq.marks import Mark, Weighed
from hq.moment import Moment
from hq.receiver import Receiver
from hq.store import Store
from hq.telling import Telling
from terminal.contract import topics
from terminal.contract.capsule import AnswerCapsule, ReceiptCapsule, Told, alarm_body, read, split
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    Position,
    Trigger,
    Who,
    encode,
)
from terminal.contract.signed import SIGNATURE_BYTES, Parted
from terminal.contract.topics import MQTT, Lane
from tests.system.faulty_disk import faulty

WITHIN_S = 30.0
NEVER = 1 << 60
"""An operation that no test comes to."""
REALM, UNIT = "LJ", "LJ-101"
NOW_MS = 1_800_000_000_000
INCIDENT = new_incident()
WHO = Who(unit=UNIT, call_sign="Sava 1", crew=("1234",))
SEAL = b"S" * SIGNATURE_BYTES
UNCHECKED = b"U" * SIGNATURE_BYTES
"""Of a car that nobody knows to sign."""
CAR, THIEF = "+38640111222", "+38640999888"
"""Where the car is answered, and a number that is not the car's."""


def said(what: type[Told], **fields: Any) -> Told:
    message: Told = what(id=new_id(), who=WHO, incident=INCIDENT, **fields)
    return message


RAISED = said(
    AlarmRaised,
    kind=AlarmKind.EXERCISE,
    silent=True,
    trigger=Trigger.SCREEN,
    position=Position(lat_deg=46.0, lon_deg=14.5),
    track=((10, 46.0, 14.4),),
)
SIGNALLED = said(AlarmSignalled, signal=2, kind=AlarmKind.EXERCISE, silent=True)
CANCELLED = said(AlarmCancelled, kind=AlarmKind.EXERCISE, silent=True)


def weigh_all(_unit: object, _context: str, parts: Parted) -> Weighed:
    """As headquarters finds a signature that is right, or none."""
    if parts.signature == UNCHECKED:
        return Weighed(parts.body, Mark.UNCHECKED, True)
    is_signed = parts.signature[:1] == SEAL[:1]
    return Weighed(parts.body, Mark.VERIFIED if is_signed else Mark.MISSING, is_signed)


def by_line(_topic: object, body: bytes) -> Weighed:
    """What comes by a broker is signed."""
    return Weighed(body, Mark.VERIFIED, True)


def capsule(message: Told, signature: bytes = SEAL) -> bytes:
    return alarm_body(REALM, UNIT, message) + signature


def repeat(message: Told) -> bytes:
    """As the car says it again: signed anew."""
    return capsule(message, (SEAL[:1] + token_bytes(SIGNATURE_BYTES))[:SIGNATURE_BYTES])


class Desk:
    """Headquarters' end with a store of its own, and what it sends and tells."""

    def __init__(self, folder: Path, gateways: dict[str, GatewaySettings]) -> None:
        self.disk = faulty(NEVER, apsw.FullError, for_good=True)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.by: list[str] = []
        self.elsewhere: list[bytes] = []
        self.fails = False
        self.now_ms = 0
        self.kept: asyncio.Queue[Incident] = asyncio.Queue()
        store = Store.open(folder / "hq.db", vfs=self.disk.name)
        self.receiver = Receiver(store, self._emit, lambda *_: None, by_line, clock=self._moment)
        self.receiver.on_kept = self.kept.put_nowait
        self.telling = Telling(self.receiver, gateways, self, lambda _body: SEAL, self._emit, store.routes())
        self.receiver.on_routes = self.telling.learnt
        self.intake = Intake(self.receiver, weigh_all, self.telling, gateways, self._emit)

    def _emit(self, event: str, fields: dict[str, Any]) -> None:
        self.events.append((event, fields))

    async def took(self, data: bytes, to: str = CAR, gateway: str = "sms") -> Incident:
        return await self.intake.took(gateway, data, to)

    async def send(self, gateway: str, to: str, capsule: bytes) -> None:
        if self.fails:
            raise PatrolaError("gateway", "it answered 500")
        if to == CAR:
            self.by.append(gateway)
            self.sent.put_nowait(capsule)
        else:
            self.elsewhere.append(capsule)

    def _moment(self) -> Moment:
        return Moment("boot", self.now_ms, NOW_MS + self.now_ms)

    async def receipt(self) -> ReceiptCapsule:
        receipt = await self.word()
        assert isinstance(receipt, ReceiptCapsule)
        return receipt

    async def answer(self) -> AnswerCapsule:
        answer = await self.word()
        assert isinstance(answer, AnswerCapsule)
        return answer

    async def word(self) -> object:
        body, signature = split(await self.sent.get())
        assert signature == SEAL
        return read(body)

    async def is_quiet(self) -> bool:
        """Whether nothing goes out that would go by now."""
        await asyncio.gather(*self.telling._tasks)
        return self.sent.empty()

    def line(self, *, online: bool) -> None:
        """Headquarters has a broker, on which the car is there or is not."""
        self.receiver.watching.line_is_up({}, 0.0)
        self.receiver.units[REALM, UNIT] = replace(self.receiver.units[REALM, UNIT], online=online)

    async def came_by_a_broker_too(self) -> None:
        """The alarm; and the car is there."""
        self.receiver.message(topics.up(REALM, UNIT, Lane.ALARM), encode(RAISED))
        while MQTT not in self.receiver.incidents[REALM, UNIT, INCIDENT].bearers:  # noqa: ASYNC110 - told to nobody
            await asyncio.sleep(0.01)
        self.line(online=True)

    async def taken(self, by: str = "Novak") -> Incident:
        return await self._acted(lambda one: acts.acknowledged(one, by, NOW_MS))

    async def ended(self, by: str = "Novak") -> Incident:
        return await self._acted(lambda one: acts.cleared(one, by, "over", NOW_MS, one.signals))

    async def _acted(self, step: Callable[[Incident], Incident]) -> Incident:
        after = await self.receiver.act((REALM, UNIT, INCIDENT), step)
        self.telling.acted(after)
        return after

    def told(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)


def played(
    folder: Path,
    story: Callable[[Desk], Awaitable[None]],
    others: dict[str, GatewaySettings] | None = None,
    **rules: int,
) -> None:
    async def play() -> None:
        desk = Desk(folder, {"sms": GatewaySettings(**rules)} | (others or {}))
        running = asyncio.create_task(desk.receiver.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(desk)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await desk.telling.close()
            desk.receiver.close()
            desk.disk.unregister()

    asyncio.run(play())


async def raised(desk: Desk) -> None:
    """The first life of headquarters: the alarm has come, and is receipted."""
    await desk.took(capsule(RAISED))
    await desk.receipt()
