"""What headquarters says: receipts settle the outbox once they are believed, the rest goes to core, rubbish nowhere."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hal.clock import SystemClock
from terminal.contract import topics
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import (
    AlarmRaised,
    DesiredState,
    DutyChanged,
    Heartbeat,
    Receipt,
    StoredRange,
    Who,
    encode,
)
from terminal.contract.topics import Lane
from terminal.core.inputs import HeartbeatHeard, PendingCounted, Received, StateDesired, Told
from terminal.uplink.inbox import Inbox
from terminal.uplink.outbox import Entry, Limits, Outbox, Row
from terminal.uplink.sender import Sender, Sending
from terminal.uplink.writer import Writer

WHO = Who(unit="LJ-101")
EPOCH = "epoch-1"


class Bench:
    """An inbox on a real outbox, and what it told."""

    def __init__(self, path: Path) -> None:
        self.told: list[Told] = []
        self.writer = Writer(path, Limits(most_bytes=10_000_000))
        self.sender = Sender("LJ", WHO.unit, Sending(), self.pending, self.told.append, SystemClock())
        self.inbox = Inbox(self.writer, self.sender, self.told.append)

    async def pending(self, lane: Lane, after: int, limit: int) -> tuple[str, list[Row]]:
        return await self.writer.submit(lambda outbox: (outbox.id, outbox.pending(lane, after, limit)))

    async def commit(self, lane: Lane, count: int) -> list[Row]:
        made: list[Any] = [
            AlarmRaised(id=new_id(), who=WHO, incident="i")
            if lane is Lane.ALARM
            else DutyChanged(id=new_id(), who=WHO, status="x")
            for _ in range(count)
        ]
        entries = [Entry(one.id, lane, encode(one)) for one in made]
        seqs = await self.writer.submit(lambda outbox: outbox.commit(entries))
        return [Row(seq, one.id, lane, one.body) for seq, one in zip(seqs, entries, strict=True)]

    async def settled(self) -> None:
        """Wait until everything that came down has been dealt with."""
        await self.inbox._waiting.join()

    async def owed(self, lane: Lane) -> int:
        await self.settled()
        return (await self.writer.submit(Outbox.counts))[lane]

    def say(self, what: str, message: object) -> None:
        self.inbox.came_down(what, encode(message))  # type: ignore[arg-type]

    def receipt(self, rows: list[Row], **fields: Any) -> None:
        stored = StoredRange(rows[0].seq, rows[-1].seq, digest_of_ids([row.id for row in rows]))
        known = {"epoch": EPOCH, "outbox": self.sender.outbox, "lane": rows[0].lane, "stored": (stored,)}
        self.say(topics.RECEIPT, Receipt(**(known | fields)))

    def of(self, kind: type[Told]) -> list[Any]:
        return [one for one in self.told if isinstance(one, kind)]


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "outbox.db")
    bench.writer.start()
    await bench.inbox.open_account()
    task = asyncio.create_task(bench.inbox.run())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        bench.writer.close()


def with_bench(tmp_path: Path, drive: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def driven() -> None:
        async with running(tmp_path) as bench:
            await drive(bench)

    asyncio.run(driven())


def test_a_receipt_of_places_settles_them_and_tells_core(tmp_path: Path) -> None:
    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 3)
        bench.receipt(rows[:2])
        assert await bench.owed(Lane.EVENT) == 1
        assert bench.of(Received)[-1] == Received((rows[0].id, rows[1].id), epoch=EPOCH)
        assert bench.of(PendingCounted)[-1] == PendingCounted(1)

    with_bench(tmp_path, drive)


def test_a_receipt_by_id_is_told_at_once_and_the_place_is_still_owed(tmp_path: Path) -> None:
    async def drive(bench: Bench) -> None:
        [row] = await bench.commit(Lane.ALARM, 1)
        bench.say(topics.RECEIPT, Receipt(epoch=EPOCH, ids=(row.id,)))
        assert bench.of(Received) == [Received((row.id,), epoch=EPOCH)]
        assert await bench.owed(Lane.ALARM) == 1
        bench.receipt([row])
        assert await bench.owed(Lane.ALARM) == 0

    with_bench(tmp_path, drive)


@pytest.mark.promise("P-RECEIPT-05")
@pytest.mark.parametrize(
    "fields",
    [
        {"outbox": "another"},
        {"lane": Lane.ALARM},
        {"stored": (StoredRange(1, 3, "0" * 16),)},
        {"stored": (StoredRange(1, 2**62, "0" * 16),)},
        {"stored": (StoredRange(3, 1, "0" * 16),)},
        {"stored": (StoredRange(0, 0, "0" * 16),)},
    ],
)
def test_a_receipt_that_is_not_ours_settles_nothing_and_the_next_one_counts(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 3)
        bench.receipt(rows, **fields)
        assert await bench.owed(Lane.EVENT) == 3
        bench.receipt(rows)
        assert await bench.owed(Lane.EVENT) == 0

    with_bench(tmp_path, drive)


def test_ever_so_many_ranges_cost_no_more_than_one_batch(tmp_path: Path) -> None:
    """A hostile receipt names all places again and again; what is behind it is still taken."""

    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 2000)
        reads: list[str] = []

        def watched(outbox: Outbox) -> None:
            outbox._db.trace_v2(1, lambda _: reads.append("statement"))

        await bench.writer.submit(watched)
        bench.receipt(rows, stored=(StoredRange(1, 2000, "0" * 16),) * 1000)
        assert await bench.owed(Lane.EVENT) == 2000
        assert len(reads) < 200
        bench.receipt(rows)
        assert await bench.owed(Lane.EVENT) == 0

    with_bench(tmp_path, drive)


@pytest.mark.promise("P-RECEIPT-07")
def test_another_epoch_has_what_an_earlier_one_receipted_sent_again(tmp_path: Path) -> None:
    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 2)
        bench.receipt(rows)
        assert await bench.owed(Lane.EVENT) == 0
        bench.say(topics.HEARTBEAT, Heartbeat(epoch="epoch-2", storing=True, attended=False))
        assert await bench.owed(Lane.EVENT) == 2

    with_bench(tmp_path, drive)


def test_a_heartbeat_without_an_epoch_is_no_other_epoch(tmp_path: Path) -> None:
    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 2)
        bench.receipt(rows)
        bench.say(topics.HEARTBEAT, Heartbeat(epoch="", storing=True, attended=False))
        assert await bench.owed(Lane.EVENT) == 0
        more = await bench.commit(Lane.EVENT, 1)
        bench.receipt(more)
        assert await bench.owed(Lane.EVENT) == 0

    with_bench(tmp_path, drive)


@pytest.mark.promise("P-RECEIPT-08")
def test_a_clash_brings_a_new_account_and_the_sender_knows_it(tmp_path: Path) -> None:
    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 3)
        before = bench.sender.outbox
        bench.receipt(rows, clash=True, stored=())
        await bench.settled()
        assert bench.sender.outbox == await bench.writer.submit(lambda outbox: outbox.id) != before
        bench.receipt(rows, outbox=before, clash=True, stored=())
        await bench.settled()
        assert bench.sender.outbox != before
        assert await bench.owed(Lane.EVENT) == 3

    with_bench(tmp_path, drive)


def test_state_and_heartbeat_go_to_core(tmp_path: Path) -> None:
    async def drive(bench: Bench) -> None:
        state, beat = DesiredState(revision=4), Heartbeat(epoch=EPOCH, storing=True, attended=True)
        bench.say(topics.STATE, state)
        bench.say(topics.HEARTBEAT, beat)
        assert bench.told == [StateDesired(state), HeartbeatHeard(beat)]

    with_bench(tmp_path, drive)


def test_a_receipt_that_breaks_the_disk_does_not_stop_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def drive(bench: Bench) -> None:
        rows = await bench.commit(Lane.EVENT, 3)
        bench.inbox._waiting.put_nowait(object())  # type: ignore[arg-type]
        bench.receipt(rows)
        assert await bench.owed(Lane.EVENT) == 0

    with_bench(tmp_path, drive)
    assert "inbox: what came down (object) could not be taken" in caplog.text


@pytest.mark.promise("P-HARD-07")
def test_what_cannot_be_read_is_logged_without_what_was_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def drive(bench: Bench) -> None:
        bench.inbox.came_down(topics.RECEIPT, b'{"epoch":"e","lane":"Janez Novak"}')
        bench.inbox.came_down("weather", b"{}")
        assert not bench.told

    with_bench(tmp_path, drive)
    [line] = caplog.messages
    assert line == (
        "headquarters: a receipt (34 bytes) that cannot be read: Invalid enum value - at `$.lane`; is it of version 1?"
    )
