"""What there ever was is on disk and can be asked for; at hand is what a second's work may look through."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from hq import acts, incidents, taking
from hq.archive import Archive
from hq.at_hand import MOST_ENDED, AtHand
from hq.incidents import Incident
from hq.store import Store
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, DutyChanged, Malformed, Who, encode
from terminal.contract.topics import Lane, UpTopic
from tests.unit.hq_scene import NOW, NOW_MS, REALM, UNIT, arrivals, duty, place, raised, store_at, take

UNITS = [(REALM, UNIT), (REALM, "LJ-102")]


def known(unit: str = UNIT, *, ended: int | None = None) -> Incident:
    """An incident of this car; `ended` is the revision at which somebody ended it."""
    press = AlarmRaised(id=new_id(), who=Who(unit=unit), incident=new_incident())
    incident = incidents.told(None, REALM, unit, press, NOW_MS)
    assert incident is not None
    if ended is None:
        return incident
    return replace(acts.cleared(incident, "Novak", "over", NOW_MS), told_revision=ended)


def clear(store: Store, incident: str, unit: str = UNIT) -> None:
    step: Callable[[Incident], Incident] = lambda one: acts.cleared(one, "Novak", "over", NOW_MS)  # noqa: E731
    taking.act(store, (REALM, unit, incident), step, NOW_MS)


def test_at_hand_are_all_that_are_open_and_the_last_that_ended_of_each_car() -> None:
    still_open = [known() for _ in range(MOST_ENDED + 5)]
    ended = [known(ended=number) for number in range(MOST_ENDED + 3)]
    others = known("LJ-102", ended=1)
    at_hand = AtHand([*ended[3:], *still_open, others, *ended[:3]])
    assert at_hand.open() == still_open
    assert set(at_hand.of_car((REALM, UNIT))) == {*still_open, *ended[3:]}
    assert at_hand.of_car((REALM, "LJ-102")) == [others]
    assert set(at_hand.values()) == {*still_open, *ended[3:], others}


def test_what_ends_or_opens_again_is_at_hand_as_that() -> None:
    at_hand, incident = AtHand(), known()
    at_hand.put([incident])
    assert at_hand.has_open(incident.key[:2])
    at_hand.put([acts.cleared(incident, "Novak", "over", NOW_MS)])
    assert (at_hand.has_open(incident.key[:2]), at_hand.open()) == (False, [])
    at_hand.put([incident])
    assert at_hand.open() == [incident]


@pytest.mark.promise("P-HQ-03")
def test_a_restarted_headquarters_has_at_hand_what_it_had(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    ids = [new_incident() for _ in range(MOST_ENDED + 10)]
    for incident in ids:
        take(store, raised(incident))
    for incident in ids[: MOST_ENDED + 4]:
        clear(store, incident)
    store.close()
    again = store_at(tmp_path)
    found = again.incidents(MOST_ENDED)
    assert {one.incident for one in found if one.is_open} == set(ids[MOST_ENDED + 4 :])
    assert {one.incident for one in found if not one.is_open} == set(ids[4 : MOST_ENDED + 4])
    again.close()


def test_the_archive_has_every_incident_the_newest_last(tmp_path: Path) -> None:
    store, archive = store_at(tmp_path), Archive(tmp_path / "hq.db")
    ids = [new_incident() for _ in range(MOST_ENDED + 10)]
    for number, incident in enumerate(ids):
        taking.take(store, [raised(incident)], [], replace(NOW, wall_ms=NOW_MS + number))
        clear(store, incident)
    take(store, raised(unit="LJ-102"))
    try:
        of_car = asyncio.run(archive.incidents((REALM, UNIT), 1000))
        assert [one.incident for one in of_car] == ids
        assert [one.incident for one in asyncio.run(archive.incidents((REALM, UNIT), 3))] == ids[-3:]
        assert len(asyncio.run(archive.incidents(None, 1000))) == len(ids) + 1
    finally:
        archive.close()
        store.close()


@pytest.mark.promise("P-HQ-08")
@pytest.mark.parametrize("depth", [100, 900, 1100, 3000])
def test_an_event_that_is_nested_deep_stops_neither_the_store_nor_a_question(tmp_path: Path, depth: int) -> None:
    store, archive = store_at(tmp_path), Archive(tmp_path / "hq.db")
    event = encode(DutyChanged(id=new_id(), who=Who(unit=UNIT), status="x", place=place(Lane.EVENT, 1)))
    nested = event[:-1] + b',"more":' + b"[" * depth + b"]" * depth + b"}"
    try:
        with contextlib.suppress(Malformed):
            take(store, arrivals.read(UpTopic(REALM, UNIT, Lane.EVENT), nested))
        take(store, duty(2))
        found = asyncio.run(archive.told(("duty-changed", ""), None, 10))
        assert found[0].body == nested or len(found) == 1, "it is kept or refused as a whole"
    finally:
        archive.close()
        store.close()


def test_an_older_store_gets_what_its_questions_are_answered_by(tmp_path: Path) -> None:
    store_at(tmp_path).close()
    with apsw.Connection(str(tmp_path / "hq.db")) as older:
        older.execute("DROP INDEX incidents_by_time; DROP INDEX events_by_type; PRAGMA user_version = 6")
    older.close()
    store, archive = store_at(tmp_path), Archive(tmp_path / "hq.db")
    asked: list[str] = []
    try:
        asyncio.run(archive.incidents(None, 1))
        assert archive._db is not None
        archive._db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda told: asked.append(told["sql"]))
        asyncio.run(archive.incidents(None, 1))
        asyncio.run(archive.told(("shift-ended",), None, 1))
        archive._db.trace_v2(0)
        with apsw.Connection(str(tmp_path / "hq.db")) as db:
            plans = [str(db.execute(f"EXPLAIN QUERY PLAN {one}", (1,) * one.count("?")).fetchall()) for one in asked]
        db.close()
    finally:
        archive.close()
        store.close()
    assert ["incidents_by_time" in plans[0], "events_by_type" in plans[1]] == [True, True]
