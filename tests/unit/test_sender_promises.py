"""Whatever disk, line and receipts do: in the end everything that was committed is receipted, alarms first."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.contract.messages import (
    AlarmRaised,
    decode_alarm,
    decode_event,
    decode_track,
)
from terminal.contract.mqtt import Lost, Publication
from terminal.contract.topics import Lane
from terminal.uplink.sender import Sending
from terminal.uplink.waiting import LIVE_ROWS
from tests.unit.sender_scene import RULES, Bench


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


@pytest.mark.promise("P-RECEIPT-17")
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
