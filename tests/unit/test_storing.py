"""What the disk refuses is kept in order up to a bound, and what finds no room is counted and told."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from hal.clock import SystemClock
from hal.readings import Press
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, DutyChanged, Thinned, Who, decode_event
from terminal.contract.topics import Lane
from terminal.core import storing as module
from terminal.core.emergency import Emergency
from terminal.core.inputs import OutboxRepaired, Stored, StoreFailed, Told
from terminal.core.storing import Storing
from terminal.uplink.outbox import Limits, Outbox, Row
from terminal.uplink.sender import Sender, Sending
from terminal.uplink.writer import Writer

WHO = Who(unit="LJ-101")
WITHIN_S = 20.0


def duty(number: int) -> DutyChanged:
    return DutyChanged(id=new_id(), who=WHO, status=f"status {number}")


async def nothing(_lane: Lane, _after: int, _limit: int) -> tuple[str, list[Row]]:
    return "", []


@pytest.mark.promise("P-DISK-11")
def test_events_beyond_the_bound_are_told_as_given_up_once_the_disk_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS_HELD", 3)
    folder = tmp_path / "car"
    folder.touch()

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


@pytest.mark.promise("P-KIND-05")
def test_a_state_that_the_disk_refuses_is_owed_and_said_of_nothing_but_a_message(tmp_path: Path) -> None:
    folder = tmp_path / "car"
    folder.touch()

    async def story() -> None:
        told: list[Told] = []
        writer = Writer(folder / "outbox.db", Limits(most_bytes=10_000_000))
        writer.start()
        sender = Sender("LJ", WHO.unit, Sending(), nothing, told.append, SystemClock())
        storing = Storing(writer, sender, WHO, told.append, lambda: None)
        storing.alarms([], Emergency())
        async with asyncio.timeout(WITHIN_S):
            while not storing.state_owed:  # noqa: ASYNC110 - nothing is told, and that is the point
                await asyncio.sleep(0.01)
        assert told == []
        alarm = AlarmRaised(id=new_id(), who=WHO, incident=new_incident())
        storing.alarms([alarm], Emergency())
        async with asyncio.timeout(WITHIN_S):
            while not told:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        (failed,) = told
        assert isinstance(failed, StoreFailed)
        assert failed.ids == (alarm.id,)
        await storing.close()
        writer.close()

    asyncio.run(story())


def test_nothing_piles_up_before_a_disk_that_stalls(tmp_path: Path) -> None:
    """A writer that has not begun is a disk that stalls."""
    alarm = AlarmRaised(id=new_id(), who=WHO, incident=new_incident())
    newest = Emergency(presses=(Press("board-1", 7, 1),))
    told: list[Told] = []

    async def story() -> None:
        writer = Writer(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
        sender = Sender("LJ", WHO.unit, Sending(), nothing, told.append, SystemClock())
        storing = Storing(writer, sender, WHO, told.append, lambda: None)
        for _ in range(100):
            storing.alarms([alarm], Emergency())
            storing.alarms([], newest)
        writer.start()
        await storing.close()
        saved = await writer.submit(lambda outbox: outbox.load_state(module.EMERGENCY))
        assert saved is not None
        assert msgspec.json.decode(saved, type=Emergency) == newest, "the newest state is not forgotten"
        assert writer.close()

    asyncio.run(story())
    assert [list(one.places) for one in told if isinstance(one, Stored) and one.places] == [[alarm.id]]


@pytest.mark.promise("P-DISK-07")
def test_an_outbox_is_called_repaired_once_and_not_again_when_it_is_only_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"no database at all" * 500)

    async def story() -> list[Told]:
        told: list[Told] = []
        stored: asyncio.Queue[Told] = asyncio.Queue()

        def tell(one: Told) -> None:
            told.append(one)
            if isinstance(one, Stored):
                stored.put_nowait(one)

        writer = Writer(path, Limits(most_bytes=10_000_000))
        writer.start()
        storing = Storing(
            writer, Sender("LJ", WHO.unit, Sending(), nothing, tell, SystemClock()), WHO, tell, lambda: None
        )
        try:
            for _ in range(2):
                storing.event(duty(1))
                await asyncio.wait_for(stored.get(), WITHIN_S)
                with pytest.raises(DiskFailed):
                    await writer.submit(failing)
        finally:
            await storing.close()
            writer.close()
        return told

    assert len([one for one in asyncio.run(story()) if isinstance(one, OutboxRepaired)]) == 1


def failing(_outbox: Outbox) -> None:
    raise DiskFailed("the disk", "it failed", "nothing")


def stored_ids(told: list[Told]) -> list[str]:
    return [message_id for one in told if isinstance(one, Stored) for message_id in one.places]


@pytest.mark.promise("P-DISK-08")
def test_an_alarm_that_a_sound_disk_takes_is_told_as_stored_in_the_same_turn_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALARM_ON_DISK_WITHIN_S", WITHIN_S)
    alarm = AlarmRaised(id=new_id(), who=WHO, incident=new_incident())
    later: list[Told] = []

    async def story() -> list[Told]:
        writer = Writer(tmp_path / "outbox.db", Limits(most_bytes=10_000_000))
        writer.start()
        sender = Sender("LJ", WHO.unit, Sending(), nothing, later.append, SystemClock())
        storing = Storing(writer, sender, WHO, later.append, lambda: None)
        storing.alarms([alarm], Emergency())
        told = storing.soon()
        held = await writer.submit(lambda outbox: outbox.unreceipted(Lane.ALARM))
        assert held == [alarm.id]
        await storing.close()
        assert storing.soon() == []
        writer.close()
        return told

    assert stored_ids(asyncio.run(story())) == [alarm.id]
    assert stored_ids(later) == []


@pytest.mark.promise("P-DISK-05")
def test_a_disk_that_stalls_or_refuses_stops_the_loop_for_a_moment_alone(tmp_path: Path) -> None:
    """A writer that has not begun is a disk that stalls."""
    alarm, refused = (AlarmRaised(id=new_id(), who=WHO, incident=new_incident()) for _ in range(2))
    folder = tmp_path / "car"
    told: list[Told] = []

    async def story() -> None:
        writer = Writer(folder / "outbox.db", Limits(most_bytes=10_000_000))
        sender = Sender("LJ", WHO.unit, Sending(), nothing, told.append, SystemClock())
        storing = Storing(writer, sender, WHO, told.append, lambda: None)
        storing.alarms([refused], Emergency())
        assert storing.soon() == []
        folder.touch()
        writer.start()
        async with asyncio.timeout(WITHIN_S):
            while not told:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert [one.ids for one in told if isinstance(one, StoreFailed)] == [(refused.id,)]
        folder.unlink()
        folder.mkdir()
        async with asyncio.timeout(WITHIN_S):
            while alarm.id not in stored_ids(told):
                storing.alarms([alarm], Emergency())
                told.extend(storing.soon())
                await asyncio.sleep(0.05)
        await storing.close()
        writer.close()

    asyncio.run(story())
    assert set(stored_ids(told)) == {alarm.id}
