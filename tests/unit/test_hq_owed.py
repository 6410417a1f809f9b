"""A disk at headquarters that refuses or hangs: alarms are shown and taken all the same, and stored once it works."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from hq import audit, taking
from hq.archive import Archive
from hq.arrivals import Publication
from hq.at_hand import MOST_ENDED, AtHand
from hq.audit import What
from hq.config import Alarms
from hq.desk import Desk
from hq.incidents import Incident
from hq.known import Known
from hq.marks import Mark
from hq.moment import Moment
from hq.receiver import HANGS_AFTER_S, Receiver
from hq.store import Store
from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    Alarm,
    AlarmCancelled,
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    DesiredState,
    Position,
    Receipt,
    Who,
    encode,
)
from terminal.contract.topics import Lane
from tests.model.virtual_time import VirtualLoop
from tests.system.faulty_disk import faulty
from tests.unit.hq_scene import NOW, NOW_MS, REALM, UNIT, published, raised, store_at, take

WITHIN_S = 30.0
NEVER = 1 << 60
"""An operation that no test comes to."""
INCIDENT = new_incident()
KEY = (REALM, UNIT, INCIDENT)


def said(what: type[Alarm], **fields: Any) -> Any:
    return what(id=new_id(), who=Who(unit=UNIT), incident=INCIDENT, **fields)


class Scene:
    """Headquarters with a disk that can be made to fail, a desk, and what the car is told; time stands still."""

    def __init__(self, folder: Path) -> None:
        self.disk = faulty(NEVER, apsw.FullError, for_good=True)
        self.mono_ms = 0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.receipts: list[Receipt] = []
        self.states: list[DesiredState] = []
        self.kept: asyncio.Queue[Incident] = asyncio.Queue()
        self.happened = asyncio.Event()
        store = Store.open(folder / "hq.db", vfs=self.disk.name)
        self.receiver = Receiver(store, self._emit, self._receipted, clock=self._moment)
        self.receiver.on_kept = self.kept.put_nowait
        self.archive = Archive(folder / "hq.db")
        self.desk = Desk(
            self.receiver,
            self.archive,
            lambda _realm, _unit, state: self.states.append(state),
            self._emit,
            Alarms(),
        )

    def _moment(self) -> Moment:
        return Moment("boot", self.mono_ms, NOW_MS + self.mono_ms)

    def _emit(self, event: str, fields: dict[str, Any]) -> None:
        self.events.append((event, fields))
        self.happened.set()

    def _receipted(self, _realm: str, _unit: str, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        self.happened.set()

    def says(self, *messages: Alarm) -> None:
        for message in messages:
            self.receiver.message(topics.up(REALM, UNIT, Lane.ALARM), encode(message))

    async def until(self, true: Callable[[], object]) -> None:
        while not true():
            self.happened.clear()
            await self.happened.wait()

    def told(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)

    def is_receipted(self, message: Alarm) -> bool:
        return any(message.id in receipt.ids for receipt in self.receipts)

    @property
    def incident(self) -> Incident:
        (incident,) = self.desk.incidents()
        return incident

    async def on_disk(self) -> Incident | None:
        return await self.receiver.on_disk(lambda store: store.incident(KEY))


def played(
    folder: Path,
    story: Callable[[Scene], Awaitable[None]],
    loop: Callable[[], asyncio.AbstractEventLoop] = VirtualLoop,
) -> None:
    async def play() -> None:
        scene = Scene(folder)
        running = asyncio.create_task(scene.receiver.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(scene)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            scene.archive.close()
            scene.receiver.close()
            scene.disk.unregister()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(play())


def log_of(folder: Path) -> list[What]:
    with apsw.Connection(str(folder / "hq.db")) as db:
        return [entry.fact.what for entry in audit.walk(audit.entries(db))][1:]


@pytest.mark.promise("P-HQ-11")
def test_an_alarm_that_the_disk_refuses_is_shown_and_taken_and_stored_with_its_taking_by_itself(tmp_path: Path) -> None:
    raised = said(AlarmRaised)

    async def story(scene: Scene) -> None:
        scene.disk.fail_from_now()
        scene.says(raised)
        await scene.until(lambda: scene.told("alarm-not-stored"))
        shown = scene.incident
        assert (shown.is_untaken, scene.desk.plain(shown)["stored"]) == (True, False)
        taken = await scene.desk.acknowledge(INCIDENT, "Novak")
        assert (taken.acknowledged_by, scene.incident) == ("Novak", taken)
        assert (scene.receipts, scene.states) == ([], []), "nothing is told to the car that is not on disk"
        scene.mono_ms += 60_000
        scene.disk.mend()
        await scene.until(lambda: scene.is_receipted(raised))
        kept = await scene.kept.get()
        assert replace(kept, told_revision=0) == taken, "as it was when it was shown"
        assert await scene.on_disk() == kept == scene.incident
        assert scene.desk.plain(kept)["stored"]
        await scene.desk.kept(kept)
        assert [one.acknowledged_by for one in scene.states[-1].alarms] == ["Novak"]
        assert (scene.told("alarm-stored"), scene.told("alarm-raised"), scene.told("alarm-not-stored")) == (1, 0, 1)

    played(tmp_path, story)
    assert log_of(tmp_path) == [What.ALARM_RAISED, What.ALARM_ACKNOWLEDGED]


@pytest.mark.promise("P-HQ-11")
def test_a_press_after_the_taking_waits_for_a_person_on_disk_too(tmp_path: Path) -> None:
    raised, again = said(AlarmRaised), said(AlarmSignalled, signal=2)

    async def story(scene: Scene) -> None:
        scene.disk.fail_from_now()
        scene.says(raised)
        await scene.until(lambda: scene.told("alarm-not-stored"))
        await scene.desk.clear(INCIDENT, "Novak", "over")
        scene.says(again)
        await scene.until(lambda: scene.told("alarm-not-stored") == 2)
        assert scene.incident.is_untaken
        scene.disk.mend()
        await scene.until(lambda: scene.is_receipted(again))
        await scene.kept.get()
        kept = await scene.on_disk()
        assert kept is not None
        assert (kept.is_untaken, kept.signals, kept) == (True, 2, scene.incident)

    played(tmp_path, story)
    opened = [What.ALARM_SIGNALLED, What.ALARM_OPENED_AGAIN]
    assert log_of(tmp_path) == [What.ALARM_RAISED, What.ALARM_ACKNOWLEDGED, What.ALARM_CLEARED, *opened]


@pytest.mark.promise("P-HQ-11")
def test_an_alarm_of_before_is_taken_although_the_disk_refuses_and_its_car_hears_of_it_once_it_is_stored(
    tmp_path: Path,
) -> None:
    raised, cancelled = said(AlarmRaised), said(AlarmCancelled)

    async def story(scene: Scene) -> None:
        scene.says(raised)
        await scene.until(lambda: scene.is_receipted(raised))
        before = await scene.desk.acknowledge(INCIDENT, "Novak")
        told = len(scene.states)
        scene.disk.fail_from_now()
        ended = await scene.desk.clear(INCIDENT, "Novak", "over")
        assert (ended.is_open, scene.desk.is_stored(ended)) == (False, False)
        with pytest.raises(ValueError, match="was cleared by Novak already"):
            await scene.desk.clear(INCIDENT, "Kranjc", "over")
        assert await scene.on_disk() == before
        await scene.desk.tell_car((REALM, UNIT))
        assert [state.alarms for state in scene.states[told:]] == [()]
        scene.says(cancelled)
        await scene.until(lambda: scene.told("alarm-not-stored"))
        scene.disk.mend()
        await scene.desk.kept(await scene.kept.get())
        assert [one.cleared_by for one in scene.states[-1].alarms] == ["Novak"]
        assert scene.is_receipted(cancelled)

    played(tmp_path, story)


def test_repeats_while_the_disk_refuses_are_told_once_and_of_positions_the_newest_is_kept(tmp_path: Path) -> None:
    raised = said(AlarmRaised)
    moves = [said(AlarmMoved, position=Position(lat_deg=46.0 + step, lon_deg=14.5)) for step in range(3)]

    async def story(scene: Scene) -> None:
        scene.disk.fail_from_now()
        scene.says(raised)
        await scene.until(lambda: scene.told("alarm-not-stored"))
        scene.says(raised, *moves, raised, raised)
        assert scene.incident.position == moves[-1].position
        assert (scene.told("alarm-not-stored"), len(scene.receiver._known.owed.entries())) == (1, 2)
        scene.disk.mend()
        await scene.until(lambda: scene.is_receipted(raised))
        assert await scene.on_disk() == scene.incident
        assert (scene.told("alarm-stored"), scene.incident.position) == (1, moves[-1].position)

    played(tmp_path, story)


def test_a_press_that_came_before_in_another_incident_begins_none_while_the_disk_refuses(tmp_path: Path) -> None:
    raised = said(AlarmRaised)
    forgotten = replace(raised, incident=new_incident())

    async def story(scene: Scene) -> None:
        scene.says(raised)
        await scene.until(lambda: scene.is_receipted(raised))
        scene.disk.fail_from_now()
        await scene.desk.clear(INCIDENT, "Novak", "over")
        receipts = len(scene.receipts)
        await scene.until(lambda: scene.told("store-failed"))
        scene.says(forgotten)
        assert [one.incident for one in scene.desk.incidents()] == [INCIDENT]
        scene.disk.mend()
        await scene.until(lambda: len(scene.receipts) > receipts)
        assert (scene.incident.incident, scene.told("alarm-not-stored")) == (INCIDENT, 0)
        assert replace(scene.incident, told_revision=0) == replace(await scene.kept.get(), told_revision=0)

    played(tmp_path, story)


def test_what_was_shown_for_want_of_the_disk_is_over_when_the_disk_knows_the_press_of_before(tmp_path: Path) -> None:
    raised = said(AlarmRaised)
    forgotten = replace(raised, incident=new_incident())

    async def story(scene: Scene) -> None:
        scene.says(raised)
        await scene.until(lambda: scene.is_receipted(raised))
        ended = await scene.desk.clear(INCIDENT, "Novak", "over")
        for number in range(MOST_ENDED):
            later = replace(ended, incident=new_incident(), presses=(), told_revision=100 + number)
            scene.receiver.incidents.put([later])
        assert KEY not in scene.receiver.incidents, "it is on disk alone"
        scene.disk.fail_from_now()
        receipts = len(scene.receipts)
        scene.says(forgotten)
        await scene.until(lambda: scene.told("alarm-not-stored"))
        assert [one.incident for one in scene.receiver.incidents.open()] == [forgotten.incident]
        scene.disk.mend()
        await scene.until(lambda: len(scene.receipts) > receipts)
        assert scene.receiver.incidents.open() == []

    played(tmp_path, story)


def test_of_an_incident_that_was_shown_and_never_was_on_disk_its_car_is_told_nothing(tmp_path: Path) -> None:
    before, named = raised(INCIDENT), new_incident()
    again = raised(named, id=before.arrivals[0].id)
    store, known = store_at(tmp_path), Known(AtHand(), lambda _event, _fields: None)
    take(store, before)
    known.show(again, NOW)
    assert (REALM, UNIT, named) in known.incidents
    store_owed(known, store)
    assert [one.incident for one in known.incidents.of_car((REALM, UNIT))] == [INCIDENT]
    store.close()


def test_an_incident_with_a_press_of_before_is_not_over_while_another_press_in_it_is_owed(tmp_path: Path) -> None:
    before, named = raised(INCIDENT), new_incident()
    again = raised(named, id=before.arrivals[0].id)
    news = published(Lane.ALARM, replace(said(AlarmSignalled, signal=2), incident=named))
    store, known = store_at(tmp_path), Known(AtHand(), lambda _event, _fields: None)
    take(store, before)
    known.show(again, NOW)
    store_owed(known, store, meanwhile=news)
    assert (REALM, UNIT, named) in [one.key for one in known.incidents.open()]
    store_owed(known, store)
    assert known.incidents[REALM, UNIT, named] == store.incident((REALM, UNIT, named))
    store.close()


def store_owed(known: Known, store: Store, meanwhile: Publication | None = None) -> None:
    owed = known.owed.entries()
    taken = taking.take(store, (), (), NOW, owed)
    if meanwhile is not None:
        known.show(meanwhile, NOW)
    known.stored(owed, (), taken, NOW)


def test_a_press_that_only_something_unproved_tells_of_elsewhere_is_shown_although_the_disk_refuses() -> None:
    pressed = replace(raised(), mark=Mark.VERIFIED)
    forged = replace(raised(id=pressed.arrivals[0].id), mark=Mark.WRONG, credible=False)
    forged = replace(forged, arrivals=(replace(forged.arrivals[0], kept_as=new_id(), credible=False),))
    known = Known(AtHand(), lambda _event, _fields: None)
    known.show(forged, NOW)
    known.show(pressed, NOW)
    assert len({one.incident for one in known.incidents.open()}) == 2


def test_of_positions_the_newest_is_owed_when_a_disk_that_hung_refuses_what_was_under_way(tmp_path: Path) -> None:
    raised = said(AlarmRaised)
    moves = [
        said(AlarmMoved, position=Position(lat_deg=46.0 + step, lon_deg=14.5, utc_ms=NOW_MS + step)) for step in (0, 1)
    ]

    async def story(scene: Scene) -> None:
        let_go, reached = threading.Event(), threading.Event()

        def hang(_store: Store) -> None:
            reached.set()
            let_go.wait(WITHIN_S)

        hanging = asyncio.create_task(scene.receiver.on_disk(hang))
        await asyncio.to_thread(reached.wait, WITHIN_S)
        scene.says(raised, moves[0])
        while not scene.receiver._under_way:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        scene.mono_ms += round(HANGS_AFTER_S * 1000) + 1
        scene.receiver.look_at_the_disk()
        scene.says(moves[1])
        scene.disk.fail_from_now()
        let_go.set()
        await hanging
        await scene.until(lambda: scene.told("store-failed"))
        scene.disk.mend()
        await scene.until(lambda: scene.is_receipted(raised))
        kept = await scene.on_disk()
        assert kept is not None
        assert kept.position == scene.incident.position == moves[1].position

    played(tmp_path, story, asyncio.new_event_loop)


def test_what_was_shown_and_breaks_what_is_done_with_it_is_never_said_to_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = said(AlarmRaised)

    async def story(scene: Scene) -> None:
        scene.disk.fail_from_now()
        scene.says(broken)
        await scene.until(lambda: scene.told("alarm-not-stored"))
        with monkeypatch.context() as patched:
            patched.setattr(Store, "put_incident", _breaks)
            scene.disk.mend()
            await scene.until(lambda: scene.told("alarm-not-stored") == 2)
        assert (scene.incident.is_open, scene.desk.is_stored(scene.incident)) == (True, False)
        assert not scene.desk.is_stored(await scene.desk.acknowledge(INCIDENT, "Novak"))
        scene.says(broken)
        await scene.until(lambda: scene.is_receipted(broken))
        assert scene.desk.is_stored(scene.incident), "it came again, and broke nothing"

    played(tmp_path, story)


def _breaks(_store: Store, incident: Incident) -> None:
    raise TypeError(incident.incident)


def test_while_the_disk_hangs_an_alarm_is_shown_and_taken_and_the_rest_comes_when_it_goes_on(tmp_path: Path) -> None:
    raised, before = said(AlarmRaised), replace(said(AlarmRaised), incident=new_incident())

    async def story(scene: Scene) -> None:
        scene.says(before)
        await scene.until(lambda: scene.is_receipted(before))
        receipts = len(scene.receipts)
        let_go, reached = threading.Event(), threading.Event()

        def hang(_store: Store) -> None:
            reached.set()
            let_go.wait(WITHIN_S)

        hanging = asyncio.create_task(scene.receiver.on_disk(hang))
        await asyncio.to_thread(reached.wait, WITHIN_S)
        scene.says(raised)
        scene.receiver.look_at_the_disk()
        assert scene.incident.incident == before.incident, "a disk may take its time"
        scene.mono_ms += round(HANGS_AFTER_S * 1000) + 1
        scene.receiver.look_at_the_disk()
        assert scene.told("alarm-not-stored") == 1
        assert (await scene.desk.acknowledge(INCIDENT, "Novak")).acknowledged_by == "Novak"
        assert not (await scene.desk.clear(before.incident, "Novak", "over")).is_open
        assert (len(scene.receipts), scene.states) == (receipts, [])
        let_go.set()
        await hanging
        kept = await scene.kept.get()
        assert not (await scene.kept.get()).is_open
        assert (kept.acknowledged_by, await scene.on_disk()) == ("Novak", kept)
        assert (scene.is_receipted(raised), scene.told("alarm-stored"), scene.told("alarm-raised")) == (True, 1, 1)

    played(tmp_path, story, asyncio.new_event_loop)
