"""The one thread at the outbox: an alarm's commit goes before all that waits there."""

import asyncio
import threading
from pathlib import Path

import pytest

from terminal.contract.identity import new_id
from terminal.contract.topics import Lane
from terminal.uplink.outbox import CHECKPOINT_PAGES, PAGE_BYTES, Entry, Limits, Outbox
from terminal.uplink.writer import Writer

WITHIN_S = 30.0


@pytest.mark.promise("P-SEND-01")
def test_what_is_urgent_goes_before_all_that_waits_and_in_its_own_order(tmp_path: Path) -> None:
    done: list[str] = []
    begun, goes_on = threading.Event(), threading.Event()

    def slow(_outbox: Outbox) -> None:
        begun.set()
        goes_on.wait(WITHIN_S)

    async def story() -> None:
        writer = Writer(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
        writer.start()
        try:
            works = [writer.submit(slow)]
            await asyncio.to_thread(begun.wait, WITHIN_S)
            for name, urgent in (("track 1", False), ("alarm 1", True), ("track 2", False), ("alarm 2", True)):
                works.append(writer.submit(lambda _, name=name: done.append(name), urgent=urgent))
            goes_on.set()
            await asyncio.wait_for(asyncio.gather(*works), WITHIN_S)
        finally:
            goes_on.set()
            writer.close()

    asyncio.run(story())
    assert done == ["alarm 1", "alarm 2", "track 1", "track 2"]


@pytest.mark.promise("P-DISK-08")
def test_a_long_log_is_taken_into_the_database_when_no_alarm_waits(tmp_path: Path) -> None:
    path, sizes = tmp_path / "outbox.db", list[int]()
    begun, goes_on = threading.Event(), threading.Event()

    def commit_much(outbox: Outbox) -> None:
        begun.set()
        goes_on.wait(WITHIN_S)
        outbox.commit([Entry(new_id(), Lane.TRACK, b"x" * PAGE_BYTES) for _ in range(CHECKPOINT_PAGES)])

    def look(_outbox: Outbox) -> None:
        sizes.append(path.stat().st_size)

    async def story() -> None:
        writer = Writer(path, Limits(most_bytes=100_000_000))
        writer.start()
        try:
            works = [writer.submit(commit_much)]
            await asyncio.to_thread(begun.wait, WITHIN_S)
            works += [writer.submit(look, urgent=True), writer.submit(look)]
            goes_on.set()
            await asyncio.wait_for(asyncio.gather(*works), WITHIN_S)
        finally:
            goes_on.set()
            writer.close()

    asyncio.run(story())
    assert sizes[0] < CHECKPOINT_PAGES * PAGE_BYTES < sizes[1]
