"""Jobs and texts at headquarters: sent, answered, withdrawn; what a car is told of them, and the picture."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from hq import orders, picture, taking, units
from hq.archive import Archive
from hq.incidents import Incident, NotPossible
from hq.orders import TOLD_AFTER_END_MS, Asked, Order
from hq.people import NoName
from hq.units import LastKnown, Unit
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmKind, JobAnswered, Position, TextRead, TextSent, Who
from terminal.contract.topics import Lane
from terminal.contract.work import MOST_JOBS, MOST_NEIGHBOURS, JobStep, Officer
from tests.unit.hq_scene import LJUBLJANA, NOW_MS, REALM, UNIT, place, published, store_at, take

KEY = (REALM, UNIT)


def job(**fields: object) -> Order:
    asked = {"by": "Desk 1", "title": "Tree on the road", "lat_deg": 46.0, "lon_deg": 14.5} | fields
    return orders.job(REALM, UNIT, Asked(**asked), NOW_MS)  # type: ignore[arg-type]


def text() -> Order:
    return orders.text(REALM, UNIT, Asked(by="Desk 1", text="Call the desk"), NOW_MS)


def answer(order: Order, step: JobStep) -> JobAnswered:
    return JobAnswered(id=new_id(), who=Who(unit=UNIT), job=order.id, step=step)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": " "}, "needs a title"),
        ({"lon_deg": None}, "both --lat and --lon"),
        ({"lat_deg": 91.0}, "within 90"),
        ({"text": "x" * 1001}, "1000 characters"),
    ],
)
def test_what_cannot_be_a_job_is_said(fields: dict[str, object], said: str) -> None:
    with pytest.raises(NotPossible, match=said):
        job(**fields)


def test_who_sends_and_withdraws_has_a_name() -> None:
    with pytest.raises(NoName):
        job(by=" ")
    with pytest.raises(NoName):
        orders.withdrawn(job(), "", NOW_MS)


def test_a_job_only_goes_on() -> None:
    one = orders.answered(job(), answer(job(), JobStep.EN_ROUTE), NOW_MS)
    assert one.job is not None
    assert one.job.step is JobStep.EN_ROUTE
    assert orders.answered(one, answer(one, JobStep.ACCEPTED), NOW_MS) == one
    done = orders.answered(one, answer(one, JobStep.DONE), NOW_MS)
    assert done.is_over
    assert orders.answered(done, answer(done, JobStep.DECLINED), NOW_MS) == done
    with pytest.raises(NotPossible, match="over already"):
        orders.withdrawn(done, "Desk 1", NOW_MS)


def test_a_car_is_told_open_jobs_and_for_a_while_those_that_are_over() -> None:
    first, second, third = job(), job(), orders.withdrawn(job(), "Desk 1", NOW_MS)
    done = orders.answered(first, answer(first, JobStep.DONE), NOW_MS)
    told = orders.jobs_told([done, second, third], NOW_MS)
    assert {one.job: one.step for one in told} == {done.id: JobStep.DONE, second.id: JobStep.SENT}
    assert [one.job for one in orders.jobs_told([done, second], NOW_MS + TOLD_AFTER_END_MS)] == [second.id]


def test_of_too_many_jobs_the_open_ones_are_told_first() -> None:
    first = job()
    ended = [orders.answered(one, answer(one, JobStep.DONE), NOW_MS) for one in (job() for _ in range(MOST_JOBS))]
    told = orders.jobs_told([first, *ended], NOW_MS)
    assert len(told) == MOST_JOBS
    assert first.id in {one.job for one in told}


def test_an_answer_that_came_is_stored_and_told_again_in_a_new_revision(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one, note = job(), text()
    taking.send_order(store, one)
    taking.send_order(store, note)
    assert store.revisions(KEY) == (2, 0)
    said = answer(one, JobStep.ACCEPTED)
    read = TextRead(id=new_id(), who=Who(unit=UNIT), text_id=note.id)
    take(
        store,
        *(published(Lane.EVENT, replace(one, place=place(Lane.EVENT, seq))) for seq, one in ((1, said), (2, read))),
    )
    take(store, published(Lane.EVENT, replace(said, place=place(Lane.EVENT, 1))))
    assert store.revisions(KEY) == (4, 0), "a repeat changes nothing"
    kept = {order.id: order for order in store.orders(KEY)}
    assert kept[one.id].job.step is JobStep.ACCEPTED  # type: ignore[union-attr]
    assert kept[note.id].text.read  # type: ignore[union-attr]
    store.close()


def test_another_cars_answer_touches_no_job(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = job()
    taking.send_order(store, one)
    take(store, published(Lane.EVENT, answer(one, JobStep.DONE), unit="LJ-102"))
    assert [order.is_over for order in store.orders(KEY)] == [False]
    store.close()


def test_an_order_is_withdrawn_by_how_its_id_begins_if_that_is_clear(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = job()
    taking.send_order(store, one)
    for wrong in ("", "no such", "0'; DROP TABLE orders; --"):
        with pytest.raises(NotPossible, match="no orders"):
            taking.withdraw_order(store, wrong, "Desk 1", NOW_MS)
    assert taking.withdraw_order(store, one.id[:13], "Desk 1", NOW_MS).withdrawn_by == "Desk 1"
    store.close()


def test_the_roster_is_told_to_the_realms_cars(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    taking.put_officer(store, REALM, Officer("1001", "First"), [KEY])
    taking.put_officer(store, "MB", Officer("1002"), [])
    assert store.officers(REALM) == (Officer("1001", "First"),)
    assert store.revisions(KEY) == (1, 0)
    taking.drop_officer(store, REALM, "1001", [KEY])
    assert store.officers(REALM) == ()
    store.close()


def test_what_crews_wrote_can_be_read(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    wrote = TextSent(id=new_id(), who=Who(unit=UNIT), text="Stigli smo", place=place(Lane.EVENT, 1))
    take(store, published(Lane.EVENT, wrote))
    archive = Archive(tmp_path / "hq.db")
    try:
        (told,) = asyncio.run(archive.told(("text-sent",), KEY, 10))
        assert (told.realm, told.unit) == KEY
        assert b"Stigli smo" in told.body
        assert asyncio.run(archive.told(("report-filed",), None, 10)) == []
    finally:
        archive.close()
        store.close()


def car(unit: str, lat_deg: float, realm: str = REALM) -> Unit:
    position = Position(lat_deg=lat_deg, lon_deg=14.5)
    return Unit(last=LastKnown(realm=realm, unit=unit, who=Who(unit=unit), position=position, position_ms=NOW_MS))


def alarm(unit: str = "LJ-102", **fields: object) -> Incident:
    known: dict[str, object] = {"incident": new_incident(), "realm": REALM, "unit": unit, "who": Who(unit=unit)}
    return Incident(**(known | {"position": LJUBLJANA} | fields))  # type: ignore[arg-type]


def test_the_nearest_patrols_of_the_realm_are_in_the_picture() -> None:
    cars = [car(UNIT, 46.0), car("LJ-103", 46.2), car("LJ-102", 46.1), car("MB-1", 46.0, "MB")]
    shown = picture.of(KEY, cars, [], NOW_MS)
    assert [one.unit for one in shown.units] == ["LJ-102", "LJ-103"]
    many = [car(UNIT, 46.0), *(car(f"LJ-{200 + n}", 46.0 + n / 100) for n in range(2 * MOST_NEIGHBOURS))]
    assert len(picture.of(KEY, many, [], NOW_MS).units) == MOST_NEIGHBOURS


def test_who_was_not_heard_for_long_is_not_in_it() -> None:
    old = car("LJ-102", 46.1)
    assert picture.of(KEY, [car(UNIT, 46.0), old], [], NOW_MS + picture.SHOWN_FOR_MS).units == ()
    there = replace(old, online=True)
    assert len(picture.of(KEY, [car(UNIT, 46.0), there], [], NOW_MS + picture.SHOWN_FOR_MS).units) == 1


@pytest.mark.promise("P-KIND-07")
@pytest.mark.parametrize(
    "hidden",
    [
        {"silent": True},
        {"kind": AlarmKind.TEST},
        {"cleared_by": "Desk 1"},
        {"unit": UNIT},
        {"realm": "MB"},
    ],
    ids=str,
)
def test_no_silent_alarm_no_test_and_none_that_is_over_is_in_it(hidden: dict[str, object]) -> None:
    shown = alarm()
    cars = [car(UNIT, 46.0)]
    assert [one.incident for one in picture.of(KEY, cars, [shown, alarm(**hidden)], NOW_MS).alarms] == [shown.incident]  # type: ignore[arg-type]


@pytest.mark.promise("P-KIND-03")
@pytest.mark.parametrize("kind", [AlarmKind.REAL, AlarmKind.EXERCISE])
def test_neighbours_are_told_whether_it_is_an_exercise_and_who_has_taken_it(kind: AlarmKind) -> None:
    (told,) = picture.of(KEY, [car(UNIT, 46.0)], [alarm(kind=kind, acknowledged_by="Desk 1")], NOW_MS).alarms
    assert (told.kind, told.acknowledged_by) == (kind, "Desk 1")


def test_a_car_that_stands_sends_its_neighbours_nothing_new() -> None:
    one, other = car("LJ-102", 46.10001), car("LJ-102", 46.10004)
    first, second = (picture.of(KEY, [units.unknown(KEY), there], [], NOW_MS) for there in (one, other))
    assert first == second
