"""In which order a car speaks, what it repeats, and that in the end everything committed is receipted."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hal.clock import SystemClock
from terminal.contract.identity import new_id
from terminal.contract.messages import (
    AlarmMoved,
    AlarmRaised,
    DutyChanged,
    Place,
    Point,
    Position,
    Who,
    decode_alarm,
    decode_event,
    decode_track,
    encode,
)
from terminal.contract.mqtt import Lost, Publication
from terminal.contract.topics import Lane
from terminal.core.inputs import Published, PublishRefused, Told
from terminal.uplink import track
from terminal.uplink.outbox import Row
from terminal.uplink.sender import Sender, Sending
from terminal.uplink.waiting import LIVE_ROWS

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

    def abort(self, reason: str) -> None:
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


def test_an_alarm_goes_at_once_and_ahead_of_a_hundred_thousand_points() -> None:
    async def drive(bench: Bench) -> None:
        for _ in range(100_000):
            bench.disk.commit(Lane.TRACK, new_id(), b"")
        for row in bench.disk.rows[Lane.TRACK].values():
            bench.disk.rows[Lane.TRACK][row.seq] = msgspec.structs.replace(row, body=track.row_body(WHO, point()))
        await bench.sender.pump()
        assert bench.line.lanes() == ["track"] * RULES.window
        bench.press()
        assert bench.line.lanes() == ["track"] * RULES.window + ["alarm"]

    on_line(drive)


def test_an_alarm_is_sent_at_once_without_its_place_and_again_with_it() -> None:
    async def drive(bench: Bench) -> None:
        alarm = bench.press()
        row = bench.store(alarm)
        first, second = [decode_alarm(one.payload) for one in bench.line.published]
        assert first == alarm
        assert second == msgspec.structs.replace(alarm, place=Place("account-1", Lane.ALARM, row.seq))

    on_line(drive)


def test_an_alarm_is_repeated_after_its_puback_ever_more_rarely_until_the_receipt() -> None:
    async def drive(bench: Bench) -> None:
        row = bench.store(bench.press())
        sent_s: list[int] = []
        for second in range(120):
            before = len(bench.line.published)
            await bench.acknowledge_all()
            sent_s += [second] * (len(bench.line.published) - before)
            bench.clock.pass_s(1)
        assert sent_s == [3, 9, 21, 45, 75, 105]
        bench.receipt([row])
        bench.clock.pass_s(1000)
        count = len(bench.line.published)
        await bench.acknowledge_all()
        assert len(bench.line.published) == count

    on_line(drive)


def test_an_alarm_on_its_way_is_not_put_on_the_same_line_again() -> None:
    async def drive(bench: Bench) -> None:
        bench.press()
        bench.clock.pass_s(RULES.acknowledge_within_s - 1)
        await bench.sender.pump()
        assert len(bench.line.published) == 1
        bench.connect()
        assert len(bench.line.published) == 1, "a new line gets it at once"

    on_line(drive)


def test_a_receipt_by_id_does_not_end_an_alarm_that_owes_its_place() -> None:
    async def drive(bench: Bench) -> None:
        known, placed = bench.press(), bench.press()
        row = bench.store(placed)
        bench.sender.received([known.id, placed.id])
        line = bench.connect()
        assert [decode_alarm(one.payload).id for one in line.published] == [placed.id]
        bench.receipt([row])
        assert bench.connect().published == []

    on_line(drive)


def test_a_place_is_given_in_the_account_that_is_open_and_in_no_other() -> None:
    async def driven() -> None:
        bench = Bench()
        line = bench.connect()
        alarm = bench.press()
        bench.store(alarm)
        bench.events()
        bench.points(3)
        await bench.acknowledge_all()
        assert [decode_alarm(one.payload) for one in line.published] == [alarm], "no account is open yet"
        bench.open()
        await bench.acknowledge_all()
        assert line.lanes() == ["alarm", "alarm", "event", "track"]
        bench.disk.renew()
        bench.events()
        bench.clock.pass_s(RULES.receipt_within_s)
        await bench.sender.pump()
        assert line.lanes()[4:] == ["alarm"], "places of an account that is not open yet are not sent"
        bench.open()
        await bench.acknowledge_all()
        assert line.lanes()[5:] == ["alarm", "event", "event", "track"]
        told = [decode_event(one.payload).place for one in line.published[6:8]]
        assert told == [Place("account-2", Lane.EVENT, 1), Place("account-2", Lane.EVENT, 2)]

    asyncio.run(driven())


def test_the_order_is_alarm_event_track_and_news_before_what_an_outage_left() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.disconnected()
        bench.points(30)
        old = bench.events()
        bench.clock.pass_s(RULES.late_after_s + 1)
        bench.points(30)
        fresh = bench.events()
        bench.press()
        line = bench.connect()
        await bench.acknowledge_all()
        assert line.lanes() == ["alarm", "event", "track", "track", "event", "track", "track"]
        events = [decode_event(line.published[at].payload).id for at in (1, 4)]
        assert events == [fresh[0].id, old[0].id]
        batches = [decode_track(line.published[at].payload) for at in (2, 3, 5, 6)]
        assert [(batch.late, len(batch.points)) for batch in batches] == [
            (False, 24),
            (False, 6),
            (True, 24),
            (True, 6),
        ]

    on_line(drive)


def test_news_go_before_old_events_that_are_read_already_and_before_those_that_are_being_read() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.disconnected()
        bench.events(3)
        bench.clock.pass_s(RULES.late_after_s + 1)
        line = bench.connect()
        bench.disk.meanwhile = [lambda: bench.points(1) and None]
        await bench.sender.pump()
        assert line.lanes() == ["track"], "the point came while the events were read"
        bench.sender.acknowledged(1, "")
        await bench.sender.pump()
        bench.points(1)
        bench.sender.acknowledged(2, "")
        await bench.acknowledge_all()
        assert line.lanes() == ["track", "event", "track", "event", "event"]

    on_line(drive, replace(RULES, window=1))


def test_what_does_not_fit_into_memory_is_read_from_the_disk_and_called_late() -> None:
    async def drive(bench: Bench) -> None:
        bench.points(LIVE_ROWS + 10)
        await bench.acknowledge_all()
        batches = [decode_track(one.payload) for one in bench.line.published]
        assert sum(len(batch.points) for batch in batches if not batch.late) == LIVE_ROWS
        assert sum(len(batch.points) for batch in batches if batch.late) == 10

    on_line(drive)


def test_rows_that_overflow_while_an_empty_disk_is_being_read_are_not_stranded() -> None:
    async def drive(bench: Bench) -> None:
        bench.disk.meanwhile = [lambda: None, lambda: bench.points(LIVE_ROWS + 10) and None]
        await bench.acknowledge_all()
        await bench.acknowledge_all()
        assert sum(len(decode_track(one.payload).points) for one in bench.line.published) == LIVE_ROWS + 10

    on_line(drive)


def test_without_a_receipt_rows_go_again_and_only_those() -> None:
    async def drive(bench: Bench) -> None:
        rows = bench.points(5)
        await bench.acknowledge_all()
        bench.receipt(rows[:2])
        bench.clock.pass_s(RULES.receipt_within_s + 1)
        await bench.acknowledge_all()
        again = decode_track(bench.line.published[-1].payload)
        assert ([one.seq for one in again.points], again.late) == ([3, 4, 5], True)

    on_line(drive)


def test_a_receipt_that_settles_nothing_leaves_what_it_names_to_be_sent_again() -> None:
    async def drive(bench: Bench) -> None:
        bench.points(5)
        await bench.acknowledge_all()
        bench.sender.settled([])
        bench.clock.pass_s(RULES.receipt_within_s + 1)
        await bench.acknowledge_all()
        assert len(bench.line.published) == 2

    on_line(drive)


def test_while_headquarters_is_silent_nothing_is_repeated_and_what_is_owed_is_bounded() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.hq_heard = False
        for _ in range(100):
            bench.points(24)
            await bench.acknowledge_all()
            bench.clock.pass_s(5)
        sent = [one.id for payload in bench.line.published for one in decode_track(payload.payload).points]
        assert len(sent) == len(set(sent))
        assert len(sent) < RULES.most_unreceipted + track.MOST_POINTS
        bench.press()
        assert bench.line.lanes()[-1] == "alarm", "an alarm goes all the same"
        bench.sender.hq_heard = True
        while bench.disk.rows[Lane.TRACK]:
            count = len(bench.line.published)
            await bench.acknowledge_all()
            assert len(bench.line.published) > count
            for publication in bench.line.published[count:]:
                if publication.topic.endswith("track"):
                    seqs = [one.seq for one in decode_track(publication.payload).points]
                    bench.receipt(
                        [bench.disk.rows[Lane.TRACK][seq] for seq in seqs if seq in bench.disk.rows[Lane.TRACK]]
                    )

    on_line(drive)


def test_a_broker_that_acknowledges_nothing_is_let_go() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.watch(99)
        bench.clock.pass_s(RULES.acknowledge_within_s - 0.1)
        await bench.sender.pump()
        assert not bench.line.aborted
        bench.clock.pass_s(0.2)
        await bench.sender.pump()
        assert "acknowledged nothing within 10 s" in bench.line.aborted

    on_line(drive)


def test_a_refused_publication_is_told_and_is_not_counted_as_sent() -> None:
    async def drive(bench: Bench) -> None:
        alarm = bench.press()
        bench.sender.acknowledged(1, "Not authorized")
        assert bench.told == [PublishRefused("the broker did not deliver: Not authorized")]
        bench.clock.pass_s(RULES.alarm_again_after_s)
        await bench.sender.pump()
        bench.sender.acknowledged(2, "")
        assert bench.told[1:] == [Published((alarm.id,))]

    on_line(drive)


def moved(incident: str, lat_deg: float) -> AlarmMoved:
    return AlarmMoved(id=new_id(), who=WHO, incident=incident, position=msgspec.structs.replace(HERE, lat_deg=lat_deg))


def test_each_open_alarm_has_one_slot_for_where_it_is_and_the_newest_counts() -> None:
    async def drive(bench: Bench) -> None:
        for incident, lat_deg in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
            bench.sender.moved(moved(incident, lat_deg))
        await bench.acknowledge_all()
        told = [decode_alarm(one.payload) for one in bench.line.published]
        assert {(one.incident, one.position.lat_deg) for one in told if isinstance(one, AlarmMoved)} == {
            ("a", 3.0),
            ("b", 2.0),
        }

    on_line(drive)


def test_a_position_expires_by_when_it_was_told_and_not_by_when_it_was_handed_over() -> None:
    async def drive(bench: Bench) -> None:
        bench.sender.disconnected()
        bench.sender.moved(moved("a", 1.0))
        bench.clock.pass_s(RULES.moved_expires_s - 10)
        bench.sender.moved(moved("b", 2.0))
        bench.clock.pass_s(10)
        line = bench.connect()
        await bench.acknowledge_all()
        assert [(decode_alarm(one.payload).incident, one.expiry_s) for one in line.published] == [("b", 20)]

    on_line(drive)


def test_a_row_that_cannot_be_read_is_left_out_and_does_not_stop_the_others() -> None:
    async def drive(bench: Bench) -> None:
        for at in range(5):
            body = b"rubbish" if at in (0, 3) else track.row_body(WHO, point())
            bench.disk.commit(Lane.TRACK, new_id(), body)
        await bench.acknowledge_all()
        sent = [[one.seq for one in decode_track(one.payload).points] for one in bench.line.published]
        assert sent == [[2, 3], [5]]

    on_line(drive)


def test_an_event_that_cannot_be_read_is_told_and_does_not_stop_the_sender(caplog: pytest.LogCaptureFixture) -> None:
    async def drive(bench: Bench) -> None:
        bad = bench.disk.commit(Lane.EVENT, new_id(), b"rubbish")
        bench.sender.committed([bad], bench.disk.account)
        [good] = bench.events()
        running = asyncio.create_task(bench.sender.run())
        async with asyncio.timeout(20):
            await bench.line.spoken.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert decode_event(bench.line.published[0].payload).id == good.id

    on_line(drive)
    assert "something could not be sent" in caplog.text


class World:
    """A sender, its disk, a line that loses, a broker that drops, and a headquarters whose receipts get lost."""

    def __init__(self) -> None:
        self.bench = Bench(Sending(most_unreceipted=60))
        self.bench.open()
        self.unstored: list[AlarmRaised] = []
        self.in_flight: list[tuple[int, Publication]] = []
        self.seen = 0
        self.stored: set[str] = set()
        self.presses: list[str] = []

    def look(self) -> None:
        """What was published since: every place is true, and no more than the window is on its way."""
        line = self.bench.line
        for mid, publication in enumerate(line.published[self.seen :], self.seen + 1):
            self.in_flight.append((mid, publication))
            held = {row.id: row.seq for rows in self.bench.disk.rows.values() for row in rows.values()}
            for account, _, seq, message_id in named(publication):
                if account == self.bench.disk.account:
                    assert held.get(message_id, seq) == seq, "a message goes under its own place"
        self.seen = len(line.published)
        waiting = [one for _, one in self.in_flight if not one.topic.endswith("alarm")]
        assert len(waiting) <= RULES.window

    async def pump(self) -> None:
        try:
            await self.bench.sender.pump()
        except Lost:
            self.bench.sender.disconnected()
        self.look()

    def press(self) -> None:
        online = not self.bench.line.lost and self.bench.sender._connection is self.bench.line
        self.unstored.append(self.bench.press())
        self.presses.append(self.unstored[-1].id)
        if online:
            newest = decode_alarm(self.bench.line.published[-1].payload)
            assert newest.id == self.presses[-1], "an alarm is handed over at once"
        self.look()

    def store(self) -> None:
        while self.unstored:
            self.bench.store(self.unstored.pop())
        self.look()

    def connect(self) -> None:
        self.in_flight, self.seen = [], 0
        self.bench.connect()
        self.look()

    def lose(self) -> None:
        self.bench.line.lost = True
        self.in_flight = []

    def renew(self) -> None:
        self.bench.disk.renew()
        self.bench.open()
        self.look()

    def acknowledge(self, *, delivered: bool, receipted: bool) -> None:
        if not self.in_flight:
            return
        mid, publication = self.in_flight.pop(0)
        self.bench.sender.acknowledged(mid, "" if delivered else "No matching subscribers")
        if delivered:
            self.receive(publication, receipted=receipted)

    def receive(self, publication: Publication, *, receipted: bool) -> None:
        rows = []
        for account, lane, seq, message_id in named(publication):
            self.stored.add(message_id)
            row = self.bench.disk.rows[lane].get(seq)
            if account == self.bench.disk.account and row is not None and row.id == message_id:
                rows.append(row)
        if publication.topic.endswith("alarm"):
            message_id = decode_alarm(publication.payload).id
            self.stored.add(message_id)
            if receipted:
                self.bench.sender.received([message_id])
        if receipted:
            self.bench.receipt(rows)

    async def end_well(self) -> None:
        """From now on everything works: all that was ever committed or pressed is stored, and nothing is owed."""
        await self.pump()
        self.bench.disk.meanwhile.clear()
        self.store()
        self.connect()
        for _ in range(200):
            await self.pump()
            while self.in_flight:
                self.acknowledge(delivered=True, receipted=True)
                await self.pump()
            if not any(self.bench.disk.rows.values()):
                break
            self.bench.clock.pass_s(5)
        assert not any(self.bench.disk.rows.values()), "something was never receipted"
        assert self.stored >= set(self.presses)
        count = len(self.bench.line.published)
        self.bench.clock.pass_s(1)
        await self.pump()
        assert len(self.bench.line.published) == count, "what has its receipt is not sent again"


def named(publication: Publication) -> list[tuple[str, Lane, int, str]]:
    """(account, lane, seq, id) of everything in a publication that has a place."""
    lane = Lane(publication.topic.rsplit("/", 1)[-1])
    if lane is Lane.TRACK:
        batch = decode_track(publication.payload)
        return [(batch.outbox, lane, one.seq, str(UUID(bytes=one.id))) for one in batch.points]
    message = (decode_alarm if lane is Lane.ALARM else decode_event)(publication.payload)
    return [] if message.place is None else [(message.place.outbox, lane, message.place.seq, message.id)]


STEPS: dict[str, Callable[[World], Any]] = {
    "point": lambda world: world.bench.points(1),
    "many points": lambda world: world.bench.points(40),
    "flood": lambda world: world.bench.points(LIVE_ROWS + 5),
    "event": lambda world: world.bench.events(),
    "press": World.press,
    "store": World.store,
    "connect": World.connect,
    "lose": World.lose,
    "renew": World.renew,
    "silent": lambda world: setattr(world.bench.sender, "hq_heard", False),
    "heard": lambda world: setattr(world.bench.sender, "hq_heard", True),
    "pump": World.pump,
    "second": lambda world: world.bench.clock.pass_s(1),
    "minute": lambda world: world.bench.clock.pass_s(60),
    "delivered": lambda world: world.acknowledge(delivered=True, receipted=True),
    "receipt lost": lambda world: world.acknowledge(delivered=True, receipted=False),
    "dropped": lambda world: world.acknowledge(delivered=False, receipted=False),
}
MEANWHILE = ["flood", "event", "renew", "point", "minute"]
"""What may happen while the disk is being read."""


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=40), st.lists(st.sampled_from(MEANWHILE), max_size=4))
def test_whatever_happens_all_that_was_committed_is_receipted_in_the_end(
    steps: list[str], meanwhile: list[str]
) -> None:
    async def drive() -> None:
        world = World()
        world.bench.disk.meanwhile = [lambda what=what: STEPS[what](world) and None for what in meanwhile]
        for what in steps:
            done = STEPS[what](world)
            if asyncio.iscoroutine(done):
                await done
        world.bench.sender.hq_heard = True
        await world.end_well()

    asyncio.run(drive())
