"""What waits on the disk is found there, also where nobody told of it."""

import asyncio

from terminal.contract.identity import new_id
from terminal.contract.topics import Lane
from terminal.uplink.outbox import Row
from terminal.uplink.waiting import Waiting

DUE_S = 15


def test_a_row_that_nobody_announced_is_found_when_the_disk_is_looked_through_again() -> None:
    on_disk: list[Row] = []

    async def pending(_lane: Lane, after: int, limit: int) -> tuple[str, list[Row]]:
        return "outbox", [row for row in on_disk if row.seq > after][:limit]

    waiting = Waiting(Lane.EVENT, live_for_s=30.0, receipt_within_s=DUE_S, most_unreceipted=480)

    def found(at_s: int) -> list[Row]:
        waiting.look_for_overdue(at_s * 1_000_000_000)
        asyncio.run(waiting.read(pending, "outbox"))
        return waiting.old(10)

    assert found(DUE_S) == found(DUE_S) == []
    on_disk.append(Row(1, new_id(), Lane.EVENT, b"{}"))
    assert found(DUE_S + 1) == []
    assert found(2 * DUE_S) == on_disk
