"""What the screen says that headquarters has is in the store that it has now: duty, jobs, texts, reports."""

from typing import Any

import msgspec
import pytest

from terminal.asked import AnswerJob, FileReport, RaiseAlarm, SendText, SetDuty, WorkCommand
from terminal.contract.messages import AlarmStatus, DesiredState, DutyChanged, Event, Heartbeat
from terminal.contract.work import Job, JobStep
from terminal.core.duty import Duty
from terminal.core.effects import SaveWork, StoreEvent
from terminal.core.inputs import Commanded, HeartbeatHeard, Received, Restored, StateDesired, Unreceipted
from terminal.core.state import State
from terminal.core.work import Work
from tests.unit.core_scene import RULES, Car, of_type

JOB = Job(job="J1", title="Tree on the road", step=JobStep.ACCEPTED)
OLD, NEW = "old", "new"
NOTHING = {"duty": False, "jobs": [False], "sent": [False], "filed": False}
EVERYTHING = {"duty": True, "jobs": [True], "sent": [True], "filed": True}


def has(car: Car) -> dict[str, Any]:
    """What the screen says that headquarters has."""
    shown = car.shown
    assert shown.filed is not None
    return {
        "duty": shown.duty.received,
        "jobs": [one.received for one in shown.jobs],
        "sent": [one.received for one in shown.sent],
        "filed": shown.filed.received,
    }


def beat(epoch: str) -> HeartbeatHeard:
    return HeartbeatHeard(Heartbeat(epoch=epoch, storing=True, attended=True))


def job_told(epoch: str, step: JobStep = JobStep.ACCEPTED, revision: int = 1) -> StateDesired:
    job = msgspec.structs.replace(JOB, step=step)
    return StateDesired(DesiredState(revision=revision, epoch=epoch, jobs=(job,)))


def says(car: Car, *commands: SetDuty | WorkCommand) -> tuple[str, ...]:
    """The ids of the messages in which the crew says it."""
    messages: list[Event] = []
    for command in commands:
        messages += [effect.message for effect in of_type(car.take(Commanded(command)), StoreEvent)]
    return tuple(message.id for message in messages)


def busy() -> tuple[Car, tuple[str, ...]]:
    """A car of which headquarters' old store has everything, and the messages that told of it."""
    car = Car()
    car.take(Restored(None, None))
    car.take(beat(OLD))
    car.take(job_told(OLD))
    ids = says(car, SetDuty(status="busy"), SendText(text="Stigli smo"), FileReport(form="group"))
    assert has(car) == NOTHING | {"jobs": [True]}
    car.take(Received(ids, epoch=OLD))
    assert has(car) == EVERYTHING
    return car, ids


def work_of(car: Car) -> Work:
    return msgspec.json.decode(msgspec.json.encode(car.state.work), type=Work)


@pytest.mark.promise("P-RECEIPT-07")
def test_what_another_store_had_is_said_to_be_there_once_the_present_one_has_it() -> None:
    car, ids = busy()
    assert len(of_type(car.take(beat(NEW)), SaveWork)) == 1
    assert has(car) == NOTHING
    car.take(Received(ids, epoch=OLD))
    assert has(car) == NOTHING, "a receipt that was under way since before"
    car.take(Received(ids[:2], epoch=NEW))
    assert has(car) == NOTHING | {"duty": True, "sent": [True]}
    car.take(Received(ids, epoch=NEW))
    car.take(job_told(NEW))
    assert has(car) == EVERYTHING
    assert car.take(beat(NEW)) == []
    assert has(car) == EVERYTHING


def test_an_answer_to_a_job_is_there_when_the_present_store_says_so() -> None:
    car, _ = busy()
    says(car, AnswerJob(job="J1", step=JobStep.EN_ROUTE))
    car.take(job_told(OLD, JobStep.EN_ROUTE, 2))
    car.take(beat(NEW))
    car.take(job_told(NEW))
    assert has(car)["jobs"] == [False], "a backup from before it"
    car.take(job_told(NEW, JobStep.EN_ROUTE, 2))
    assert has(car)["jobs"] == [True]


def test_of_a_job_that_the_crew_has_said_nothing_of_nothing_is_missing() -> None:
    car = Car()
    car.take(Restored(None, None))
    car.take(beat(OLD))
    car.take(job_told(OLD, JobStep.SENT))
    car.take(beat(NEW))
    assert [one.received for one in car.shown.jobs] == [True]


def test_a_receipt_before_the_first_heartbeat_names_the_store_too() -> None:
    car = Car()
    car.take(Restored(None, None))
    ids = says(car, SetDuty(status="busy"))
    car.take(Received(ids, epoch=OLD))
    assert car.shown.duty.received
    car.take(beat(NEW))
    assert not car.shown.duty.received


def test_after_a_restart_what_the_outbox_has_receipts_of_is_there() -> None:
    car, ids = busy()
    car.take(beat(NEW))
    again = restarted(work_of(car))
    again.take(Received(ids, epoch=NEW, recalled=True))
    assert has(again) == EVERYTHING | {"duty": False, "jobs": [False]}


def test_after_a_restart_receipts_of_another_store_than_the_last_run_knew_prove_nothing() -> None:
    car, ids = busy()
    for heard in ((), (beat(NEW),)):
        again = restarted(work_of(car))
        for told in heard:
            again.take(told)
        again.take(Received(ids, epoch=NEW if not heard else OLD, recalled=True))
        assert has(again) == NOTHING


def test_a_duty_status_that_the_outbox_has_no_more_is_told_anew_and_one_that_it_has_is_not() -> None:
    car, ids = busy()
    car.take(beat(NEW))
    assert car.take(Unreceipted((), frozenset(ids))) == []
    (told,) = of_type(car.take(Unreceipted((), frozenset(ids[1:]))), StoreEvent)
    assert isinstance(told.message, DutyChanged)
    assert told.message.status == "busy"
    car.take(Received((told.message.id,), epoch=NEW))
    assert car.shown.duty.received
    assert car.take(Unreceipted(())) == [], "it has come meanwhile"


def test_a_store_that_is_heard_of_before_the_disk_gives_what_was_said_counts() -> None:
    car, ids = busy()
    late = Car(State(duty=Duty("available")))
    for epoch in ("older", NEW):
        late.take(beat(epoch))
    assert of_type(late.effects, SaveWork) == [], "the saved work is not known yet"
    late.take(Restored(None, None, work_of(car)))
    assert has(late) == NOTHING
    late.take(Received(ids, epoch=NEW))
    assert has(late) == NOTHING | {"sent": [True], "filed": True}


def restarted(work: Work) -> Car:
    car = Car(State(duty=Duty("available")), boot="boot-2", rules=RULES)
    car.take(Restored(None, None, work))
    return car


def test_after_a_restart_an_answer_of_another_store_takes_nobodys_name_away_before_a_heartbeat() -> None:
    car = Car()
    car.take(Restored(None, None))
    car.take(beat(NEW))
    car.take(Commanded(RaiseAlarm()))
    (alarm,) = car.state.emergency.alarms
    taken = AlarmStatus(alarm.incident, acknowledged_by="Desk", signals=1, presses=alarm.presses)
    car.take(StateDesired(DesiredState(revision=5, epoch=NEW, alarms=(taken,))))
    again = Car()
    again.take(Restored(car.state.emergency, None))
    untaken = msgspec.structs.replace(taken, acknowledged_by="")
    again.take(StateDesired(DesiredState(revision=9, epoch=OLD, alarms=(untaken,))))
    assert again.shown.alarms[0].acknowledged_by == "Desk"
    again.take(beat(OLD))
    again.take(StateDesired(DesiredState(revision=9, epoch=OLD, alarms=(untaken,))))
    assert again.shown.alarms[0].acknowledged_by == ""
