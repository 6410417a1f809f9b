"""Jobs, texts, crew and shift: nothing goes backwards, nothing is asked twice, and a restart loses nothing."""

from typing import get_args

import msgspec
import pytest

from hal.readings import VehicleSignals
from terminal.asked import AnswerJob, EndShift, FileReport, LogIn, LogOut, ReadText, SendText, StartShift, WorkCommand
from terminal.contract import pin
from terminal.contract.messages import (
    CrewChanged,
    DesiredState,
    JobAnswered,
    ReportFiled,
    ShiftEnded,
    ShiftStarted,
    StateConfirmed,
    TextRead,
    TextSent,
)
from terminal.contract.work import MOST_CREW, Job, JobStep, Officer, Picture, Text
from terminal.core import work
from terminal.core.channels import PIN_PAUSE_S, WRONG_PINS
from terminal.core.effects import SaveWork, StoreEvent
from terminal.core.inputs import Commanded, PictureSeen, Received, Restored, StateDesired
from terminal.core.state import snapshot
from terminal.core.vehicle import DISTANCE, FUEL, SPEED
from terminal.link import Snapshot
from terminal.shown import FiledView, JobView, LogInProblem
from tests.unit.core_scene import RULES, Car, fix, of_type

JOB = Job(job="J1", title="Tree on the road", lat_deg=46.05, lon_deg=14.5)


def told(*jobs: Job, revision: int = 1, **fields: object) -> StateDesired:
    return StateDesired(DesiredState(revision=revision, epoch="E", jobs=jobs, **fields))  # type: ignore[arg-type]


def does(car: Car, command: WorkCommand, at_s: float = 0.0) -> list:
    """What headquarters is told because of this tap."""
    return [effect.message for effect in of_type(car.take(Commanded(command), at_s), StoreEvent)]


def shown(car: Car, at_s: float = 0.0) -> Snapshot:
    return snapshot(car.state, RULES, round(at_s * 1e9))


def job(car: Car, at_s: float = 0.0) -> JobView:
    (one,) = shown(car, at_s).jobs
    return one


def test_every_command_of_work_has_its_step() -> None:
    assert set(work._COMMANDS) == set(get_args(WorkCommand))


def test_a_job_is_shown_confirmed_and_saved_together() -> None:
    car = Car()
    car.take(Restored(None, None))
    effects = car.take(told(JOB))
    assert job(car) == JobView(job=JOB, step=JobStep.SENT, received=True, next=JobStep.ACCEPTED)
    kinds = [type(effect) for effect in effects]
    assert kinds.index(SaveWork) < kinds.index(StoreEvent), "what is confirmed is saved in the same commit"
    assert isinstance(of_type(effects, StoreEvent)[0].message, StateConfirmed)


def test_the_crews_answer_stands_until_headquarters_has_it() -> None:
    car = Car()
    car.take(told(JOB))
    (answer,) = does(car, AnswerJob(job="J1", step=JobStep.ACCEPTED))
    assert isinstance(answer, JobAnswered)
    assert (answer.job, answer.step) == ("J1", JobStep.ACCEPTED)
    assert (job(car).step, job(car).received) == (JobStep.ACCEPTED, False)
    car.take(told(JOB, revision=2))
    assert (job(car).step, job(car).received) == (JobStep.ACCEPTED, False), "what was said before the answer came"
    car.take(told(msgspec.structs.replace(JOB, step=JobStep.ACCEPTED), revision=3))
    assert (job(car).step, job(car).received, job(car).next) == (JobStep.ACCEPTED, True, JobStep.EN_ROUTE)


@pytest.mark.parametrize("step", [JobStep.SENT, JobStep.ACCEPTED, JobStep.EN_ROUTE])
def test_a_job_does_not_go_backwards(step: JobStep) -> None:
    car = Car()
    car.take(told(JOB))
    does(car, AnswerJob(job="J1", step=JobStep.EN_ROUTE))
    assert does(car, AnswerJob(job="J1", step=step)) == []


def test_nothing_follows_an_end_and_a_job_that_there_is_not_has_no_answer() -> None:
    car = Car()
    car.take(told(JOB))
    (declined,) = does(car, AnswerJob(job="J1", step=JobStep.DECLINED, reason="too-far"))
    assert declined.reason == "too-far"
    assert does(car, AnswerJob(job="J1", step=JobStep.DONE)) == []
    assert does(car, AnswerJob(job="J2", step=JobStep.ACCEPTED)) == []


def test_a_withdrawn_job_is_gone() -> None:
    car = Car()
    car.take(told(JOB))
    car.take(told(revision=2))
    assert shown(car).jobs == ()


@pytest.mark.parametrize(
    ("speed_kmh", "lat_deg", "arrived"), [(0.0, 46.05, True), (30.0, 46.05, False), (0.0, 46.06, False)]
)
def test_the_car_proposes_on_scene_where_it_stands_near_the_place(
    speed_kmh: float, lat_deg: float, arrived: bool
) -> None:
    car = Car()
    car.take(told(JOB))
    does(car, AnswerJob(job="J1", step=JobStep.EN_ROUTE))
    car.take(fix(1.0, lat_deg, 14.5), 1.0)
    car.take(VehicleSignals(source="can", mono_ns=10**9, signals={SPEED: speed_kmh}), 1.0)
    assert job(car, 1.0).arrived is arrived
    assert job(car, 100.0).arrived is False, "an old position proposes nothing"


def test_a_text_is_read_once_and_stays_read() -> None:
    car = Car()
    text = Text(text_id="T1", text="Call the desk")
    car.take(told(texts=(text,)))
    assert [one.read for one in shown(car).texts] == [False]
    (read,) = does(car, ReadText(text_id="T1"))
    assert isinstance(read, TextRead)
    assert does(car, ReadText(text_id="T1")) == []
    car.take(told(texts=(text,), revision=2))
    assert [one.read for one in shown(car).texts] == [True]
    car.take(told(texts=(msgspec.structs.replace(text, read=True),), revision=3))
    assert [one.read for one in shown(car).texts] == [True]


def test_the_crews_own_text_says_whether_headquarters_has_it() -> None:
    car = Car()
    (message,) = does(car, SendText(text="Stigli smo", code="arrived"))
    assert isinstance(message, TextSent)
    assert [(one.text, one.received) for one in shown(car).sent] == [("Stigli smo", False)]
    car.take(Received((message.id,)))
    assert [one.received for one in shown(car).sent] == [True]


def test_a_report_has_its_place_without_being_asked() -> None:
    car = Car()
    car.take(fix(0.0))
    (report,) = does(car, FileReport(form="group", answers={"number": "n2-5", "direction": "north"}))
    assert isinstance(report, ReportFiled)
    assert (report.form, report.answers["direction"]) == ("group", "north")
    assert report.position is not None


def test_of_the_newest_report_it_is_known_whether_headquarters_has_it() -> None:
    car = Car()
    (first,) = does(car, FileReport(form="group"))
    (second,) = does(car, FileReport(form="theft"))
    assert shown(car).filed == FiledView(form="theft", utc_ms=second.utc_ms)
    car.take(Received((first.id,)))
    assert shown(car).filed == FiledView(form="theft", utc_ms=second.utc_ms), "that was another report"
    car.take(Received((second.id,)))
    assert shown(car).filed == FiledView(form="theft", utc_ms=second.utc_ms, received=True)


def test_a_shift_takes_distance_and_fuel_from_the_car() -> None:
    car = Car()
    car.take(VehicleSignals(source="can", mono_ns=0, signals={DISTANCE: 12_345_678.0, FUEL: 61}))
    (started,) = does(car, StartShift())
    assert isinstance(started, ShiftStarted)
    assert (started.odometer_km, started.fuel_percent) == (12345.678, 61.0)
    assert does(car, StartShift()) == []
    assert shown(car).shift.on
    (ended,) = does(car, EndShift())
    assert isinstance(ended, ShiftEnded)
    assert does(car, EndShift()) == []


ROSTER = (Officer("1001", "First"), Officer("1002", "Second", pin.verifier("4711")))


def with_roster() -> Car:
    car = Car()
    car.take(told(roster=ROSTER))
    return car


def test_who_has_a_pin_proves_it_and_who_has_none_comes_on_board_unchecked() -> None:
    car = with_roster()
    (first,) = does(car, LogIn(badge="1001"))
    (second,) = does(car, LogIn(badge="1002", pin="4711"))
    (stranger,) = does(car, LogIn(badge="9"))
    assert [(one.badge, one.checked) for one in (first, second, stranger)] == [
        ("1001", False),
        ("1002", True),
        ("9", False),
    ]
    assert stranger.who.crew == ("1001", "1002", "9"), "a message that tells of a change has the crew as it is since"
    assert does(car, LogIn(badge="1001")) == []
    (left,) = does(car, LogOut(badge="1002"))
    assert isinstance(left, CrewChanged)
    assert left.who.crew == ("1001", "9")


def test_a_wrong_pin_brings_nobody_on_board_and_many_make_a_pause() -> None:
    car = with_roster()
    for _ in range(WRONG_PINS - 1):
        assert does(car, LogIn(badge="1002", pin="1")) == []
        assert shown(car).crew.problem is LogInProblem.WRONG_PIN
    assert does(car, LogIn(badge="1002", pin="1")) == []
    assert does(car, LogIn(badge="1002", pin="4711"), 1.0) == []
    assert shown(car).crew.problem is LogInProblem.PAUSED
    assert len(does(car, LogIn(badge="1002", pin="4711"), PIN_PAUSE_S + 1)) == 1


def test_no_more_come_on_board_than_an_alarm_has_room_for_until_somebody_leaves() -> None:
    car = Car()
    badges = [f"badge-{number}" for number in range(MOST_CREW + 1)]
    told = [does(car, LogIn(badge=badge)) for badge in badges]
    assert [len(one) for one in told] == [1] * MOST_CREW + [0]
    assert (len(shown(car).crew.aboard), shown(car).crew.problem) == (MOST_CREW, LogInProblem.FULL)
    does(car, LogOut(badge=badges[0]))
    assert len(does(car, LogIn(badge=badges[-1]))) == 1


def test_no_verifier_is_shown_to_a_client_and_a_broken_one_fits_nothing() -> None:
    car = with_roster()
    assert ROSTER[1].pin.encode() not in msgspec.json.encode(shown(car))
    assert not any(pin.fits(code, verifier) for code in ("", "4711") for verifier in ("x:y", "", ":", "ab"))


def test_what_was_saved_comes_back() -> None:
    car = with_roster()
    car.take(told(JOB, revision=2, roster=ROSTER))
    does(car, AnswerJob(job="J1", step=JobStep.ACCEPTED))
    does(car, LogIn(badge="1002", pin="4711"))
    does(car, StartShift())
    saved = msgspec.json.encode(car.state.work)
    again = Car()
    again.take(Restored(None, None, msgspec.json.decode(saved, type=work.Work)))
    assert shown(again).jobs == shown(car).jobs
    assert shown(again).crew == shown(car).crew
    assert shown(again).shift == shown(car).shift


def test_the_picture_is_the_newest_one() -> None:
    car = Car()
    car.take(PictureSeen(Picture(utc_ms=1)), 1.0)
    car.take(PictureSeen(Picture(utc_ms=2)), 2.0)
    seen = shown(car).picture
    assert seen is not None
    assert (seen.picture.utc_ms, seen.mono_ns) == (2, 2_000_000_000)
