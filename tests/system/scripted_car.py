"""A car without a core: sends what it is told to, again and again, and keeps account of what was receipted."""

import asyncio
import contextlib
from collections.abc import Sequence

from terminal.contract import topics
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import (
    AlarmRaised,
    AlarmSignalled,
    DutyChanged,
    Message,
    Place,
    Receipt,
    Who,
    decode_as,
    encode,
)
from terminal.contract.mqtt import Broker, Connection, Listener, Lost, Publication
from terminal.contract.topics import Lane
from tests.system.patrol_car import WITHIN_S, Process

AGAIN_AFTER_S = 0.3


class ScriptedCar(Listener):
    """An alarm, its second signal, and events around them, each in its place."""

    def __init__(self, broker: Broker, realm: str, unit: str, events: int = 4) -> None:
        self.unit = unit
        self.outbox = new_id()
        self.receipted: set[str] = set()
        self._broker = broker
        self._realm = realm
        self._events = 0
        self._alarms = 0
        who, self.incident = Who(unit=unit), new_id()
        self.messages: list[Message] = [
            AlarmRaised(id=new_id(), who=who, incident=self.incident, place=self._place(Lane.ALARM)),
            *(self.event() for _ in range(events)),
            AlarmSignalled(id=new_id(), who=who, incident=self.incident, signal=2, place=self._place(Lane.ALARM)),
        ]

    def event(self) -> Message:
        """One more event, at the next place."""
        return DutyChanged(id=new_id(), who=Who(unit=self.unit), status="busy", place=self._place(Lane.EVENT))

    def _place(self, lane: Lane) -> Place:
        if lane is Lane.ALARM:
            self._alarms += 1
            return Place(self.outbox, lane, self._alarms)
        self._events += 1
        return Place(self.outbox, lane, self._events)

    def message(self, topic: str, payload: bytes) -> None:
        """Headquarters says something; receipts by place are taken, and only for the ids that they are for."""
        if not topic.endswith(topics.RECEIPT):
            return
        receipt = decode_as(Receipt, payload)
        ids = {one.place.seq: one.id for one in self.messages if one.place and one.place.lane is receipt.lane}
        for stored in receipt.stored:
            named = [ids[seq] for seq in range(stored.first, stored.last + 1)]
            assert digest_of_ids(named) == stored.digest
            self.receipted.update(named)

    async def send(self, messages: Sequence[Message], hq: Process) -> None:
        """Send each until it is receipted, one after the other, as long as headquarters lives."""
        connection = Connection(self.unit, self._broker, self)
        await connection.open()
        try:
            await connection.subscribe(topics.down_all(self._realm, self.unit))
            for message in messages:
                self.receipted.discard(message.id)
                async with asyncio.timeout(WITHIN_S):
                    while message.id not in self.receipted and hq.alive():
                        lane = Lane.EVENT if isinstance(message, DutyChanged) else Lane.ALARM
                        topic = topics.up(self._realm, self.unit, lane)
                        with contextlib.suppress(Lost):
                            connection.publish(Publication(topic, encode(message)))
                        await self._heard(message.id)
        finally:
            await connection.close()

    async def _heard(self, message_id: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_AFTER_S):
                while message_id not in self.receipted:  # noqa: ASYNC110 - it comes through a real broker
                    await asyncio.sleep(0.01)
