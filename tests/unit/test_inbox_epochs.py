"""What headquarters says counts only of the store that it has now, and a disk that lied about failing is found out."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec import Struct

from terminal.contract import topics
from terminal.contract.identity import digest_of_ids, new_id, new_incident
from terminal.contract.messages import AlarmRaised, Heartbeat, Receipt, StoredRange, Who, decode_alarm, encode
from terminal.contract.mqtt import Publication
from terminal.contract.topics import Lane
from terminal.core.inputs import OutboxRepaired, Received, Told, Unreceipted
from terminal.uplink.inbox import Inbox
from terminal.uplink.outbox import Entry, Limits, Row
from terminal.uplink.sender import Sender, Sending
from terminal.uplink.writer import Writer

DEADLINE_S = 30.0
ALARM = AlarmRaised(id=new_id(), who=Who(unit="LJ-101"), incident=new_incident())
ENTRY = Entry(ALARM.id, Lane.ALARM, encode(ALARM))
EVENT = Entry(new_id(), Lane.EVENT, b"{}")


class Clock:
    def mono_ns(self) -> int:
        return 0


class Line:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[Publication] = []

    def publish(self, publication: Publication) -> int:
        self.given.append(publication)
        return len(self.given)

    def abort(self, reason: str) -> None:
        raise AssertionError(reason)


async def nothing_waits(_lane: Lane, _after: int, _limit: int) -> tuple[str, list[Row]]:
    return "", []


class Scene:
    """An inbox with its outbox on disk and a sender on a line."""

    def __init__(self, folder: Path) -> None:
        self.told: list[Told] = []
        self.line = Line()
        self.writer = Writer(folder / "outbox.db", Limits(most_bytes=10_000_000))
        self.sender = Sender("LJ", "LJ-101", Sending(), nothing_waits, self.told.append, Clock())  # type: ignore[arg-type]
        self.inbox = Inbox(self.writer, self.sender, self.told.append)

    def hears(self, what: str, message: Struct) -> None:
        self.inbox.came_down(what, encode(message))

    def beat(self, epoch: str) -> None:
        self.hears(topics.HEARTBEAT, Heartbeat(epoch=epoch, storing=True, attended=True))

    def receipt(self, epoch: str, **fields: object) -> None:
        self.hears(topics.RECEIPT, Receipt(epoch=epoch, **fields))  # type: ignore[arg-type]

    def receipt_of_place(self, epoch: str) -> None:
        stored = (StoredRange(1, 1, digest_of_ids([ALARM.id])),)
        self.receipt(epoch, outbox=self.sender.outbox, lane=Lane.ALARM, stored=stored)

    def received(self) -> bool:
        return any(isinstance(one, Received) and ALARM.id in one.ids for one in self.told)

    def places_sent(self) -> list[tuple[str, int] | None]:
        messages = [decode_alarm(one.payload) for one in self.line.given]
        return [None if one.place is None else (one.place.outbox, one.place.seq) for one in messages]

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not is_so():
                await self.waiting()

    async def until_told(self, told: Told) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while told not in self.told:
                await self.waiting()

    async def epoch_on_disk(self, epoch: str) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await self.writer.submit(lambda outbox: outbox.epoch) != epoch:
                pass

    async def waiting(self) -> int:
        counts = await self.writer.submit(lambda outbox: outbox.counts())
        return counts[Lane.ALARM]


def play(folder: Path, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def played() -> None:
        scene = Scene(folder)
        scene.writer.start()
        await scene.inbox.open_account()
        scene.sender.connected(scene.line)
        running = asyncio.create_task(scene.inbox.run())
        try:
            await story(scene)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            scene.writer.close()

    asyncio.run(played())


@pytest.mark.promise("P-RECEIPT-07")
def test_a_receipt_that_was_under_way_since_before_a_backup_was_restored_says_nothing(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.sender.alarm(ALARM)
        scene.beat("before")
        await scene.epoch_on_disk("before")
        scene.beat("after")
        scene.receipt("before", ids=(ALARM.id,))
        assert not scene.received()
        scene.sender.connected(scene.line)
        assert scene.places_sent() == [None, None]
        scene.receipt("after", ids=(ALARM.id,))
        assert scene.received()

    play(tmp_path, story)


def test_a_receipt_does_not_bring_a_store_that_no_heartbeat_named(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.writer.submit(lambda outbox: outbox.commit([ENTRY]))
        scene.beat("now")
        await scene.epoch_on_disk("now")
        scene.receipt_of_place("never heard of")
        scene.receipt_of_place("now")
        await scene.until(scene.received)
        assert await scene.waiting() == 0
        assert await scene.writer.submit(lambda outbox: outbox.epoch) == "now"

    play(tmp_path, story)


def test_the_first_receipt_may_come_before_the_first_heartbeat(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.writer.submit(lambda outbox: outbox.commit([ENTRY]))
        scene.receipt_of_place("first")
        await scene.until(scene.received)
        assert await scene.waiting() == 0

    play(tmp_path, story)


def test_a_new_epoch_that_the_disk_took_although_it_said_no_sends_again_all_the_same(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.writer.submit(lambda outbox: outbox.commit([ENTRY]))
        scene.beat("before")
        await scene.epoch_on_disk("before")
        scene.receipt_of_place("before")
        await scene.until(scene.received)
        sent = len(scene.places_sent())
        assert await scene.writer.submit(lambda outbox: outbox.forget_receipts("after")) == 1
        scene.beat("after")
        await scene.until(lambda: len(scene.places_sent()) > sent)
        assert scene.places_sent()[-1] == (scene.sender.outbox, 1)

    play(tmp_path, story)


def test_an_outbox_that_has_another_id_than_the_sender_knows_is_opened_at_the_next_heartbeat(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.writer.submit(lambda outbox: outbox.commit([ENTRY]))
        scene.beat("now")
        await scene.until(lambda: scene.places_sent() == [(scene.sender.outbox, 1)])
        renewed = await scene.writer.submit(lambda outbox: outbox.renew_identity())
        scene.beat("now")
        await scene.until(lambda: scene.sender.outbox == renewed)
        assert scene.places_sent()[-1] == (renewed, 1)

    play(tmp_path, story)


@pytest.mark.promise("P-RECEIPT-08")
def test_a_clash_gives_the_card_another_outbox_once(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.writer.submit(lambda outbox: outbox.commit([ENTRY]))
        scene.beat("now")
        await scene.epoch_on_disk("now")
        before = scene.sender.outbox
        for _ in range(3):
            scene.receipt("now", outbox=before, clash=True)
        await scene.until(lambda: scene.sender.outbox != before)
        renewed = scene.sender.outbox
        scene.receipt_of_place("now")
        await scene.until(scene.received)
        assert scene.sender.outbox == renewed

    play(tmp_path, story)


@pytest.mark.promise("P-DISK-07")
def test_whoever_opens_the_account_of_a_repaired_outbox_says_so(tmp_path: Path) -> None:
    """No commit may come for a long time, and until then core would call stored what is gone."""
    (tmp_path / "outbox.db").write_bytes(b"no database at all" * 500)

    async def story(scene: Scene) -> None:
        (repaired,) = scene.told
        assert isinstance(repaired, OutboxRepaired)
        assert "was damaged" in repaired.problem

    play(tmp_path, story)


@pytest.mark.promise("P-RECEIPT-07")
def test_core_learns_which_alarms_a_new_store_has_no_receipt_of(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.beat("a")
        await scene.epoch_on_disk("a")
        await scene.writer.submit(lambda outbox: outbox.commit([ENTRY]))
        scene.receipt_of_place("a")
        await scene.until_told(Received((ALARM.id,), epoch="a"))
        assert not [one for one in scene.told if isinstance(one, Unreceipted)]
        await scene.writer.submit(lambda outbox: outbox.commit([EVENT]))
        scene.beat("b")
        await scene.until_told(Unreceipted((ALARM,), frozenset([EVENT.id])))

    play(tmp_path, story)
