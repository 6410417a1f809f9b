"""What the disk refuses is kept in order up to a bound, and what finds no room is counted and told."""

import asyncio
from pathlib import Path

import pytest

from hal.clock import SystemClock
from terminal.contract.identity import new_id
from terminal.contract.messages import DutyChanged, Thinned, Who, decode_event
from terminal.contract.topics import Lane
from terminal.core import storing as module
from terminal.core.inputs import StoreFailed, Told
from terminal.core.storing import Storing
from terminal.uplink.outbox import Limits, Row
from terminal.uplink.sender import Sender, Sending
from terminal.uplink.writer import Writer

WHO = Who(unit="LJ-101")
WITHIN_S = 20.0


def duty(number: int) -> DutyChanged:
    return DutyChanged(id=new_id(), who=WHO, status=f"status {number}")


@pytest.mark.promise("P-DISK-11")
def test_events_beyond_the_bound_are_told_as_given_up_once_the_disk_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS_HELD", 3)
    folder = tmp_path / "car"
    folder.touch()

    async def nothing(_lane: Lane, _after: int, _limit: int) -> tuple[str, list[Row]]:
        return "", []

    async def story() -> list[Row]:
        refused = asyncio.Event()

        def tell(told: Told) -> None:
            if isinstance(told, StoreFailed):
                refused.set()

        writer = Writer(folder / "outbox.db", Limits(most_bytes=10_000_000))
        writer.start()
        sender = Sender("LJ", WHO.unit, Sending(), nothing, tell, SystemClock())
        storing = Storing(writer, sender, WHO, tell, lambda: None)
        storing.event(duty(0))
        await refused.wait()
        for number in range(1, 5):
            storing.event(duty(number))
        folder.unlink()
        async with asyncio.timeout(WITHIN_S):
            rows: list[Row] = []
            while len(rows) < 4:
                storing.flush_if_due()
                await asyncio.sleep(0.05)
                if folder.exists():
                    rows = await writer.submit(lambda outbox: outbox.pending(Lane.EVENT))
        await storing.close()
        writer.close()
        return rows

    events = [decode_event(row.body) for row in asyncio.run(story())]
    kept = [event.status for event in events if isinstance(event, DutyChanged)]
    (account,) = [event for event in events if isinstance(event, Thinned)]
    assert kept == ["status 2", "status 3", "status 4"]
    assert "2 were given up" in account.reason
