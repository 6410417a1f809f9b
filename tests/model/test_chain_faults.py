"""What the machine of the chain must find: a fault of each kind that it is there for, planted at either end."""

from collections.abc import Callable, Sequence
from uuid import uuid4

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from hq.arrivals import Publication
from hq.owed import Entry
from hq.receipts import receipts
from hq.receiver import Receiver
from terminal.core import calling, proofs
from terminal.core.emergency import Emergency, Step
from tests.model.test_chain_machine import QUICK, Chain

SEEKING = settings(QUICK, max_examples=40, phases=[Phase.generate], report_multiple_bugs=False)


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


@pytest.mark.promise("P-RECEIPT-17")
@pytest.mark.parametrize(
    "fault",
    [
        a_press_told_again_is_another_incident,
        what_the_disk_refused_is_stored,
        an_older_answer_takes_the_place_of_a_newer,
        pytest.param(what_headquarters_disk_refused_is_receipted, marks=pytest.mark.long),
        pytest.param(a_brokers_word_is_a_receipt, marks=pytest.mark.long),
    ],
)
def test_a_fault_is_found(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Chain, settings=SEEKING)
