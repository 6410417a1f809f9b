"""Headquarters keeps every message once, knows what is missing, and tells two cards apart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hq import acts, escalation, taking
from hq.arrivals import Account, Publication
from hq.at_hand import MOST_ENDED
from hq.escalation import Step
from hq.incidents import Incident, NotPossible
from hq.receipts import receipts
from hq.store import Store
from hq.units import LastKnown
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import AlarmKind, AlarmRaised, AlarmSignalled, StateConfirmed, Thinned, Who
from terminal.contract.topics import Lane
from tests.unit.hq_scene import NOW, NOW_MS, OUTBOX, REALM, UNIT, duty, place, published, raised, store_at, take, track


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = store_at(tmp_path)
    yield opened
    opened.close()


def noticed(incident: Incident) -> Incident:
    """Something that a person did, and that changes the incident each time."""
    return replace(incident, reason=f"{incident.reason}.")


def missing(store: Store) -> list[tuple[Lane, int, int]]:
    return [(gap.lane, gap.first, gap.last) for gap in store.gaps()]


@pytest.mark.promise("P-RECEIPT-03")
def test_a_repeat_is_stored_once_and_receipted_again(store: Store) -> None:
    one = duty(1)
    assert take(store, one).kept.new == {one.arrivals[0].key: one.arrivals[0].id}
    again = take(store, one, one)
    assert again.kept.new == {}
    assert store.count() == {"messages": 1, "points": 0}
    assert receipts("e", one.arrivals, again.kept.clashes) == receipts("e", one.arrivals, frozenset())


@pytest.mark.promise("P-RECEIPT-06")
def test_what_later_messages_came_without_is_a_gap_until_it_is_here(store: Store) -> None:
    take(store, track(3, 4), duty(1), duty(5))
    assert missing(store) == [(Lane.EVENT, 2, 4), (Lane.TRACK, 1, 2)]
    take(store, track(1), duty(3))
    assert missing(store) == [(Lane.EVENT, 2, 2), (Lane.EVENT, 4, 4), (Lane.TRACK, 2, 2)]
    take(store, track(2), duty(4), duty(2))
    assert missing(store) == []


@pytest.mark.promise("P-RECEIPT-06")
def test_what_the_car_gave_up_is_no_gap(store: Store) -> None:
    told = Thinned(
        id=new_id(), who=Who(unit=UNIT), lane=Lane.TRACK, dropped=((1, 3), (7, 8)), place=place(Lane.EVENT, 1)
    )
    take(store, track(4, 5, 6, 9, 12), published(Lane.EVENT, told))
    assert missing(store) == [(Lane.TRACK, 10, 11)]


@pytest.mark.promise("P-SIGN-03")
def test_that_an_alarm_was_given_up_is_not_believed_of_anybody(store: Store) -> None:
    told = Thinned(id=new_id(), who=Who(unit=UNIT), lane=Lane.ALARM, dropped=((1, 1),), place=place(Lane.EVENT, 1))
    take(store, published(Lane.EVENT, told), raised(place=place(Lane.ALARM, 2)))
    assert missing(store) == [(Lane.ALARM, 1, 1)]


def test_what_was_given_up_of_an_outbox_that_has_another_id_by_now_is_no_gap_there(store: Store) -> None:
    told = Thinned(
        id=new_id(),
        who=Who(unit=UNIT),
        outbox=OUTBOX,
        lane=Lane.TRACK,
        dropped=((1, 1),),
        place=place(Lane.EVENT, 1, new_id()),
    )
    take(store, track(2), published(Lane.EVENT, told))
    assert missing(store) == []


@pytest.mark.promise("P-RECEIPT-06")
@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=6, unique=True), max_size=12))
def test_gaps_are_what_a_set_of_places_says(tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]) -> None:
    store = store_at(tmp_path_factory.mktemp("store"))
    seen: set[int] = set()
    for seqs in batches:
        take(store, *(duty(seq) for seq in seqs if seq not in seen))
        seen |= set(seqs)
    gone = {seq for _, first, last in missing(store) for seq in range(first, last + 1)}
    assert gone == set(range(1, max(seen, default=1))) - seen
    store.close()


@pytest.mark.promise("P-RECEIPT-08")
def test_two_messages_at_one_place_mean_two_cards_and_both_are_kept(store: Store) -> None:
    mine, others = duty(1), duty(1)
    take(store, mine)
    taken = take(store, others)
    assert taken.kept.clashes == {Account(REALM, UNIT, OUTBOX)}
    assert store.count()["messages"] == 2
    told = [receipt for *_, receipt in receipts("e", others.arrivals, taken.kept.clashes)]
    assert [(receipt.clash, receipt.stored) for receipt in told] == [(True, ())]


def test_a_shared_account_is_told_so_at_every_message_and_has_no_gaps(store: Store) -> None:
    take(store, duty(1), duty(1), duty(9))
    assert take(store, duty(10)).kept.clashes == {Account(REALM, UNIT, OUTBOX)}
    assert missing(store) == []


@pytest.mark.promise("P-RECEIPT-08")
def test_another_car_with_the_same_outbox_touches_no_account_but_its_own(store: Store) -> None:
    take(store, duty(1), duty(3))
    taken = take(store, duty(1, unit="LJ-666"), duty(2, unit="LJ-666"))
    assert taken.kept.clashes == frozenset()
    assert [(gap.unit, gap.first) for gap in store.gaps()] == [(UNIT, 2)]


@pytest.mark.promise("P-RECEIPT-05")
def test_receipts_name_runs_by_the_digest_of_their_ids(store: Store) -> None:
    batch = track(1, 2, 5)
    take(store, batch)
    ((realm, unit, receipt),) = receipts("epoch", batch.arrivals, frozenset())
    ids = [one.id for one in batch.arrivals]
    assert (realm, unit, receipt.epoch, receipt.outbox, receipt.lane) == (REALM, UNIT, "epoch", OUTBOX, Lane.TRACK)
    assert [(run.first, run.last, run.digest) for run in receipt.stored] == [
        (1, 2, digest_of_ids(ids[:2])),
        (5, 5, digest_of_ids(ids[2:])),
    ]


def test_an_alarm_without_a_place_is_receipted_by_its_id(store: Store) -> None:
    alarm = raised()
    take(store, alarm)
    assert [receipt.ids for *_, receipt in receipts("e", alarm.arrivals, frozenset())] == [(alarm.arrivals[0].id,)]


def test_points_keep_their_sender(store: Store) -> None:
    take(store, track(1, 2), track(1, unit="LJ-102"))
    assert store.count()["points"] == 3


@pytest.mark.promise("P-HQ-03")
def test_incidents_cars_and_revisions_outlive_the_process(store: Store, tmp_path: Path) -> None:
    alarm = raised()
    key = next(iter(take(store, alarm).incidents))
    last = LastKnown(realm=REALM, unit=UNIT, who=Who(unit=UNIT, call_sign="Sava 1"), duty="available")
    taking.take(store, [], [last], NOW)
    taking.act(store, key, noticed, NOW_MS)
    epoch = store.epoch
    store.close()
    again = store_at(tmp_path)
    assert again.incident(key) is not None
    assert [one.key for one in again.incidents(MOST_ENDED)] == [key]
    assert again.units() == [last]
    assert (again.epoch, again.revisions((REALM, UNIT))) == (epoch, (2, 0))
    again.close()


def test_a_confirmed_revision_never_goes_back(store: Store) -> None:
    key = next(iter(take(store, raised()).incidents))
    for _ in range(2):
        taking.act(store, key, noticed, NOW_MS)
    for seq, revision in enumerate((3, 2), 1):
        confirmed = StateConfirmed(id=new_id(), who=Who(unit=UNIT), revision=revision, place=place(Lane.EVENT, seq))
        take(store, published(Lane.EVENT, confirmed))
    assert store.revisions((REALM, UNIT)) == (3, 3)


def confirmation(seq: int, revision: int, epoch: str) -> Publication:
    message = StateConfirmed(
        id=new_id(), who=Who(unit=UNIT), revision=revision, epoch=epoch, place=place(Lane.EVENT, seq)
    )
    return published(Lane.EVENT, message)


def test_what_was_confirmed_to_the_store_before_a_backup_confirms_nothing_to_the_restored_one(store: Store) -> None:
    key = next(iter(take(store, raised()).incidents))
    taking.act(store, key, noticed, NOW_MS)
    take(store, confirmation(1, 1, store.epoch))
    before = store.epoch
    taking.new_epoch(store, NOW_MS)
    assert store.revisions((REALM, UNIT)) == (2, 0), "every car is told again"
    take(store, confirmation(2, 8, before))
    assert store.revisions((REALM, UNIT)) == (2, 0)
    take(store, confirmation(3, 2, store.epoch))
    assert store.revisions((REALM, UNIT)) == (2, 2)


def test_a_chain_is_proved_by_the_cars_confirmation_of_an_answer_to_its_alarm(store: Store, tmp_path: Path) -> None:
    assert store.proved() == {}
    assert take(store, confirmation(1, 0, store.epoch)).proved == {}, "it says nothing of an alarm"
    key = next(iter(take(store, raised(kind=AlarmKind.TEST)).incidents))
    assert take(store, confirmation(2, 1, store.epoch)).proved == {}, "that it was told of it answers nothing"
    taking.act(store, key, lambda one: acts.closed_test(one, NOW_MS + 10), NOW_MS + 10)
    assert take(store, confirmation(3, 2, "another life of the store")).proved == {}
    assert take(store, confirmation(4, 2, store.epoch)).proved == {(REALM, UNIT): NOW_MS}
    assert take(store, confirmation(5, 2, store.epoch)).proved == {}, "it was told"
    store.close()
    again = store_at(tmp_path)
    assert again.proved() == {(REALM, UNIT): NOW_MS}
    again.close()


def test_an_escalation_proves_nothing_and_tells_the_car_nothing(store: Store) -> None:
    key = next(iter(take(store, raised()).incidents))
    taking.act(store, key, lambda one: escalation.done(one, NOW, Step.ALL_DESKS), NOW_MS, told_to_car=False)
    assert store.revisions((REALM, UNIT)) == (1, 0), "only of the alarm itself"
    assert take(store, confirmation(1, 9, store.epoch)).proved == {}


def test_a_press_that_opens_an_incident_again_is_news_for_its_car(store: Store) -> None:
    alarm = raised()
    assert isinstance(alarm.message, AlarmRaised)
    key = next(iter(take(store, alarm).incidents))
    taking.act(store, key, lambda one: acts.cleared(one, "Dispatcher 7", "over", NOW_MS), NOW_MS)
    again = AlarmSignalled(id=new_id(), who=Who(unit=UNIT), incident=alarm.message.incident, signal=2)
    take(store, published(Lane.ALARM, again))
    assert store.revisions((REALM, UNIT)) == (3, 0)


@pytest.mark.promise("P-HQ-07")
def test_an_act_that_is_not_possible_changes_nothing(store: Store) -> None:
    def refuse(_: object) -> object:
        raise NotPossible("no")

    key = next(iter(take(store, raised()).incidents))
    with pytest.raises(NotPossible):
        taking.act(store, key, refuse, NOW_MS)  # type: ignore[arg-type]
    assert store.revisions((REALM, UNIT)) == (1, 0), "only of the alarm itself"


def test_a_new_epoch_is_kept(store: Store, tmp_path: Path) -> None:
    before = store.epoch
    after = taking.new_epoch(store, NOW_MS)
    store.close()
    again = store_at(tmp_path)
    assert before != after == again.epoch
    again.close()


def test_a_store_that_is_no_store_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hq.db").mkdir()
    with pytest.raises(DiskFailed, match=r"hq\.db"):
        store_at(tmp_path)
