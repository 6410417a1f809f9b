"""What the machine of the chain must find: a fault of each kind that it is there for, planted at either end."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from hq import capsules, incidents
from hq.arrivals import Publication
from hq.incidents import Incident
from hq.intake import Intake
from hq.owed import Entry
from hq.receipts import receipts
from hq.receiver import Receiver
from terminal.contract.capsule import MOST_BYTES, AnswerCapsule, Told
from terminal.contract.mqtt import Broker
from terminal.contract.topics import MQTT
from terminal.core import calling, carrying, proofs
from terminal.core.alarm import Alarm
from terminal.core.carrying import Carrying
from terminal.core.emergency import Emergency, Step
from terminal.core.inputs import Published
from terminal.core.moment import Moment
from terminal.uplink.carrier import Carrier
from terminal.uplink.session import Session
from tests.model.test_chain_machine import QUICK, Chain

SEEKING = settings(QUICK, max_examples=60, phases=[Phase.generate], report_multiple_bugs=False)
SEEKING_LONG = settings(SEEKING, max_examples=300)


def a_brokers_word_is_a_receipt(plant: pytest.MonkeyPatch) -> None:
    published = proofs.published

    def faulty(emergency: Emergency, ids: tuple[str, ...], bearer: str) -> Step:
        emergency, effects = published(emergency, ids, bearer)
        alarms = tuple(
            replace(alarm, told=tuple(replace(one, received_by=one.sent_by) for one in alarm.told))
            for alarm in emergency.alarms
        )
        return replace(emergency, alarms=alarms), effects

    plant.setattr(proofs, "published", faulty)


def what_the_disk_refused_is_stored(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(proofs, "store_failed", proofs.stored)


def a_press_told_again_is_another_incident(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(calling, "incident_of_press", lambda *_: str(uuid4()))


def what_headquarters_disk_refused_is_receipted(plant: pytest.MonkeyPatch) -> None:
    take = Receiver._take

    async def faulty(receiver: Receiver, owed: Sequence[Entry], batch: Sequence[Publication]) -> None:
        await take(receiver, owed, batch)
        came = [one for publication in batch for one in publication.arrivals]
        for realm, unit, receipt in receipts(receiver.epoch, came, frozenset()):
            receiver._send_receipt(realm, unit, receipt)

    plant.setattr(Receiver, "_take", faulty)


def an_older_answer_takes_the_place_of_a_newer(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(proofs, "is_overtaken", lambda *_: False)


def an_older_answer_by_sms_takes_the_place_of_a_newer(plant: pytest.MonkeyPatch) -> None:
    answered = proofs.answered_beside

    def faulty(emergency: Emergency, answer: AnswerCapsule, moment: Moment) -> Step:
        before = emergency.answer
        after, effects = answered(replace(emergency, answer=(before[0], 0)), answer, moment)
        return replace(after, answer=max(before, after.answer)), effects

    plant.setattr(proofs, "answered_beside", faulty)


def what_another_store_had_is_received(plant: pytest.MonkeyPatch) -> None:
    def faulty(emergency: Emergency, epoch: str, _moment: Moment) -> Step:
        return replace(emergency, epoch=epoch or emergency.epoch), []

    plant.setattr(proofs, "in_store", faulty)


def only_the_first_broker_is_tried(plant: pytest.MonkeyPatch) -> None:
    begun = Session.__init__

    def faulty(session: Session, realm: str, who: Any, brokers: tuple[Broker, ...], *rest: Any, **more: Any) -> None:
        begun(session, realm, who, brokers[:1], *rest, **more)

    plant.setattr(Session, "__init__", faulty)


def an_sms_is_a_brokers_receipt(plant: pytest.MonkeyPatch) -> None:
    received = proofs.received

    def faulty(emergency: Emergency, ids: tuple[str, ...], _bearer: str, moment: Moment) -> Step:
        return received(emergency, ids, MQTT, moment)

    plant.setattr(proofs, "received", faulty)


def what_the_modem_refused_is_sent(plant: pytest.MonkeyPatch) -> None:
    send = Carrier._send_one

    async def faulty(carrier: Carrier, message: Told) -> None:
        await send(carrier, message)
        carrier._tell(Published((message.id,), carrier._bearer.name))

    plant.setattr(Carrier, "_send_one", faulty)


def sms_has_no_cap(plant: pytest.MonkeyPatch) -> None:
    due = carrying._next

    def faulty(alarm: Alarm, bearer: str, rules: Carrying, down_ns: int | None, moment: Moment) -> Told | None:
        return due(alarm, bearer, replace(rules, most_per_incident=100), down_ns, moment)

    plant.setattr(carrying, "_next", faulty)


def an_sms_is_answered_before_it_is_on_disk(plant: pytest.MonkeyPatch) -> None:
    took = Intake.took

    async def faulty(intake: Intake, gateway: str, data: bytes, to: str) -> Incident:
        publication = capsules.publication(data, intake._weigh, gateway, (gateway, to))
        assert publication.back is not None
        assert isinstance(publication.message, Told)
        message, telling = publication.message, intake._telling
        begun = Incident(incident=message.incident, realm="LJ", unit="LJ-101", who=message.who)
        body = capsules.receipt(publication.back, begun, MOST_BYTES)
        await telling._post.send(gateway, to, body + telling._seal(body))
        return await took(intake, gateway, data, to)

    plant.setattr(Intake, "took", faulty)


def an_sms_counts_as_a_press_of_its_own(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(incidents, "press_of", lambda message_id: message_id)


QUICK_FAULTS = (
    a_press_told_again_is_another_incident,
    what_the_disk_refused_is_stored,
    an_older_answer_takes_the_place_of_a_newer,
    only_the_first_broker_is_tried,
    an_sms_is_a_brokers_receipt,
)
LONG_FAULTS = (
    what_headquarters_disk_refused_is_receipted,
    a_brokers_word_is_a_receipt,
    an_older_answer_by_sms_takes_the_place_of_a_newer,
    what_another_store_had_is_received,
    what_the_modem_refused_is_sent,
    sms_has_no_cap,
    an_sms_is_answered_before_it_is_on_disk,
    an_sms_counts_as_a_press_of_its_own,
)


@pytest.mark.promise("P-RECEIPT-17")
@pytest.mark.parametrize("fault", [*QUICK_FAULTS, *(pytest.param(one, marks=pytest.mark.long) for one in LONG_FAULTS)])
def test_a_fault_is_found(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Chain, settings=SEEKING if fault in QUICK_FAULTS else SEEKING_LONG)
