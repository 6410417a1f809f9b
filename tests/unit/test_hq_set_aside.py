"""One message of one car never takes headquarters, or another car's alarm, with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from hq import arrivals
from hq.receiver import MOST_IN_BATCH, Receiver
from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    AlarmMoved,
    AlarmRaised,
    DutyChanged,
    JobAnswered,
    Malformed,
    Position,
    Presence,
    Receipt,
    TextRead,
    Who,
    encode,
)
from terminal.contract.topics import Lane, UpTopic
from terminal.contract.work import JobStep
from tests.unit.hq_scene import LJUBLJANA, NOW_MS, REALM, UNIT, place, store_at

WITHIN_S = 30
NOWHERE = Position(lat_deg=1e308, lon_deg=14.0)
WHO = Who(unit=UNIT)


class Scene:
    """A receiver whose store breaks at what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.receipts: list[Receipt] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.receiver = Receiver(
            store_at(folder), lambda *told: self.events.append(told), lambda _realm, _unit, one: self._receipted(one)
        )
        self._changed = asyncio.Event()

    def _receipted(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        self._changed.set()

    def says(self, lane: str, message: Any) -> None:
        self.receiver.message(topics.up(REALM, UNIT, lane), encode(message))

    async def receipted(self, message_id: str) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not any(message_id in receipt.ids for receipt in self.receipts):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Scene]:
    scene = Scene(folder)
    work = asyncio.create_task(scene.receiver.run())
    scene.says("presence", Presence(incarnation="1", online=True, who=WHO))
    try:
        yield scene
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        scene.receiver.close()


def pressed(**fields: Any) -> AlarmRaised:
    return AlarmRaised(id=new_id(), who=WHO, incident=new_incident(), **fields)


@pytest.mark.promise("P-HQ-08")
def test_an_alarm_from_nowhere_on_earth_is_an_alarm(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_work(tmp_path) as scene:
            alarm = pressed(position=NOWHERE, track=((2, 46.0, 14.0), (1, -1e306, 14.0)))
            scene.says(Lane.ALARM, alarm)
            await scene.receipted(alarm.id)
            incident = scene.receiver.incidents[REALM, UNIT, alarm.incident]
            assert incident.position is None
            assert incident.track == ((2, 46.0, 14.0),)

    asyncio.run(story())


@pytest.mark.parametrize(
    "message",
    [
        JobAnswered(id=new_id(), who=WHO, job="no id", step=JobStep.ACCEPTED, place=place(Lane.EVENT, 1)),
        TextRead(id=new_id(), who=WHO, text_id="none either", place=place(Lane.EVENT, 1)),
        AlarmMoved(id=new_id(), who=WHO, incident=new_incident(), position=NOWHERE),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_means_nothing_is_refused_as_it_is_read(message: Any) -> None:
    lane = Lane.ALARM if isinstance(message, AlarmMoved) else Lane.EVENT
    with pytest.raises(Malformed):
        arrivals.read(UpTopic(REALM, UNIT, lane), encode(message))


@pytest.mark.promise("P-HQ-08")
def test_what_breaks_the_store_is_set_aside_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with at_work(tmp_path) as scene:
            alarms = [pressed(position=LJUBLJANA) for _ in range(20)]
            bad = alarms[7]
            _rot(tmp_path, bad.incident)
            for alarm in alarms:
                scene.says(Lane.ALARM, alarm)
            for alarm in alarms:
                if alarm is not bad:
                    await scene.receipted(alarm.id)
            assert scene.receiver.set_aside == 1
            assert not any(bad.id in receipt.ids for receipt in scene.receipts), "no receipt for what is not there"
            cries = [fields["incident"] for event, fields in scene.events if event == "alarm-not-stored"]
            assert cries == [bad.incident], "whoever watches learns of it all the same"
            told = [fields["incident"] for event, fields in scene.events if event == "alarm-raised"]
            assert sorted(told) == sorted(alarm.incident for alarm in alarms if alarm is not bad)

    asyncio.run(story())
    assert "AlarmRaised could not be taken" in caplog.text


def test_what_breaks_the_store_among_what_is_owed_to_it_is_set_aside_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_work(tmp_path) as scene:
            alarms = [pressed(position=LJUBLJANA) for _ in range(5)]
            scene.receiver.storing = False
            for alarm in alarms:
                scene.says(Lane.ALARM, alarm)
            assert len(scene.receiver.incidents) == 5
            _rot(tmp_path, alarms[2].incident)
            for alarm in alarms:
                if alarm is not alarms[2]:
                    await scene.receipted(alarm.id)
            assert (scene.receiver.set_aside, len(scene.receiver._known.owed.entries())) == (1, 0)

    asyncio.run(story())


def _rot(folder: Path, incident: str) -> None:
    """What stands in the store of this one incident cannot be read as one, and no disk says so."""
    with contextlib.closing(apsw.Connection(str(folder / "hq.db"))) as db:
        db.set_busy_timeout(WITHIN_S * 1000)
        db.execute("INSERT INTO incidents VALUES (?, ?, ?, ?)", (REALM, UNIT, incident, b"{}"))


def test_a_duty_status_from_nowhere_keeps_its_status(tmp_path: Path) -> None:
    event = DutyChanged(id=new_id(), who=WHO, status="available", position=NOWHERE, place=place(Lane.EVENT, 1))
    read = arrivals.read(UpTopic(REALM, UNIT, Lane.EVENT), encode(event)).message
    assert isinstance(read, DutyChanged)
    assert (read.status, read.position) == ("available", None)


@pytest.mark.promise("P-SEND-08")
def test_where_an_open_alarm_is_now_replaces_where_it_was(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_work(tmp_path) as scene:
            alarm = pressed(position=LJUBLJANA)
            moves = [replace(LJUBLJANA, lon_deg=14.6 + number / 100, utc_ms=NOW_MS + number) for number in (1, 2)]
            scene.says(Lane.ALARM, alarm)
            for position in moves:
                message = AlarmMoved(id=new_id(), who=WHO, incident=alarm.incident, position=position)
                scene.says(Lane.ALARM, message)
            last = pressed()
            scene.says(Lane.ALARM, last)
            await scene.receipted(last.id)
            assert scene.receiver.incidents[REALM, UNIT, alarm.incident].position == moves[-1]

    asyncio.run(story())


@pytest.mark.promise("P-SEND-01")
def test_of_what_waits_alarms_are_stored_first(tmp_path: Path) -> None:
    async def story() -> None:
        async with at_work(tmp_path) as scene:
            for seq in range(1, 2 * MOST_IN_BATCH):
                where = place(Lane.EVENT, seq)
                scene.says(Lane.EVENT, DutyChanged(id=new_id(), who=WHO, status="available", place=where))
            alarm = pressed()
            scene.says(Lane.ALARM, alarm)
            await scene.receipted(alarm.id)
            assert not any(receipt.lane is Lane.EVENT for receipt in scene.receipts), "it waited for nothing"

    asyncio.run(story())
