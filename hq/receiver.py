"""Stores what cars send, then receipts it; keeps who is there, and tells the desk what happened."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from hq import arrivals, incidents, units
from hq.arrivals import Publication
from hq.incidents import Incident
from hq.store import Arrival, Store
from hq.units import Unit
from terminal.contract import topics
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    DutyChanged,
    Malformed,
    Presence,
    Receipt,
    StateConfirmed,
    Thinned,
    decode_as,
)
from terminal.contract.mqtt import Listener
from terminal.contract.topics import Lane, UpTopic

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_IN_BATCH = 500
"""Publications stored in one transaction; alarms do not wait for it to fill."""
AGAIN_AFTER_S = 1.0
"""After a disk failure."""

ALARM_EVENTS = {
    AlarmRaised: "alarm-raised",
    AlarmSignalled: "alarm-signalled",
    AlarmCancelled: "alarm-cancelled",
}

Emit = Callable[[str, dict[str, Any]], None]
SendReceipt = Callable[[str, str, Receipt], None]


class Receiver(Listener):
    """Everything is called in the loop's thread; the store in its own."""

    def __init__(self, store: Store, emit: Emit, send_receipt: SendReceipt) -> None:
        self._store = store
        self._emit = emit
        self._send_receipt = send_receipt
        self._thread = ThreadPoolExecutor(1, "hq store")
        self._waiting: dict[bool, deque[Publication]] = {True: deque(), False: deque()}
        self._arrived = asyncio.Event()
        self.epoch = store.epoch
        self.storing = True
        self.malformed = 0
        self.units: dict[tuple[str, str], Unit] = {}
        self.incidents: dict[str, Incident] = {one.incident: one for one in store.incidents()}
        self.on_presence: Callable[[Unit], None] = lambda _unit: None

    async def on_disk(self, call: Callable[[Store], T]) -> T:
        """What the call on the store returns; raises DiskFailed."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, self._store)

    def message(self, topic: str, payload: bytes) -> None:
        """One publication of one car; what cannot be read is counted and logged without its content."""
        place = topics.parse_up(topic)
        if place is None:
            return
        try:
            if place.what == topics.PRESENCE:
                self._presence(place, decode_as(Presence, payload))
            else:
                self._lane(arrivals.read(place, payload))
        except (Malformed, ValueError) as error:
            self.malformed += 1
            log.warning("%s: a %s that cannot be read (%d bytes): %s", place.unit, place.what, len(payload), error)

    def _presence(self, place: UpTopic, presence: Presence) -> None:
        key = (place.realm, place.unit)
        before = self.units.get(key)
        unit = units.told(before, place.realm, place.unit, presence, time.monotonic())
        self._now(key, before, unit)
        if presence.online:
            self.on_presence(unit)

    def _lane(self, publication: Publication) -> None:
        key = (publication.realm, publication.unit)
        before = self.units.get(key)
        self._now(key, before, units.heard(before, *key, time.monotonic()))
        self._waiting[publication.lane is Lane.ALARM].append(publication)
        self._arrived.set()

    def _now(self, key: tuple[str, str], before: Unit | None, unit: Unit) -> None:
        self.units[key] = unit
        if unit.online != (before is not None and before.online):
            self._emit("unit-online" if unit.online else "unit-offline", {"realm": key[0], "unit": key[1]})

    def look_for_silence(self, silent_after_s: float) -> None:
        """Count cars as gone that were not heard for too long."""
        now_s = time.monotonic()
        for key, unit in list(self.units.items()):
            if units.is_silent(unit, now_s, silent_after_s):
                self._now(key, unit, replace(unit, online=False))

    async def run(self) -> None:
        """Store and receipt, for ever; alarms first."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting[True] or self._waiting[False]:
                waiting = self._waiting[True] or self._waiting[False]
                await self._take([waiting.popleft() for _ in range(min(len(waiting), MOST_IN_BATCH))])

    async def _take(self, batch: list[Publication]) -> None:
        now_ms = time.time_ns() // 1_000_000
        stored = [one for publication in batch for one in publication.arrivals]
        touched = self._folded(batch, now_ms)
        try:
            outcome = await self.on_disk(lambda store: store.commit(stored, list(touched.values()), now_ms))
        except DiskFailed as error:
            await self._failed(error)
            return
        self.storing = True
        # A dispatcher may have acted while the disk was busy; his word is not overwritten by an older fold.
        for name, folded in touched.items():
            incident = self.incidents[name] = _with_answers(folded, self.incidents.get(name))
            if incident != folded:
                await self.on_disk(partial(Store.save_incident, incident=incident))
        for realm, unit, receipt in arrivals.receipts(self.epoch, stored, outcome.clashes):
            self._send_receipt(realm, unit, receipt)
        for publication in batch:
            await self._after(publication, outcome.new)
        self._tell_counts(stored, outcome.new)

    def _folded(self, batch: list[Publication], now_ms: int) -> dict[str, Incident]:
        touched: dict[str, Incident] = {}
        for publication in batch:
            message = publication.message
            if isinstance(message, AlarmRaised | AlarmSignalled | AlarmCancelled | AlarmMoved):
                before = touched.get(message.incident, self.incidents.get(message.incident))
                if before is not None or not isinstance(message, AlarmMoved):
                    touched[message.incident] = incidents.told(before, publication.realm, message, now_ms)
        return touched

    async def _failed(self, error: DiskFailed) -> None:
        if self.storing:
            log.error("%s", error)
            self._emit("store-failed", {"problem": str(error)})
        self.storing = False
        await asyncio.sleep(AGAIN_AFTER_S)

    async def _after(self, publication: Publication, new: frozenset[str]) -> None:
        """What a stored message means besides being kept."""
        message, key = publication.message, (publication.realm, publication.unit)
        match message:
            case AlarmRaised() | AlarmSignalled() | AlarmCancelled() if message.id in new:
                fields = {"incident": message.incident, "unit": key[1], "realm": key[0]}
                self._emit(ALARM_EVENTS[type(message)], fields)
            case StateConfirmed(revision=revision):
                await self.on_disk(lambda store: store.confirm(*key, revision))
            case Thinned(place=place, lane=lane, dropped=dropped) if place is not None:
                await self.on_disk(lambda store: store.note_dropped(place.outbox, lane, dropped))
            case DutyChanged(status=status):
                self.units[key] = replace(self.units[key], duty=status)
            case _:
                pass

    def _tell_counts(self, stored: list[Arrival], new: frozenset[str]) -> None:
        counts: dict[str, int] = {}
        for one in stored:
            counts[one.lane] = counts.get(one.lane, 0) + (one.id in new)
        for lane, number in counts.items():
            if number:
                self._emit("messages-stored", {"lane": lane, "count": number})

    def close(self) -> None:
        """Let the store go."""
        self._thread.shutdown()
        self._store.close()


def _with_answers(folded: Incident, current: Incident | None) -> Incident:
    if current is None:
        return folded
    return replace(
        folded,
        acknowledged_by=current.acknowledged_by,
        acknowledged_ms=current.acknowledged_ms,
        cleared_by=current.cleared_by,
        cleared_ms=current.cleared_ms,
        reason=current.reason,
    )
