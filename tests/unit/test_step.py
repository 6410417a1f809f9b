"""What the car tells headquarters by itself, and what it shows."""

from typing import get_args

import pytest
from msgspec.structs import replace

from hal.readings import AnyReading, ButtonHealth, ButtonState, FixMode, LightbarState, SourceHealth, VehicleSignals
from terminal.asked import RaiseAlarm, SetDuty
from terminal.contract.messages import (
    AlarmStatus,
    DesiredState,
    DutyChanged,
    Heartbeat,
    PointFlag,
    SourceChanged,
    StateConfirmed,
    VehicleChanged,
)
from terminal.core.channels import CHANNELS
from terminal.core.effects import RecordPoint, SendAlarm, StoreEvent
from terminal.core.inputs import (
    Commanded,
    Doubted,
    HeartbeatHeard,
    LineChanged,
    PublishRefused,
    Received,
    Restored,
    StateDesired,
    Told,
)
from terminal.core.state import CIRCUIT_PROBLEMS, snapshot
from terminal.core.step import STEPS
from terminal.core.vehicle import LIGHTBAR, LOW_VOLTAGE, SPEED
from tests.unit.core_scene import RULES, Car, fix, of_type


def stored(effects: list) -> list:
    return [effect.message for effect in of_type(effects, StoreEvent)]


@pytest.mark.promise("P-FLOW-03")
def test_every_kind_of_input_has_its_step_and_every_reading_its_channel() -> None:
    assert set(STEPS) == set(get_args(AnyReading)) | set(get_args(Told))
    assert set(CHANNELS) == set(get_args(AnyReading))


def test_positions_are_reported_by_time_distance_turn_and_speed() -> None:
    car = Car()
    at = {
        0.0: fix(0.0),
        10.0: fix(10.0),
        20.0: fix(20.0, 46.0514),
        25.0: fix(25.0, 46.0514, track_deg=130.0),
        28.0: fix(28.0, 46.0514, track_deg=130.0, speed_mps=1.0),
        200.0: fix(200.0, 46.0514, speed_mps=0.0, track_deg=None),
        340.0: fix(340.0, 46.0514, speed_mps=0.0, track_deg=None),
    }
    reported = [at_s for at_s, one in at.items() if of_type(car.take(one, at_s), RecordPoint)]
    assert reported == [0.0, 20.0, 25.0, 28.0, 340.0]


def test_distance_counts_without_a_speed_too() -> None:
    car = Car()
    car.take(fix(0.0, speed_mps=None), 0.0)
    assert of_type(car.take(fix(10.0, 46.0505, speed_mps=None), 10.0), RecordPoint) == []
    assert len(of_type(car.take(fix(20.0, 46.0514, speed_mps=None), 20.0), RecordPoint)) == 1


@pytest.mark.promise("P-SHOW-03")
def test_a_fix_without_position_is_never_reported_and_keeps_the_last_good_one_as_old() -> None:
    car = Car()
    car.take(fix(0.0), 0.0)
    assert car.take(fix(50.0, lat_deg=None, lon_deg=None, mode=FixMode.NO_FIX), 50.0) == []
    seen = snapshot(car.state, RULES, round(50e9)).position
    assert seen.stale
    assert seen.last_good is not None


def test_lightbar_siren_and_ignition_are_told_at_once_with_a_point() -> None:
    car = Car()
    car.take(fix(0.0), 0.0)
    effects = car.take(VehicleSignals(source="can", mono_ns=10**9, signals={LIGHTBAR: True}), 1.0)
    (event,) = stored(effects)
    assert isinstance(event, VehicleChanged)
    assert (event.what, event.on) == ("lightbar", True)
    assert len(of_type(effects, RecordPoint)) == 1
    assert car.take(LightbarState(source="board", mono_ns=10**9, lights_on=True), 1.1) == []


@pytest.mark.promise("P-SHOW-07")
def test_what_a_source_that_is_down_told_last_is_not_shown_nor_sent_as_if_it_were_so() -> None:
    car = Car()
    told = VehicleSignals(source="can", mono_ns=0, signals={LIGHTBAR: True, LOW_VOLTAGE: "ON"})
    car.take(told)
    car.take(SourceHealth(source="can", mono_ns=0, up=True))
    assert (lights_shown(car), lights_sent(car)) == (True, True)
    car.take(SourceHealth(source="can", mono_ns=0, up=False, problem="no mapped frame"))
    assert (lights_shown(car), lights_sent(car)) == (None, None)
    (point,) = of_type(car.take(fix(0.0)), RecordPoint)
    assert point.point.flags == PointFlag.FIX_3D
    car.take(SourceHealth(source="can", mono_ns=0, up=True))
    assert stored(car.take(told)) == [], "it comes back as it was: nothing has changed"
    assert lights_shown(car) is True
    assert [event.on for event in stored(car.take(replace(told, signals={LIGHTBAR: False})))] == [False]


def lights_shown(car: Car) -> bool | None:
    return snapshot(car.state, RULES, 0).vehicle.lights_on


def lights_sent(car: Car) -> bool | None:
    silent = Commanded(RaiseAlarm(silent=not car.state.emergency.alarms))
    (sent,) = of_type(car.take(silent), SendAlarm)
    return sent.message.lights_on


def test_duty_is_told_with_where_and_shown_as_received_only_after_the_receipt() -> None:
    car = Car()
    (event,) = stored(car.take(Commanded(SetDuty(status="on-scene"))))
    assert isinstance(event, DutyChanged)
    assert not snapshot(car.state, RULES, 0).duty.received
    car.take(Received((event.id,)))
    assert snapshot(car.state, RULES, 0).duty.received


def test_an_unknown_duty_status_changes_nothing() -> None:
    car = Car()
    assert car.take(Commanded(SetDuty(status="asleep"))) == []


def test_a_source_that_goes_down_is_told_once_and_so_is_its_return() -> None:
    car = Car()
    down = SourceHealth(source="can", mono_ns=0, up=False, problem="can0 is down")
    up = SourceHealth(source="can", mono_ns=0, up=True)
    told = [stored(car.take(health)) for health in (up, down, down, up)]
    assert [[type(one) for one in events] for events in told] == [[], [SourceChanged], [], [SourceChanged]]


@pytest.mark.promise("P-SHOW-07")
def test_old_values_are_not_shown_as_current() -> None:
    car = Car()
    car.take(VehicleSignals(source="can", mono_ns=0, signals={SPEED: 36.0}), 0.0)
    assert snapshot(car.state, RULES, round(1e9)).vehicle.speed_mps == 10.0
    assert snapshot(car.state, RULES, round(60e9)).vehicle.speed_mps is None


@pytest.mark.promise("P-SHOW-04", "P-SHOW-08")
def test_a_silent_headquarters_is_neither_storing_nor_attended() -> None:
    car = Car()
    car.take(LineChanged(connected=True, broker="b"), 0.0)
    car.take(HeartbeatHeard(Heartbeat(epoch="e", storing=True, attended=True)), 0.0)
    fresh = snapshot(car.state, RULES, round((RULES.supervision.hq_silent_after_s - 1) * 1e9)).line
    old = snapshot(car.state, RULES, round((RULES.supervision.hq_silent_after_s + 1) * 1e9)).line
    assert (fresh.storing, fresh.attended, fresh.hq_silent) == (True, True, False)
    assert (old.storing, old.attended, old.hq_silent) == (False, False, True)


def test_a_word_that_is_not_headquarters_is_a_problem_of_the_line_until_a_true_one_comes() -> None:
    car = Car()
    car.take(PublishRefused("the broker did not deliver"))
    car.take(Doubted(""))
    assert car.state.line.problem == "the broker did not deliver"
    noted = [car.take(Doubted("it is not signed")) for _ in range(2)]
    assert [len(notes) for notes in noted] == [1, 0]
    assert car.state.line.problem == "headquarters is not believed: it is not signed"
    car.take(Doubted(""))
    assert car.state.line.problem == ""


@pytest.mark.promise("P-SIGN-02")
def test_an_older_word_of_headquarters_says_nothing_any_more() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    taken = AlarmStatus(incident, acknowledged_by="Dispatcher 7")
    for revision, statuses, shown in (
        (4, (taken,), "Dispatcher 7"),
        (5, (AlarmStatus(incident),), ""),
        (4, (taken,), ""),
        (6, (taken,), "Dispatcher 7"),
    ):
        car.take(StateDesired(DesiredState(revision=revision, epoch="a", alarms=statuses)))
        assert car.state.emergency.alarms[0].acknowledged_by == shown
    car.take(StateDesired(DesiredState(revision=1, epoch="b", alarms=(AlarmStatus(incident),))))
    assert car.state.emergency.alarms[0].acknowledged_by == "", "another store counts anew"


@pytest.mark.promise("P-HQ-02")
def test_a_desired_state_is_confirmed_once_and_again_after_headquarters_store_was_replaced() -> None:
    car = Car()
    car.take(Restored(None, None))
    wanted = [StateDesired(DesiredState(revision=4, epoch=epoch)) for epoch in ("a", "a", "b")]
    first, second, third = (stored(car.take(one)) for one in wanted)
    assert [len(one) for one in (first, second, third)] == [1, 0, 1]
    assert isinstance(first[0], StateConfirmed)
    assert (first[0].epoch, first[0].revision) == ("a", 4)


def test_a_desired_state_is_not_confirmed_before_the_disk_has_told_of_earlier_alarms() -> None:
    car = Car()
    wanted = StateDesired(DesiredState(revision=4))
    assert stored(car.take(wanted)) == []
    car.take(Restored(None, None))
    assert len(stored(car.take(wanted))) == 1


def test_what_another_store_said_than_the_one_that_is_there_now_says_nothing() -> None:
    car = Car()
    car.take(Restored(None, None))
    car.press()
    car.take(HeartbeatHeard(Heartbeat(epoch="b", storing=True, attended=True)))
    told = AlarmStatus(car.state.emergency.alarms[0].incident, cleared_by="Dispatcher 7", signals=1)
    assert car.take(StateDesired(DesiredState(revision=9, epoch="a", alarms=(told,)))) == []
    car.take(StateDesired(DesiredState(revision=1, epoch="b", alarms=(told,))))
    assert car.state.emergency.alarms[0].cleared_by == "Dispatcher 7"


@pytest.mark.promise("P-RECEIPT-07")
def test_to_a_new_store_goes_again_what_the_disk_never_took() -> None:
    car = Car()
    beats = [HeartbeatHeard(Heartbeat(epoch=epoch, storing=True, attended=True)) for epoch in ("a", "a", "b")]
    car.take(beats[0])
    (raised,) = of_type(car.take(Commanded(RaiseAlarm())), SendAlarm)
    assert [of_type(car.take(beat), SendAlarm) for beat in beats[1:]] == [[], [raised]]


@pytest.mark.promise("P-SEND-10")
def test_what_the_broker_refuses_is_shown() -> None:
    car = Car()
    car.take(PublishRefused("the broker did not deliver: No matching subscribers"))
    assert "No matching" in snapshot(car.state, RULES, 0).line.problem


@pytest.mark.promise("P-PRESS-08")
def test_a_fault_of_the_button_s_circuit_reaches_the_screen_and_headquarters_once_and_its_end_too() -> None:
    car = Car()
    car.take(SourceHealth(source="board", mono_ns=0, up=True))

    def told(health: ButtonHealth) -> list:
        return stored(car.take(ButtonState(source="board", mono_ns=1, health=health)))

    assert told(ButtonHealth.OK) == []
    (event,) = told(ButtonHealth.CUT)
    assert isinstance(event, SourceChanged)
    assert (event.source, event.up) == ("board", False)
    assert "cut" in event.problem
    assert told(ButtonHealth.CUT) == []
    (view,) = snapshot(car.state, RULES, 2).sources
    assert (view.up, view.problem) == (False, event.problem)
    assert view.remedy
    (event,) = told(ButtonHealth.OK)
    assert (event.up, event.problem) == (True, "")
    (view,) = snapshot(car.state, RULES, 2).sources
    assert view.up


@pytest.mark.promise("P-PRESS-08")
def test_every_fault_of_the_circuit_has_words_of_its_own() -> None:
    assert set(CIRCUIT_PROBLEMS) == set(ButtonHealth) - {ButtonHealth.OK}
    assert len(set(CIRCUIT_PROBLEMS.values())) == len(CIRCUIT_PROBLEMS)


@pytest.mark.promise("P-PRESS-08")
def test_a_board_that_is_gone_says_so_and_not_what_its_button_had() -> None:
    car = Car()
    car.take(ButtonState(source="board", mono_ns=1, health=ButtonHealth.CUT))
    car.take(SourceHealth(source="board", mono_ns=2, up=False, problem="gone", remedy="plug it in"))
    (view,) = snapshot(car.state, RULES, 3).sources
    assert (view.problem, view.remedy) == ("gone", "plug it in")
