"""Decides what goes to the broker next: alarms at once, then events, live points, and last what an outage left.

Few publications are in flight at any time, so that an alarm never waits behind more than a packet or two. A PUBACK
makes room for the next; only headquarters' receipt ends the repeating.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from hal.clock import Clock
from terminal.contract import topics
from terminal.contract.messages import AlarmMoved, Event, Place, Stored, encode
from terminal.contract.mqtt import Lost, Publication
from terminal.contract.topics import Lane
from terminal.core.inputs import Published, PublishRefused, Told
from terminal.uplink import track
from terminal.uplink.outbox import Row


class Sending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the line is used; the window is what an alarm may have to wait behind."""

    window: int = 2
    most_unreceipted: int = 480
    acknowledge_within_s: float = 10.0
    receipt_within_s: float = 15.0
    alarm_again_after_s: float = 3.0
    alarm_again_at_most_s: float = 30.0
    moved_expires_s: int = 30


class Publisher(Protocol):
    """The connection, as far as sending needs it."""

    def publish(self, publication: Publication) -> int: ...

    def abort(self, reason: str) -> None: ...


Pending = Callable[[Lane, int, int], Awaitable[list[Row]]]
"""(lane, after seq, limit) to rows that have no receipt."""


class Flight(Struct):
    """One publication that the broker has not acknowledged."""

    ids: tuple[str, ...]
    handed_ns: int
    takes_room: bool = True


class Outgoing(Struct):
    """One alarm message, until headquarters has it."""

    message: Stored
    due_ns: int
    pause_s: float


LIVE_ROWS = 256
"""Freshly committed rows kept in memory; what does not fit is read from the disk again."""
BACKLOG_ROWS = 96
PUMP_PERIOD_S = 0.5
"""How often the clocks of repeats and acknowledgements are looked at."""


class Sender:
    """One car's sending; everything is called in the loop's thread."""

    def __init__(
        self, realm: str, unit: str, rules: Sending, pending: Pending, tell: Callable[[Told], None], clock: Clock
    ) -> None:
        self._rules = rules
        self._pending = pending
        self._tell = tell
        self._clock = clock
        self._topics = {lane: topics.up(realm, unit, lane) for lane in Lane}
        self._outbox = ""
        self._connection: Publisher | None = None
        self._alarms: dict[str, Outgoing] = {}
        self._moved: AlarmMoved | None = None
        self._live: dict[Lane, deque[Row]] = {Lane.EVENT: deque(), Lane.TRACK: deque()}
        self._old: dict[Lane, deque[Row]] = {Lane.EVENT: deque(), Lane.TRACK: deque()}
        self._cursor: dict[Lane, int | None] = {Lane.EVENT: None, Lane.TRACK: None}
        self._awaiting: dict[Lane, dict[int, int]] = {Lane.EVENT: {}, Lane.TRACK: {}}
        self._flights: dict[int, Flight] = {}
        self._wake = asyncio.Event()
        self.hq_heard = True

    def opened(self, outbox: str, alarms: Iterable[Row] = ()) -> None:
        """The account that places are given in, and its alarms that have no receipt; what waits is looked for anew."""
        self._outbox = outbox
        for row in alarms:
            self.placed(row)
        self._start_over()

    def connected(self, connection: Publisher) -> None:
        """There is a line: alarms first, and all that has no receipt again."""
        self._connection = connection
        self._flights.clear()
        for outgoing in self._alarms.values():
            outgoing.due_ns, outgoing.pause_s = 0, self._rules.alarm_again_after_s
        self._start_over()

    def disconnected(self) -> None:
        """There is no line."""
        self._connection = None
        self._flights.clear()

    def alarm(self, message: Stored) -> None:
        """Send it now, ahead of everything, and again until headquarters has it."""
        if message.id not in self._alarms:
            self._alarms[message.id] = Outgoing(message, 0, self._rules.alarm_again_after_s)
        self._send_alarms()

    def placed(self, row: Row) -> None:
        """An alarm is on disk: it is sent again, with its place."""
        message = msgspec.json.decode(row.body, type=Stored)
        place = Place(self._outbox, row.lane, row.seq)
        message = msgspec.structs.replace(message, place=place)
        self._alarms[row.id] = Outgoing(message, 0, self._rules.alarm_again_after_s)
        self._send_alarms()

    def moved(self, message: AlarmMoved) -> None:
        """Where the car with the open alarm is; it replaces one that has not gone yet."""
        self._moved = message
        self._wake.set()

    def committed(self, rows: Iterable[Row]) -> None:
        """Events and points are on disk, and may go."""
        for row in rows:
            self._live[row.lane].append(row)
            if len(self._live[row.lane]) > LIVE_ROWS:
                self._live[row.lane].popleft()
                self._cursor[row.lane] = 0
        self._wake.set()

    def settled(self, ids: Iterable[str], lane: Lane, first: int, last: int) -> None:
        """Headquarters has these, at these places."""
        for message_id in ids:
            self._alarms.pop(message_id, None)
        awaiting = self._awaiting.get(lane, {})
        for seq in [seq for seq in awaiting if first <= seq <= last]:
            del awaiting[seq]
        self._wake.set()

    def received(self, ids: Iterable[str]) -> None:
        """Headquarters has these alarm messages; one that has a place goes on until that place is receipted too.

        Headquarters may have got it before its commit, and would miss the place for ever.
        """
        for message_id in ids:
            outgoing = self._alarms.get(message_id)
            if outgoing is not None and outgoing.message.place is None:
                del self._alarms[message_id]

    def watch(self, mid: int) -> None:
        """A presence was handed over: its acknowledgement is waited for like any other."""
        self._flights[mid] = Flight((), self._clock.mono_ns(), takes_room=False)

    def acknowledged(self, mid: int, failure: str) -> None:
        """The broker took a publication, or says why it did not."""
        flight = self._flights.pop(mid, None)
        if failure:
            self._tell(PublishRefused(f"the broker did not deliver: {failure}"))
        elif flight is not None:
            self._tell(Published(flight.ids))
        self._wake.set()

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            self._wake.clear()
            try:
                await self._pump()
            except Lost:
                self.disconnected()
            try:
                async with asyncio.timeout(PUMP_PERIOD_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _pump(self) -> None:
        self._watch_acknowledgements()
        self._send_alarms()
        self._send_moved()
        while self._has_room():
            if not (self._send_events() or self._send_points(self._live) or await self._send_old()):
                return

    def _has_room(self) -> bool:
        in_flight = sum(flight.takes_room for flight in self._flights.values())
        return self._connection is not None and in_flight < self._rules.window

    def _watch_acknowledgements(self) -> None:
        limit_ns = self._clock.mono_ns() - round(self._rules.acknowledge_within_s * 1e9)
        if self._connection is not None and any(flight.handed_ns < limit_ns for flight in self._flights.values()):
            connection = self._connection
            self.disconnected()
            connection.abort(f"the broker acknowledged nothing for {self._rules.acknowledge_within_s:g} s")

    def _publish(
        self, lane: Lane, payload: bytes, ids: tuple[str, ...], *, takes_room: bool = True, expiry_s: int = 0
    ) -> None:
        if self._connection is not None:
            mid = self._connection.publish(Publication(self._topics[lane], payload, expiry_s))
            self._flights[mid] = Flight(ids, self._clock.mono_ns(), takes_room)

    def _send_alarms(self) -> None:
        now_ns = self._clock.mono_ns()
        for message_id, outgoing in self._alarms.items():
            if self._connection is not None and outgoing.due_ns <= now_ns:
                try:
                    self._publish(Lane.ALARM, encode(outgoing.message), (message_id,), takes_room=False)
                except Lost:
                    self.disconnected()
                    return
                outgoing.due_ns = now_ns + round(outgoing.pause_s * 1e9)
                outgoing.pause_s = min(outgoing.pause_s * 2, self._rules.alarm_again_at_most_s)

    def _send_moved(self) -> None:
        if self._moved is not None and self._has_room():
            self._publish(Lane.ALARM, encode(self._moved), (), expiry_s=self._rules.moved_expires_s)
            self._moved = None

    def _send_events(self) -> bool:
        rows = self._live[Lane.EVENT] or self._old[Lane.EVENT]
        if not rows:
            return False
        row = rows.popleft()
        message = msgspec.json.decode(row.body, type=Event)
        message = msgspec.structs.replace(message, place=Place(self._outbox, row.lane, row.seq))
        self._sent(row.lane, [row.seq])
        self._publish(row.lane, encode(message), (row.id,))
        return True

    def _send_points(self, queues: dict[Lane, deque[Row]]) -> bool:
        rows = queues[Lane.TRACK]
        if not rows:
            return False
        payload, count = track.batch(self._outbox, list(rows), late=queues is self._old)
        sent = [rows.popleft() for _ in range(count)]
        self._sent(Lane.TRACK, [row.seq for row in sent])
        self._publish(Lane.TRACK, payload, tuple(row.id for row in sent))
        return True

    async def _send_old(self) -> bool:
        for lane in (Lane.EVENT, Lane.TRACK):
            if not self._old[lane]:
                await self._read_old(lane)
        return self._has_room() and (self._send_events() or self._send_points(self._old))

    async def _read_old(self, lane: Lane) -> None:
        """The next rows that have no receipt and are not on their way."""
        self._look_for_unreceipted(lane)
        cursor = self._cursor[lane]
        if cursor is None or len(self._awaiting[lane]) >= self._rules.most_unreceipted:
            return
        rows = await self._pending(lane, cursor, BACKLOG_ROWS)
        if self._cursor[lane] != cursor:
            return
        self._cursor[lane] = rows[-1].seq if rows else None
        on_their_way = self._awaiting[lane].keys() | {row.seq for row in self._live[lane]}
        self._old[lane].extend(row for row in rows if row.seq not in on_their_way)

    def _look_for_unreceipted(self, lane: Lane) -> None:
        """Once a receipt is overdue, look through the disk again; not while headquarters itself is silent."""
        now_ns = self._clock.mono_ns()
        overdue = [seq for seq, due_ns in self._awaiting[lane].items() if due_ns <= now_ns]
        if overdue and self.hq_heard:
            for seq in overdue:
                del self._awaiting[lane][seq]
            self._cursor[lane] = 0

    def _sent(self, lane: Lane, seqs: list[int]) -> None:
        due_ns = self._clock.mono_ns() + round(self._rules.receipt_within_s * 1e9)
        self._awaiting[lane].update(dict.fromkeys(seqs, due_ns))

    def _start_over(self) -> None:
        for lane in (Lane.EVENT, Lane.TRACK):
            self._old[lane].clear()
            self._awaiting[lane].clear()
            self._cursor[lane] = 0
        self._send_alarms()
        self._wake.set()
