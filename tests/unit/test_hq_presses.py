"""One press, one incident at headquarters: where it came first, whatever its car says of it after a crash."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec.structs import replace

from hq import acts, arrivals, capsules, incidents
from hq.arrivals import Publication
from hq.at_hand import MOST_ENDED
from hq.audit import What
from hq.incidents import Incident
from hq.marks import Mark, Weighed
from hq.receiver import Receiver
from hq.store import Store
from hq.taking import act
from terminal.contract.capsule import Told, alarm_body
from terminal.contract.identity import message_of_call, new_id, new_incident
from terminal.contract.messages import (
    Alarm,
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    Who,
    encode,
)
from terminal.contract.signed import SIGNATURE_BYTES, Parted
from terminal.contract.topics import Lane, UpTopic
from tests.unit.hq_scene import LJUBLJANA, NOW, NOW_MS, REALM, UNIT, store_at, take

FIRST, SECOND = new_incident(), new_incident()
"""The incidents that the car's first and second press are named after."""
WITHIN_S = 30.0


def said(what: type[Told], incident: str, call: str = "", **fields: Any) -> Told:
    """What the car tells in this incident of the press that `call` is named after."""
    message_id = message_of_call(call, fields.get("kind", AlarmKind.REAL)) if call else new_id()
    message: Told = what(id=message_id, who=Who(unit=UNIT), incident=incident, **fields)
    return message


BEGUN = said(AlarmRaised, FIRST, FIRST, position=LJUBLJANA)
RAISED = said(AlarmRaised, SECOND, SECOND, position=LJUBLJANA)
SIGNALLED = said(AlarmSignalled, FIRST, SECOND, signal=2)


def published(message: Alarm, weighed: Weighed | None = None) -> Publication:
    topic, body = UpTopic(REALM, UNIT, Lane.ALARM), encode(message)
    return arrivals.read(topic, body, lambda _topic, _body: weighed or Weighed(body))


def by_sms(message: Told) -> Publication:
    def weigh(_unit: tuple[str, str], _context: str, parts: Parted) -> Weighed:
        return Weighed(parts.body)

    return capsules.publication(alarm_body(REALM, UNIT, message) + b"S" * SIGNATURE_BYTES, weigh, "sms")


def known(store: Store) -> dict[str, Incident]:
    return {one.incident: one for one in store.incidents(MOST_ENDED)}


def revision(store: Store) -> int:
    return store.revisions((REALM, UNIT))[0]


def clear(store: Store, incident: str) -> None:
    act(store, (REALM, UNIT, incident), lambda one: acts.cleared(one, "Novak", "over", NOW_MS), NOW_MS)


@pytest.fixture
def cleared(tmp_path: Path) -> Store:
    """A store whose first incident is over."""
    store = store_at(tmp_path)
    take(store, published(BEGUN))
    clear(store, FIRST)
    return store


ORDERS = {
    "by the line": (published(RAISED), published(SIGNALLED)),
    "by SMS, then by the line": (by_sms(RAISED), published(SIGNALLED)),
    "by the line, then by SMS": (published(RAISED), by_sms(SIGNALLED)),
}


@pytest.mark.promise("P-PRESS-02")
@pytest.mark.promise("P-PRESS-18")
@pytest.mark.parametrize("way", ORDERS)
def test_a_press_that_began_an_incident_opens_no_other_one(cleared: Store, way: str) -> None:
    raised, signalled = ORDERS[way]
    take(cleared, raised)
    before = revision(cleared)
    taken = take(cleared, signalled)
    after = known(cleared)
    assert {name: one.is_open for name, one in after.items()} == {FIRST: False, SECOND: True}
    assert [len(after[name].presses) for name in (FIRST, SECOND)] == [1, 1]
    assert [after[name].signals for name in (FIRST, SECOND)] == [1, 1]
    assert revision(cleared) == before + 1, "the car is told"
    assert taken.incident_of(signalled) == (REALM, UNIT, SECOND)


@pytest.mark.promise("P-PRESS-02")
@pytest.mark.promise("P-PRESS-18")
@pytest.mark.parametrize("way", ORDERS)
def test_a_press_that_was_a_signal_begins_no_incident(tmp_path: Path, way: str) -> None:
    store = store_at(tmp_path)
    raised, signalled = (by_sms(RAISED) if "then by SMS" in way else published(RAISED)), published(SIGNALLED)
    take(store, published(BEGUN), by_sms(SIGNALLED) if way.startswith("by SMS") else signalled)
    before = revision(store)
    take(store, raised)
    assert {name: one.signals for name, one in known(store).items()} == {FIRST: 2}
    assert revision(store) == before + 1


def test_both_in_one_batch_are_one(cleared: Store) -> None:
    taken = take(cleared, published(RAISED), published(SIGNALLED))
    assert set(known(cleared)) == {FIRST, SECOND}
    assert not known(cleared)[FIRST].is_open
    assert set(taken.kept.new) == {published(RAISED).arrivals[0].key}


def test_a_press_that_is_told_again_opens_nothing_and_its_car_is_told_that_it_is_over(cleared: Store) -> None:
    before = revision(cleared)
    take(cleared, published(BEGUN))
    ended = known(cleared)[FIRST]
    assert (ended.is_open, ended.signals) == (False, 1)
    assert ended.told_revision == revision(cleared) == before + 1


def test_one_that_is_told_again_while_it_is_open_costs_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    take(store, published(BEGUN))
    take(store, published(SIGNALLED))
    before = revision(store)
    take(store, published(BEGUN), published(SIGNALLED))
    assert revision(store) == before


def test_whoever_has_taken_an_incident_need_not_take_it_again_for_a_press_that_is_elsewhere(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    take(store, published(BEGUN), published(RAISED))
    act(store, (REALM, UNIT, FIRST), lambda one: acts.acknowledged(one, "Kos", NOW_MS), NOW_MS)
    take(store, published(SIGNALLED))
    assert not known(store)[FIRST].is_untaken
    assert known(store)[SECOND].is_untaken
    take(store, published(said(AlarmSignalled, FIRST, new_incident(), signal=3)))
    assert known(store)[FIRST].is_untaken, "a later one does want a person"


def test_a_later_press_in_an_incident_that_began_elsewhere_is_in_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    third = said(AlarmSignalled, SECOND, new_incident(), signal=2)
    take(store, published(BEGUN), published(SIGNALLED), published(RAISED), published(third))
    assert {name: one.is_open for name, one in known(store).items()} == {FIRST: True, SECOND: True}
    assert [len(one.presses) for one in known(store).values()].count(1) == 1


def test_a_car_is_told_what_has_become_of_each_press_since_it_may_have_forgotten_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    told = []
    for message in (said(AlarmCancelled, FIRST, signals=1), BEGUN, SIGNALLED, said(AlarmCancelled, FIRST, signals=2)):
        take(store, published(message))
        told.append(revision(store))
    assert told == [1, 2, 3, 3]


def test_that_it_was_a_mistake_begins_no_incident_where_the_press_is_in_another_one(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    take(store, published(BEGUN), published(SIGNALLED), published(RAISED))
    mistake = published(said(AlarmCancelled, SECOND, signals=1))
    before = revision(store)
    taken = take(store, mistake)
    assert set(known(store)) == {FIRST}
    assert not known(store)[FIRST].cancelled, "it speaks of presses by another count"
    assert revision(store) == before + 1, "its car is told"
    assert taken.again == {mistake.arrivals[0].key}


def test_a_mistake_counts_in_an_incident_that_another_press_began_in_the_same_batch(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    take(store, published(BEGUN), published(SIGNALLED), published(RAISED))
    news, mistake = said(AlarmSignalled, SECOND, signal=2), said(AlarmCancelled, SECOND, signals=2)
    take(store, published(news), published(mistake))
    assert known(store)[SECOND].cancelled


def test_a_cancellation_that_overtakes_its_press_begins_the_incident_all_the_same(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    take(store, published(said(AlarmCancelled, FIRST, signals=1)))
    take(store, published(BEGUN))
    assert (known(store)[FIRST].cancelled, known(store)[FIRST].signals) == (True, 1)


def test_a_test_that_is_told_again_as_a_real_one_is_in_no_test(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    first, tried = new_incident(), {"kind": AlarmKind.TEST}
    take(store, published(said(AlarmRaised, first, first, **tried)))
    take(store, published(said(AlarmSignalled, first, SECOND, signal=2, **tried)), published(RAISED))
    assert {name: one.kind for name, one in known(store).items()} == {first: AlarmKind.TEST, SECOND: AlarmKind.REAL}


@pytest.mark.parametrize("mark", [Mark.WRONG, Mark.MISSING, Mark.EXPIRED])
def test_what_is_signed_less_well_takes_no_press_away(tmp_path: Path, mark: Mark) -> None:
    store = store_at(tmp_path)
    forged = Weighed(encode(SIGNALLED), mark, credible=mark is not Mark.WRONG)
    take(store, published(BEGUN), published(SIGNALLED, forged))
    take(store, published(RAISED, Weighed(encode(RAISED), Mark.VERIFIED)))
    assert known(store)[SECOND].is_open


def test_presses_that_were_given_one_number_are_counted_by_their_names(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    others = [published(said(AlarmSignalled, FIRST, new_incident(), signal=2)) for _ in range(2)]
    take(store, published(BEGUN), others[0])
    act(store, (REALM, UNIT, FIRST), lambda one: acts.acknowledged(one, "Kos", NOW_MS), NOW_MS)
    take(store, others[1])
    assert (known(store)[FIRST].signals, known(store)[FIRST].is_untaken) == (3, True)


def test_every_message_is_in_the_log_with_the_incident_that_it_is_in(cleared: Store) -> None:
    take(cleared, by_sms(RAISED))
    take(cleared, published(SIGNALLED))
    rows = cleared._db.execute("SELECT CAST(body AS TEXT) FROM audit ORDER BY seq").fetchall()
    told = [body for (body,) in rows if f'"{What.ALARM_SIGNALLED}"' in body]
    assert len(told) == 1
    assert SECOND in told[0]


def test_who_asks_by_sms_is_answered_for_the_incident_that_its_press_is_in(cleared: Store) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    async def story() -> Incident:
        receiver = Receiver(
            cleared, lambda event, fields: told.append((event, fields)), lambda *_: None, clock=lambda: NOW
        )
        running = asyncio.create_task(receiver.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                await receiver.keep(by_sms(RAISED))
                return (await receiver.keep(by_sms(SIGNALLED)))[0]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    incident = asyncio.run(story())
    assert incident.incident == SECOND
    assert ("alarm-came-again", SECOND) in [(event, fields.get("incident")) for event, fields in told]


def test_a_store_of_the_version_before_knows_where_its_presses_are(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    take(store, published(BEGUN), published(RAISED))
    store.close()
    older = apsw.Connection(str(tmp_path / "hq.db"))
    older.execute("DROP TABLE presses; PRAGMA user_version = 5")
    older.close()
    store = store_at(tmp_path)
    take(store, by_sms(SIGNALLED))
    assert [one.signals for one in (known(store)[FIRST], known(store)[SECOND])] == [1, 1]
    assert len(known(store)[FIRST].presses) == 1
    store.close()


def test_the_car_is_told_by_their_number_alone_of_more_presses_than_are_named() -> None:
    incident = Incident(incident=FIRST, realm=REALM, unit=UNIT, who=Who(unit=UNIT), presses=("a", "b"))
    assert incidents.status(incident, NOW_MS).presses == ("a", "b")
    many = replace(incident, presses=tuple(str(one) for one in range(incidents.MOST_PRESSES)))
    assert incidents.status(many, NOW_MS).presses == ()
