"""Stores what cars send, then receipts it; keeps who is there, and tells the desk what happened."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from hq import arrivals, news, taking, units
from hq.arrivals import Publication, Weigh
from hq.at_hand import MOST_ENDED, AtHand
from hq.incidents import Incident, Key
from hq.known import Emit, Known
from hq.marks import unweighed
from hq.moment import Moment
from hq.owed import Act, Came, Entry, publications
from hq.receipts import receipts
from hq.routes import Route
from hq.store import Store
from hq.taking import Taken
from hq.units import LastKnown, Unit
from hq.watching import Watching
from terminal.contract import topics
from terminal.contract.boot import boot_id
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmRaised,
    AlarmSignalled,
    Malformed,
    Presence,
    Receipt,
    decode_as,
)
from terminal.contract.mqtt import Listener
from terminal.contract.topics import Lane, UpTopic

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_IN_BATCH = 500
"""Publications stored in one transaction; alarms do not wait for it to fill."""
MOST_WAITING = 20_000
"""Publications that wait for the disk, alarms apart; a car sends again what finds no room here."""
HANGS_AFTER_S = 5.0
"""A call that takes so long is told to the cars as a headquarters that does not store."""
AGAIN_AFTER_S = 1.0
"""After a disk failure."""

SendReceipt = Callable[[str, str, Receipt], None]


def now_ms() -> int:
    """Headquarters' own clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def loop_s() -> float:
    """The time of the loop that this runs in, by which connections say when they were heard."""
    return asyncio.get_running_loop().time()


def _moment(boot: str) -> Moment:
    """Now, on this machine; one that slept has waited too."""
    return Moment(boot, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000, now_ms())


class Receiver(Listener):
    """Everything is called in the loop's thread; the store in its own, one call after the other."""

    def __init__(
        self,
        store: Store,
        emit: Emit,
        send_receipt: SendReceipt,
        weigh: Weigh = unweighed,
        clock: Callable[[], Moment] | None = None,
    ) -> None:
        self._store = store
        self._emit = emit
        self._send_receipt = send_receipt
        self._weigh = weigh
        self._thread = ThreadPoolExecutor(1, "hq store")
        self._alarms: deque[Publication] = deque()
        self._under_way: Sequence[Publication] = ()
        self._others: deque[Publication] = deque()
        self._arrived = asyncio.Event()
        self._kept: dict[int, asyncio.Future[tuple[Key, bool]]] = {}
        self.epoch = store.epoch
        self.storing = True
        self._begun: list[int] = []
        self.malformed = 0
        self.set_aside = 0
        """Publications that broke what was done with them."""
        self.without_room = 0
        self.units: dict[units.Key, Unit] = {last.key: Unit(last=last) for last in store.units()}
        self._proved(store.proved())
        self._known = Known(AtHand(store.incidents(MOST_ENDED)), emit)
        self.incidents = self._known.incidents
        self.on_incidents = self._known.on_changed
        self.watching = Watching(store.zones(), emit, self._has_open_alarm)
        self.on_presence: Callable[[units.Key, Presence], None] = lambda _unit, _presence: None
        self.on_arrival: Callable[[Unit], None] = lambda _unit: None
        self.on_kept: Callable[[Incident], None] = lambda _incident: None
        self.on_routes: Callable[[Mapping[tuple[Key, str], Route]], None] = lambda _routes: None
        self.moment = clock or partial(_moment, boot_id())

    async def on_disk(self, call: Callable[[Store], T]) -> T:
        """What the call on the store returns; raises DiskFailed."""
        began_ms = self.moment().mono_ms
        self._begun.append(began_ms)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call, self._store)
        finally:
            self._begun.remove(began_ms)

    @property
    def stores(self) -> bool:
        """Whether what comes reaches the disk: it neither fails nor hangs."""
        now_ms = self.moment().mono_ms
        hangs = any(now_ms - began_ms > HANGS_AFTER_S * 1000 for began_ms in self._begun)
        return self.storing and not hangs

    async def act(self, key: Key, step: Callable[[Incident], Incident], *, told_to_car: bool = True) -> Incident:
        """What was done to an incident: on disk, or owed to a disk that refuses it. Raises NotPossible.

        `step` may be done again later, and then says the same. What was owed and is to be told to the car is given to
        `on_kept` once it is on disk.
        """
        now = self.moment()
        if self.stores and not self.owes(key):
            with contextlib.suppress(DiskFailed):
                call = partial(taking.act, key=key, step=step, now_ms=now.wall_ms, told_to_car=told_to_car)
                return self._known.acted_on_disk(await self.on_disk(call))
        after = self._known.act(Act(key, step, now, told_to_car))
        self._arrived.set()
        return after

    def owes(self, key: Key) -> bool:
        """Whether something of this incident is not on disk."""
        return self._known.owes(key)

    def look_at_the_disk(self) -> None:
        """What waits for a disk that hangs or refuses is shown at once all the same, and owed."""
        if self.stores:
            return
        waiting, self._alarms = self._alarms, deque(one for one in self._alarms if id(one) in self._kept)
        under_way, self._under_way = self._under_way, ()
        self._show_unstored((*under_way, *waiting))

    def _proved(self, proved: dict[units.Key, int]) -> None:
        for key, proved_ms in proved.items():
            self.units[key] = replace(self._unit(*key), proved_ms=proved_ms)

    def message(self, topic: str, payload: bytes) -> None:
        """One publication of one car; what cannot be read is counted and logged without its content."""
        place = topics.parse_up(topic)
        if place is None:
            return
        try:
            if place.what == topics.PRESENCE:
                self._presence(place, decode_as(Presence, payload))
            else:
                self._lane(arrivals.read(place, payload, self._weigh))
        except Malformed as error:
            self.malformed += 1
            log.warning(
                "%s: %s message that cannot be read (%d bytes): %s", place.unit, place.what, len(payload), error
            )
        except Exception:
            # One car's message that breaks what is done with it must not take every other car's line with it.
            self.set_aside += 1
            log.exception("%s: a %s message could not be taken; report this as a defect", place.unit, place.what)

    def _presence(self, place: UpTopic, presence: Presence) -> None:
        before = self._unit(place.realm, place.unit)
        unit = units.present(before, presence, loop_s())
        self._now(unit)
        self.on_presence(unit.last.key, presence)
        if unit.online and (unit.incarnation != before.incarnation or not before.online):
            self.on_arrival(unit)

    async def keep(self, publication: Publication) -> tuple[Incident, bool]:
        """The incident of an alarm that came by another bearer, and whether this was never here before.

        Returns once it is on disk; raises DiskFailed. It says nothing of the car's line.
        """
        assert isinstance(publication.message, AlarmRaised | AlarmSignalled | AlarmCancelled)
        key = (publication.realm, publication.unit)
        self.units.setdefault(key, units.unknown(key))
        on_disk: asyncio.Future[tuple[Key, bool]] = asyncio.get_running_loop().create_future()
        self._kept[id(publication)] = on_disk
        self._alarms.append(publication)
        self.look_at_the_disk()
        self._arrived.set()
        try:
            home, is_new = await on_disk
        finally:
            self._kept.pop(id(publication), None)
        return await self.known(home), is_new

    async def known(self, key: Key) -> Incident:
        """An incident of which a message is on disk; raises DiskFailed."""
        incident = self.incidents.get(key) or await self.on_disk(lambda store: store.incident(key))
        assert incident is not None, "a message that is on disk is in an incident"
        return incident

    def _let_know(self, batch: Sequence[Publication], taken: Taken | DiskFailed) -> None:
        """Whoever waits for one of these: the incident that it is in, and whether it is news, or why it is not here."""
        new = set() if isinstance(taken, DiskFailed) else {id(one) for one in taking.news(batch, taken.kept.new)}
        for publication in batch:
            waiting = self._kept.pop(id(publication), None)
            if waiting is None or waiting.done():
                continue
            if isinstance(taken, DiskFailed):
                waiting.set_exception(taken)
            else:
                waiting.set_result((taken.incident_of(publication), id(publication) in new))

    def _lane(self, publication: Publication) -> None:
        self._now(units.heard(self._unit(publication.realm, publication.unit), loop_s()))
        if publication.lane is Lane.ALARM:
            self._alarms.append(publication)
            self.look_at_the_disk()
        elif len(self._others) < MOST_WAITING:
            self._others.append(publication)
        else:
            self._no_room()
        self._arrived.set()

    def _no_room(self) -> None:
        if not self.without_room:
            log.warning("store: %d publications wait for the disk; cars will send the next ones again", MOST_WAITING)
        self.without_room += 1

    def _unit(self, realm: str, unit: str) -> Unit:
        return self.units.get((realm, unit)) or units.unknown((realm, unit))

    def _now(self, unit: Unit) -> None:
        before = self.units.get(unit.last.key)
        self.units[unit.last.key] = self.watching.changed(before, unit, loop_s())

    def shown_certificate(self, key: units.Key) -> None:
        """This car has shown what its alarms are checked with."""
        self.units[key] = replace(self._unit(*key), signs=True)

    def _has_open_alarm(self, unit: Unit) -> bool:
        return self.incidents.has_open(unit.last.key)

    def look_for_silence(self, line_heard_s: float, silent_after_s: float) -> None:
        """Count cars as gone that were not heard for too long before the line was last known to carry anything."""
        for unit in list(self.units.values()):
            if units.is_silent(unit, line_heard_s, silent_after_s):
                self._now(replace(unit, online=False))
            else:
                self.units[unit.last.key] = self.watching.looked_at(unit, loop_s())

    async def save_zones(self) -> None:
        """Put on disk what was learnt of dead zones; raises DiskFailed."""
        self.watching.unsaved = False
        await self.on_disk(partial(taking.keep_zones, zones=self.watching.zones))

    async def run(self) -> None:
        """Store and receipt, for ever; alarms first."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._alarms or self._others or self._known.owed:
                waiting = self._alarms or self._others
                batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_IN_BATCH))]
                await self._take_safely(self._known.owed.entries(), batch)

    async def _take_safely(self, owed: Sequence[Entry], batch: Sequence[Publication]) -> None:
        """Take what can be taken: what breaks what is done with it takes nothing else with it.

        Halved until it stands alone, so that thousands of others cost few commits more.
        """
        try:
            await self._take(owed, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged where it stands alone
            if len(owed) + len(batch) == 1:
                self._known.set_aside(owed, batch)
                self._set_aside(owed[0] if owed else batch[0], error)
            elif owed and batch:
                await self._take_safely(owed, ())
                await self._take_safely((), batch)
            else:
                half = max(len(owed), len(batch)) // 2
                await self._take_safely(owed[:half], batch[:half])
                await self._take_safely(owed[half:], batch[half:])

    def _set_aside(self, one: Publication | Entry, error: Exception) -> None:
        """No receipt goes to its car, which says it again; whoever watches learns of a press."""
        self.set_aside += 1
        if isinstance(one, Act):
            log.error("%s: an act could not be stored; report this as a defect", one.key[1], exc_info=error)
            return
        publication = one.publication if isinstance(one, Came) else one
        what = publication.lane if publication.message is None else type(publication.message).__name__
        log.error("%s: a %s could not be taken; report this as a defect", publication.unit, what, exc_info=error)
        waiting = self._kept.pop(id(publication), None)
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
        if isinstance(publication.message, AlarmRaised | AlarmSignalled):
            message = publication.message
            press = {"unit": publication.unit, "realm": publication.realm, "incident": message.incident}
            marks = {"kind": str(message.kind), "silent": message.silent, "cancelled": False, "signals": 1}
            self._emit("alarm-not-stored", press | marks | {"late_s": None})

    async def _take(self, owed: Sequence[Entry], batch: Sequence[Publication]) -> None:
        now = self.moment()
        self._under_way = batch
        came = [*publications(owed), *batch]
        known = self._last_known(came, now.wall_ms)
        try:
            taken = await self.on_disk(partial(taking.take, batch=batch, units=known.values(), now=now, owed=owed))
        except DiskFailed as error:
            # What was shown while the disk hung may be older by now than what has come since.
            unshown, self._under_way = self._under_way, ()
            self.storing, was_storing = False, self.storing
            self._show_unstored(unshown)
            self._let_know(batch, error)
            await self._failed(error, is_news=was_storing)
            return
        self._under_way = ()
        self.storing, self.without_room = True, 0
        shown = self._known.stored(owed, batch, taken, now)
        self.on_routes(taken.routes)
        self._let_know(batch, taken)
        stored = [one for publication in came for one in publication.arrivals]
        for realm, unit, receipt in receipts(self.epoch, stored, taken.kept.clashes):
            self._send_receipt(realm, unit, receipt)
        for event, fields in news.events(came, taken, shown):
            self._emit(event, fields)
        self._proved(taken.proved)
        # Anew, since a presence may have told more of a car meanwhile.
        for unit_key, last in self._last_known(came, now.wall_ms).items():
            self._knows(unit_key, last)
        for key in dict.fromkeys(one.key for one in owed if isinstance(one, Act) and one.told_to_car):
            if key in self.incidents:
                self.on_kept(self.incidents[key])

    def _knows(self, key: units.Key, last: LastKnown) -> None:
        before = self.units[key]
        placed_s = before.placed_s if last.position is before.last.position else loop_s()
        unit = self.units[key] = replace(before, last=last, placed_s=placed_s)
        if unit.online and placed_s != before.placed_s:
            self.watching.moved(before, unit)

    def _last_known(self, batch: Sequence[Publication], at_ms: int) -> dict[units.Key, LastKnown]:
        known: dict[units.Key, LastKnown] = {}
        for publication in batch:
            key = (publication.realm, publication.unit)
            before = known.get(key) or self.units[key].last
            known[key] = units.told(before, publication, at_ms) if publication.credible else before
        return {key: last for key, last in known.items() if last != self.units[key].last}

    def _show_unstored(self, batch: Sequence[Publication]) -> None:
        for publication in batch:
            try:
                self._known.show(publication, self.moment())
            except Exception as error:  # noqa: BLE001 - as above
                self._known.owed.done((), (publication,))
                self._set_aside(publication, error)

    async def _failed(self, error: DiskFailed, *, is_news: bool) -> None:
        if is_news:
            log.error("%s", error)
            self._emit("store-failed", {"problem": str(error)})
        await asyncio.sleep(AGAIN_AFTER_S)

    def close(self) -> None:
        """Let the store go."""
        self._thread.shutdown()
        self._store.close()
