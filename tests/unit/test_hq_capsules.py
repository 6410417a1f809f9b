"""Alarms that come to headquarters by SMS, before or after the same by a broker, or alone."""

from itertools import permutations
from pathlib import Path

import pytest
from msgspec.structs import replace

from hq import acts, capsules, incidents
from hq.arrivals import Publication
from hq.incidents import Incident
from hq.marks import Mark
from hq.routes import Back
from terminal.contract.capsule import (
    MOST_BYTES,
    AlarmCapsule,
    AnswerCapsule,
    ReceiptCapsule,
    Told,
    alarm_body,
    read,
    receipt_body,
    tail_of,
)
from terminal.contract.messages import AlarmKind, AlarmRaised, Malformed, Trigger
from terminal.contract.topics import MQTT
from tests.unit.capsule_scene import (
    CANCELLED,
    CAR,
    INCIDENT,
    NOW_MS,
    RAISED,
    REALM,
    SEAL,
    SIGNALLED,
    UNIT,
    WHO,
    Desk,
    capsule,
    played,
    weigh_all,
)


def by_sms(message: Told) -> Told:
    """What is left of it."""
    capsule = read(alarm_body(REALM, UNIT, message))
    assert isinstance(capsule, AlarmCapsule)
    return capsule.message


def after(*told: tuple[Told, str], incident: Incident | None = None) -> Incident:
    for message, bearer in told:
        incident = incidents.told(incident, REALM, UNIT, message, NOW_MS, bearer=bearer)
    assert incident is not None
    return incident


BACK = Back("sms", CAR, INCIDENT, tail_of(SIGNALLED.id))


@pytest.mark.promise("P-BEARER-04")
def test_brokers_and_sms_lead_to_the_same_incident_in_any_order_and_however_often() -> None:
    told = [(RAISED, MQTT), (by_sms(RAISED), "sms"), (by_sms(SIGNALLED), "sms"), (SIGNALLED, MQTT)]
    told += [(by_sms(CANCELLED), "sms"), (CANCELLED, MQTT)]
    ends = {replace(after(*order, *order[:2]), bearers=("any",), position=None) for order in permutations(told)}
    (end,) = ends
    assert (end.signals, end.cancelled, end.kind, end.silent) == (2, True, AlarmKind.EXERCISE, True)
    assert (end.who, end.track, end.trigger) == (WHO, RAISED.track, Trigger.SCREEN), "no SMS takes anything away"


def test_an_incident_that_came_by_sms_alone_says_all_that_an_sms_can() -> None:
    alone = after((by_sms(SIGNALLED), "sms"))
    assert (alone.kind, alone.silent, alone.signals, alone.bearers) == (AlarmKind.EXERCISE, True, 2, ("sms",))


@pytest.mark.parametrize(
    ("first", "again"),
    [((by_sms(RAISED), "sms"), (RAISED, MQTT)), ((RAISED, MQTT), (by_sms(RAISED), "sms"))],
)
def test_a_press_that_comes_again_by_another_way_after_the_clearance_opens_nothing(
    first: tuple[Told, str], again: tuple[Told, str]
) -> None:
    cleared = acts.cleared(after(first), "Novak", "false alarm", NOW_MS)
    assert incidents.knows(cleared, again[0])
    assert not after(again, incident=cleared).is_open
    assert after((by_sms(SIGNALLED), "sms"), incident=cleared).is_open, "a new press is a new press, by any way"


def test_what_stands_in_an_sms_is_kept_byte_for_byte_beside_its_message() -> None:
    data = capsule(RAISED)
    publication = capsules.publication(data, weigh_all, "sms", ("sms", CAR))
    assert isinstance(publication.message, AlarmRaised)
    (arrival,) = publication.arrivals
    assert (publication.realm, publication.unit, publication.bearer) == (REALM, UNIT, "sms")
    assert (publication.mark, publication.credible) == (Mark.VERIFIED, True)
    assert tail_of(arrival.id) == tail_of(RAISED.id)
    assert b'"type":"alarm-raised"' in arrival.body


def test_an_unsigned_one_stands_under_an_id_of_its_own() -> None:
    good, bad = (capsules.publication(capsule(RAISED, signature), weigh_all, "sms") for signature in (SEAL, bytes(64)))
    assert (bad.mark, bad.credible) == (Mark.MISSING, False)
    assert bad.arrivals[0].id != good.arrivals[0].id
    assert tail_of(bad.arrivals[0].id) != tail_of(RAISED.id)


def test_a_receipt_is_no_alarm() -> None:
    with pytest.raises(Malformed, match="expected an alarm"):
        capsules.publication(receipt_body(ReceiptCapsule(incident=INCIDENT, tail=bytes(8))) + SEAL, weigh_all, "sms")


@pytest.mark.promise("P-SHOW-01")
def test_an_answer_speaks_of_the_presses_that_whoever_took_it_knew_of() -> None:
    again = after((SIGNALLED, "sms"), incident=acts.acknowledged(after((RAISED, MQTT)), "Novak", NOW_MS))
    ended = acts.cleared(again, "Kos", "over", NOW_MS, seen=2)
    told = [read(capsules.answer(BACK, incident, "e", MOST_BYTES)) for incident in (again, ended)]
    assert [one.signals for one in told if isinstance(one, AnswerCapsule)] == [1, 2]


@pytest.mark.promise("P-SHOW-01")
def test_a_receipt_names_nobody_who_has_not_taken_the_newest_press() -> None:
    taken = acts.acknowledged(after((RAISED, MQTT)), "Novak", NOW_MS)
    again = after((SIGNALLED, "sms"), incident=taken)
    anew = acts.acknowledged(again, "Novak", NOW_MS)
    told = [read(capsules.receipt(BACK, incident, MOST_BYTES)) for incident in (taken, again, anew)]
    assert [one.acknowledged_by for one in told if isinstance(one, ReceiptCapsule)] == ["Novak", "", "Novak"]


def test_what_is_no_capsule_is_told_with_its_size_and_nothing_of_what_was_in_it(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for data in (b"", b"your balance is 3.20", bytes(124), capsule(RAISED)[:-1]):
            with pytest.raises(Malformed):
                await desk.took(data)
        assert desk.told("capsule-not-understood") == 4
        assert "balance" not in str(desk.events)

    played(tmp_path, story)


def test_publications_of_cars_and_of_gateways_are_the_same_to_the_store() -> None:
    publication = capsules.publication(capsule(SIGNALLED), weigh_all, "sms")
    assert isinstance(publication, Publication)
    assert publication.arrivals[0].place is None
