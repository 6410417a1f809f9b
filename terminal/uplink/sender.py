"""Decides what goes to the broker next: alarms at once, then events, live points, and last what an outage left.

Few publications are in flight at any time, so that an alarm never waits behind more than a packet or two. A PUBACK
makes room for the next; only headquarters' receipt ends the repeating.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from hal.clock import Clock
from terminal.contract import topics
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import AlarmMoved, Event, OfIncident, Place, Stored, encode
from terminal.contract.mqtt import Lost, Publication
from terminal.contract.topics import Lane
from terminal.core.channels import SENDING_TURN_S
from terminal.core.inputs import Published, PublishRefused, Told
from terminal.core.supervision import Supervision
from terminal.uplink import track
from terminal.uplink.outbox import Row
from terminal.uplink.waiting import Pending, Waiting
from terminal.uplink.writer import OutboxFailed

log = logging.getLogger(__name__)


class Sending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the line is used; the window is what an alarm may have to wait behind."""

    window: int = 2
    most_unreceipted: int = 480
    late_after_s: float = 30.0
    receipt_within_s: float = 15.0
    alarm_again_after_s: float = 3.0
    alarm_again_at_most_s: float = 30.0
    moved_expires_s: int = 30


class Publisher(Protocol):
    """The connection, as far as sending needs it."""

    def publish(self, publication: Publication) -> int: ...

    def abort(self, reason: str, proof: Proof = ...) -> None: ...


class Flight(Struct):
    """One publication that the broker has not acknowledged; what becomes of a `silent` alarm's is not shown."""

    ids: tuple[str, ...]
    handed_ns: int
    takes_room: bool = True
    silent: bool = False


class Outgoing(Struct):
    """One alarm message, until headquarters has it; `mid` is that of its last publication."""

    message: Stored
    pause_s: float
    due_ns: int = 0
    mid: int | None = None


class Sender:
    """One car's sending; everything is called in the loop's thread."""

    def __init__(
        self,
        realm: str,
        unit: str,
        rules: Sending,
        pending: Pending,
        tell: Callable[[Told], None],
        clock: Clock,
        acknowledge_within_s: float = Supervision().acknowledge_within_s,
    ) -> None:
        self._rules = rules
        self._acknowledge_within_s = acknowledge_within_s
        self._pending = pending
        self._tell = tell
        self._clock = clock
        self._topics = {lane: topics.up(realm, unit, lane) for lane in Lane}
        self._connection: Publisher | None = None
        self._alarms: dict[str, Outgoing] = {}
        self._moved: dict[str, tuple[int, AlarmMoved]] = {}
        self._waiting = {
            lane: Waiting(
                lane,
                live_for_s=rules.late_after_s,
                receipt_within_s=rules.receipt_within_s,
                most_unreceipted=rules.most_unreceipted,
            )
            for lane in (Lane.EVENT, Lane.TRACK)
        }
        self._flights: dict[int, Flight] = {}
        self._wake = asyncio.Event()
        self.outbox = ""
        self.hq_heard = True

    def opened(self, outbox: str, alarms: Iterable[Row] = ()) -> None:
        """The account that places are given in, and its alarms that have no receipt; what waits is looked for anew.

        A place in another account is nobody's any more, and nothing would ever be receipted at it.
        """
        self.outbox = outbox
        for outgoing in self._alarms.values():
            if outgoing.message.place is not None and outgoing.message.place.outbox != outbox:
                outgoing.message = msgspec.structs.replace(outgoing.message, place=None)
        for waiting in self._waiting.values():
            waiting.forget()
        for row in alarms:
            self.placed(row, outbox)
        self._wake.set()

    def connected(self, connection: Publisher) -> None:
        """There is a line: alarms first, and all that has no receipt again."""
        self._connection = connection
        self._flights.clear()
        for outgoing in self._alarms.values():
            outgoing.due_ns, outgoing.mid, outgoing.pause_s = 0, None, self._rules.alarm_again_after_s
        for waiting in self._waiting.values():
            waiting.start_over()
        self._send_alarms()
        self._wake.set()

    def disconnected(self) -> None:
        """There is no line."""
        self._connection = None
        self._flights.clear()

    def alarm(self, message: Stored) -> None:
        """Send it now, ahead of everything, and again until headquarters has it."""
        if message.id not in self._alarms:
            self._alarms[message.id] = Outgoing(message, self._rules.alarm_again_after_s)
        self._send_alarms()

    def placed(self, row: Row, outbox: str) -> None:
        """An alarm is on disk: it is sent again, with its place in this account, if that is still the one."""
        if outbox != self.outbox:
            return
        # What is in hand may be more than what went to a disk a second time.
        known = self._alarms.get(row.id)
        message = msgspec.json.decode(row.body, type=Stored) if known is None else known.message
        message = msgspec.structs.replace(message, place=Place(outbox, row.lane, row.seq))
        self._alarms[row.id] = Outgoing(message, self._rules.alarm_again_after_s)
        self._send_alarms()

    def moved(self, message: AlarmMoved) -> None:
        """Where the car with this open alarm is; it replaces one of the same incident that has not gone yet."""
        self._moved[message.incident] = (self._clock.mono_ns(), message)
        self._wake.set()

    def committed(self, rows: Iterable[Row], outbox: str) -> None:
        """Events and points are on disk, and may go; of another account than this they are found there later."""
        if outbox == self.outbox:
            for row in rows:
                self._waiting[row.lane].committed([row], self._clock.mono_ns())
        self._wake.set()

    def settled(self, ids: Iterable[str]) -> None:
        """Headquarters has these at their places."""
        settled = frozenset(ids)
        for message_id in settled:
            self._alarms.pop(message_id, None)
        for waiting in self._waiting.values():
            waiting.settled(settled)
        self._wake.set()

    def received(self, ids: Iterable[str]) -> None:
        """Headquarters has these alarm messages; one that has a place goes on until that place is receipted too.

        Headquarters may have got it before its commit, and would miss the place for ever.
        """
        for message_id in ids:
            if message_id in self._alarms and self._alarms[message_id].message.place is None:
                del self._alarms[message_id]

    def watch(self, mid: int) -> None:
        """A presence was handed over: its acknowledgement is waited for like any other."""
        self._flights[mid] = Flight((), self._clock.mono_ns(), takes_room=False)

    def acknowledged(self, mid: int, failure: str) -> None:
        """The broker took a publication, or says why it did not."""
        flight = self._flights.pop(mid, None)
        if failure and not (flight is not None and flight.silent):
            self._tell(PublishRefused(f"the broker did not deliver: {failure}"))
        elif flight is not None and not failure:
            self._tell(Published(flight.ids))
        for message_id in flight.ids if flight is not None else ():
            self._repeat_later(message_id, mid)
        self._wake.set()

    def alarms_in_flight(self) -> bool:
        """Whether the broker has been given an alarm that it has not acknowledged."""
        return any(outgoing.mid in self._flights for outgoing in self._alarms.values())

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            self._wake.clear()
            try:
                await self.pump()
            except Lost:
                self.disconnected()
            except OutboxFailed:
                # Told where it is committed to; what waits there is looked for again.
                pass
            except Exception:
                # A row that cannot be sent must not take the repeating of alarms with it.
                log.exception("sender: something could not be sent; report this as a defect")
            try:
                async with asyncio.timeout(SENDING_TURN_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def pump(self) -> None:
        """Send what is due now, as far as there is room; raises Lost, or OutboxFailed."""
        self._watch_acknowledgements()
        self._send_alarms()
        self._send_moved()
        while self.outbox and self._has_room():
            if not (self._send_next(late=False) or await self._send_old()):
                return

    def _has_room(self) -> bool:
        in_flight = sum(flight.takes_room for flight in self._flights.values())
        return self._connection is not None and in_flight < self._rules.window

    def _watch_acknowledgements(self) -> None:
        limit_ns = self._clock.mono_ns() - round(self._acknowledge_within_s * 1e9)
        if self._connection is not None and any(flight.handed_ns < limit_ns for flight in self._flights.values()):
            connection = self._connection
            self.disconnected()
            within = f"{self._acknowledge_within_s:g} s"
            said = f"it acknowledged nothing within {within}; is it cut off, from us or from its cluster?"
            connection.abort(said, Proof.SILENT)

    def _publish(
        self, lane: Lane, payload: bytes, ids: tuple[str, ...], *, takes_room: bool = True, expiry_s: int = 0
    ) -> int:
        assert self._connection is not None, "who publishes has looked for a line"
        mid = self._connection.publish(Publication(self._topics[lane], payload, expiry_s))
        self._flights[mid] = Flight(ids, self._clock.mono_ns(), takes_room)
        return mid

    def _publish_alarm(self, message: Stored) -> int:
        mid = self._publish(Lane.ALARM, encode(message), (message.id,), takes_room=False)
        self._flights[mid].silent = _is_silent(message)
        return mid

    def _send_alarms(self) -> None:
        now_ns = self._clock.mono_ns()
        for outgoing in self._alarms.values():
            if self._connection is None:
                return
            # What is on its way on this connection arrives or ends with it; repeating it would only hold up others.
            if outgoing.due_ns <= now_ns and outgoing.mid not in self._flights:
                try:
                    outgoing.mid = self._publish_alarm(outgoing.message)
                except Lost:
                    self.disconnected()

    def _repeat_later(self, message_id: str, mid: int) -> None:
        outgoing = self._alarms.get(message_id)
        if outgoing is not None and outgoing.mid == mid:
            outgoing.due_ns = self._clock.mono_ns() + round(outgoing.pause_s * 1e9)
            outgoing.pause_s = min(outgoing.pause_s * 2, self._rules.alarm_again_at_most_s)

    def _send_moved(self) -> None:
        while self._moved and self._has_room():
            told_ns, message = self._moved.pop(next(iter(self._moved)))
            waited_s = (self._clock.mono_ns() - told_ns) // 1_000_000_000
            if waited_s < self._rules.moved_expires_s:
                mid = self._publish(Lane.ALARM, encode(message), (), expiry_s=self._rules.moved_expires_s - waited_s)
                self._flights[mid].silent = message.silent

    async def _send_old(self) -> bool:
        now_ns = self._clock.mono_ns()
        for waiting in self._waiting.values():
            # Not while headquarters itself is silent: what the broker has took its way already.
            if self.hq_heard:
                waiting.look_for_overdue(now_ns)
            await waiting.read(self._pending, self.outbox)
        return self._has_room() and (self._send_next(late=False) or self._send_next(late=True))

    def _send_next(self, *, late: bool) -> bool:
        """The next event, or else the next points; whether there were any."""
        return self._send_events(late=late) or self._send_points(late=late)

    def _next(self, lane: Lane, limit: int, *, late: bool) -> list[Row]:
        waiting = self._waiting[lane]
        return waiting.old(limit) if late else waiting.live(limit, self._clock.mono_ns())

    def _send_events(self, *, late: bool) -> bool:
        rows = self._next(Lane.EVENT, 1, late=late)
        if not rows:
            return False
        self._waiting[Lane.EVENT].taken(1, late=late)
        message = msgspec.json.decode(rows[0].body, type=Event)
        message = msgspec.structs.replace(message, place=Place(self.outbox, rows[0].lane, rows[0].seq))
        self._hand_over(Lane.EVENT, encode(message), rows)
        return True

    def _send_points(self, *, late: bool) -> bool:
        rows = self._next(Lane.TRACK, track.MOST_POINTS, late=late)
        if not rows:
            return False
        payload, count = track.batch(self.outbox, rows, late=late)
        self._waiting[Lane.TRACK].taken(max(count, 1), late=late)
        if count:
            self._hand_over(Lane.TRACK, payload, rows[:count])
        return True

    def _hand_over(self, lane: Lane, payload: bytes, rows: list[Row]) -> None:
        self._publish(lane, payload, tuple(row.id for row in rows))
        self._waiting[lane].sent(rows, self._clock.mono_ns())


def _is_silent(message: Stored) -> bool:
    return isinstance(message, OfIncident) and message.silent
