"""One press, one incident; every rung on proof only; nothing ends in the car."""

from itertools import product
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hal.readings import Press
from terminal.asked import CancelAlarm, RaiseAlarm
from terminal.contract.identity import incident_of_press
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    AlarmStatus,
    DesiredState,
)
from terminal.core import emergency
from terminal.core.alarm import AlarmRules, rung, urgency, view
from terminal.core.check_in import CheckInRules
from terminal.core.effects import ConfirmPress, SaveEmergency, SendAlarm, SendMoved, ShowRung, StoreAlarm
from terminal.core.emergency import Emergency
from terminal.core.inputs import (
    Commanded,
    Published,
    Received,
    Restored,
    StateDesired,
    Stored,
    StoreFailed,
    Tick,
)
from terminal.core.ladder import TABLE, Cause, Phase
from terminal.shown import Urgency
from tests.unit.core_scene import PRESS, RULES, Car, fix, of_type, places


def raised_id(car: Car) -> str:
    return car.state.emergency.alarms[0].raised_id


def answered(incident: str, revision: int = 1, **answer: Any) -> StateDesired:
    return StateDesired(DesiredState(revision=revision, alarms=(AlarmStatus(incident, **answer),)))


@pytest.mark.promise("P-PRESS-11")
def test_every_pair_of_phase_and_cause_is_decided_exactly_once() -> None:
    assert set(TABLE) == set(product(Phase, Cause))


@pytest.mark.promise("P-KIND-08")
def test_only_headquarters_ends_an_incident() -> None:
    ends = {cause for (phase, cause), after in TABLE.items() if after is Phase.CLEARED and phase is not Phase.CLEARED}
    assert ends == {Cause.CLEARANCE}


@pytest.mark.promise("P-PRESS-11")
def test_no_step_goes_down_the_ladder_while_the_incident_is_open() -> None:
    order = [Phase.IDLE, Phase.RAISED, Phase.RECEIVED, Phase.ACKNOWLEDGED, Phase.CLEARED]
    for (phase, cause), after in TABLE.items():
        if phase is not Phase.CLEARED and cause is not Cause.WITHDRAWAL:
            assert order.index(after) >= order.index(phase), (phase, cause)


@pytest.mark.promise("P-SHOW-11")
def test_a_name_is_taken_back_when_headquarters_says_that_nobody_has_it_any_more() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    car.take(answered(incident, acknowledged_by="Dispatcher 7", signals=1))
    car.take(answered(incident, 2, signals=0))
    (alarm,) = car.state.emergency.alarms
    assert (alarm.acknowledged_by, alarm.phase) == ("", Phase.RECEIVED)


def test_a_name_is_taken_back_also_while_a_press_is_on_its_way() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    car.take(answered(incident, acknowledged_by="Dispatcher 7", signals=1))
    car.press(1.0, Press("board-1", 7, 2))
    car.take(answered(incident, 2, signals=1))
    assert car.state.emergency.alarms[0].phase is Phase.RECEIVED


def test_an_answer_that_a_newer_one_has_overtaken_says_nothing() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    car.take(answered(incident, 2, signals=1))
    assert car.take(answered(incident, 1, acknowledged_by="Dispatcher 7", signals=1)) == []
    assert car.state.emergency.alarms[0].acknowledged_by == ""
    assert msgspec.json.decode(msgspec.json.encode(car.state.emergency), type=Emergency).answer == ("", 2)


def test_what_is_open_again_at_headquarters_is_shown_open_and_by_whom_it_is_taken() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    car.take(answered(incident, cleared_by="Dispatcher 7", reason="over", signals=1))
    car.take(answered(incident, 2, signals=1))
    (alarm,) = car.state.emergency.alarms
    assert (alarm.phase, alarm.cleared_by, alarm.reason, alarm.cleared_mono_ns) == (Phase.RECEIVED, "", "", None)
    car.take(answered(incident, 3, cleared_by="Dispatcher 7", reason="over", signals=1))
    car.take(answered(incident, 4, acknowledged_by="Dispatcher 8", signals=1))
    assert car.state.emergency.alarms[0].phase is Phase.ACKNOWLEDGED


@pytest.mark.promise("P-PRESS-01")
def test_a_press_is_sent_and_stored_at_once_under_the_incident_of_that_press() -> None:
    car = Car()
    effects = car.press()
    incident = incident_of_press(PRESS.board_id, PRESS.boot_nonce, PRESS.number)
    (sent,), (stored,) = of_type(effects, SendAlarm), of_type(effects, StoreAlarm)
    assert sent.message == stored.message
    assert isinstance(sent.message, AlarmRaised)
    assert sent.message.incident == incident
    assert sent.message.position is None


@pytest.mark.promise("P-SEND-05")
def test_sending_does_not_wait_for_a_fix_and_carries_one_when_there_is_one() -> None:
    car = Car()
    car.take(fix(1.0), 1.0)
    car.take(fix(12.0, 46.06), 12.0)
    (sent,) = of_type(car.press(14.0), SendAlarm)
    assert sent.message.position.age_s == 2.0
    assert sent.message.track == ((13, 46.05, 14.5), (2, 46.06, 14.5))


@pytest.mark.promise("P-PRESS-01")
def test_a_board_that_repeats_its_press_raises_nothing_new_and_is_confirmed_only_once_it_is_stored() -> None:
    car = Car()
    car.press()
    assert car.press(0.1) == []
    effects = car.take(Stored(places(raised_id(car))), 0.2)
    assert of_type(effects, ConfirmPress) == [ConfirmPress("board", PRESS)]
    assert car.press(0.3) == [ConfirmPress("board", PRESS)]
    assert len(car.state.emergency.alarms) == 1


@pytest.mark.promise("P-DISK-04")
def test_a_press_whose_commit_failed_is_not_confirmed_and_is_stored_again() -> None:
    car = Car()
    car.press()
    car.take(StoreFailed((raised_id(car),), "outbox: disk full"), 0.1)
    assert car.state.emergency.alarms[0].store_failed
    assert car.press(0.2) == []
    again = of_type(car.take(Tick(), 2.5), StoreAlarm)
    assert [effect.message.id for effect in again] == [raised_id(car)]
    car.take(Stored(places(raised_id(car))), 2.6)
    assert car.state.emergency.alarms[0].stored
    assert not car.state.emergency.alarms[0].store_failed
    assert of_type(car.take(Tick(), 9.0), StoreAlarm) == []


def test_a_press_that_a_stalling_disk_does_not_take_is_called_not_stored() -> None:
    car = Car()
    car.press()
    assert not of_type(car.take(Tick(), 0.9), StoreAlarm)
    assert not car.state.emergency.alarms[0].store_failed
    assert of_type(car.take(Tick(), 1.1), StoreAlarm)
    assert car.state.emergency.alarms[0].store_failed
    car.take(Stored(places(raised_id(car))), 2.0)
    assert not car.state.emergency.alarms[0].store_failed


def test_what_an_earlier_boot_had_not_on_disk_is_stored_at_once_in_this_one() -> None:
    """The second press was committed before the first one's commit was heard of; that boot's clock is no measure."""
    before = Car()
    before.press(9000.0)
    before.press(9000.1, Press("board-1", 7, 2))
    saved = emergency.on_disk(before.state.emergency, (before.state.emergency.alarms[0].message_ids[1],))
    car = Car(boot="boot-2")
    car.take(Restored(saved, None), 3.0)
    car.press(3.1)
    assert [effect.message.id for effect in of_type(car.take(Tick(), 4.0), StoreAlarm)] == [raised_id(before)]


@pytest.mark.promise("P-PRESS-03")
def test_a_new_press_while_the_incident_is_open_is_a_signal_on_it() -> None:
    car = Car()
    car.press()
    (sent,) = of_type(car.press(1.0, Press("board-1", 7, 2)), SendAlarm)
    assert isinstance(sent.message, AlarmSignalled)
    assert sent.message.incident == car.state.emergency.alarms[0].incident
    assert sent.message.signal == 2


def test_a_press_after_clearance_is_a_new_incident_and_the_old_press_is_not() -> None:
    car = Car()
    car.press()
    first = car.state.emergency.alarms[0].incident
    car.take(answered(first, cleared_by="Novak", reason="false alarm"))
    car.press(1.0)
    assert [alarm.incident for alarm in car.state.emergency.alarms] == [first]
    car.press(2.0, Press("board-1", 7, 2))
    assert len({alarm.incident for alarm in car.state.emergency.alarms}) == 2


@pytest.mark.promise("P-KIND-02")
def test_a_test_alarm_never_absorbs_a_real_one() -> None:
    car = Car()
    car.take(Commanded(RaiseAlarm(kind="test")))
    car.press(1.0)
    kinds = [alarm.kind for alarm in car.state.emergency.alarms]
    assert kinds == [AlarmKind.TEST, AlarmKind.REAL]


@pytest.mark.promise("P-RECEIPT-14", "P-SHOW-01")
def test_each_rung_needs_its_own_proof() -> None:
    car = Car()
    car.press()
    seen = [rung(car.state.emergency.alarms)]
    for told in (
        Stored(places(raised_id(car))),
        Published((raised_id(car),)),
        Received((raised_id(car),)),
        answered(car.state.emergency.alarms[0].incident, acknowledged_by="Novak"),
        answered(car.state.emergency.alarms[0].incident, 2, acknowledged_by="Novak", cleared_by="Novak"),
    ):
        car.take(told)
        seen.append(rung(car.state.emergency.alarms))
    assert seen == ["pressed", "stored", "sent", "received", "acknowledged", ""]


@pytest.mark.promise("P-RECEIPT-14", "P-SHOW-01")
@pytest.mark.parametrize("told", [Published(("other",)), Received(("other",)), Stored(places("other"))])
def test_proof_of_another_message_proves_nothing(told: object) -> None:
    car = Car()
    car.press()
    before = car.state.emergency
    car.take(told)  # type: ignore[arg-type]
    assert car.state.emergency == before


@pytest.mark.promise("P-SHOW-09")
def test_each_bearer_has_its_own_rungs_and_one_receipt_is_enough() -> None:
    car = Car()
    car.press()
    raised_id = car.state.emergency.alarms[0].raised_id
    car.take(Published((raised_id,), "sms"))
    assert view(car.state.emergency.alarms[0], 0, AlarmRules()).sent_by == ("sms",)
    car.take(Received((raised_id,), "sms"))
    shown = view(car.state.emergency.alarms[0], 0, AlarmRules())
    assert (shown.received, shown.received_by, shown.sent_by) == (True, ("sms",), ("sms",))
    car.take(Published((raised_id,)))
    car.take(Received((raised_id,)))
    shown = view(car.state.emergency.alarms[0], 0, AlarmRules())
    assert (shown.sent_by, shown.received_by) == (("sms", "mqtt"), ("sms", "mqtt"))
    assert car.take(Received((raised_id,), "sms")) == [], "told once"


@pytest.mark.promise("P-SHOW-06")
def test_the_lamp_shows_each_rung() -> None:
    car = Car()
    car.press()
    car.take(Stored(places(raised_id(car))))
    car.take(Received((raised_id(car),)))
    assert [effect.rung for effect in of_type(car.effects, ShowRung)] == ["pressed", "stored", "received"]


@pytest.mark.promise("P-SHOW-02")
def test_the_crew_is_told_after_5_s_and_to_use_the_radio_after_20_s_until_it_is_received() -> None:
    car = Car()
    car.press(100.0)
    alarm = car.state.emergency.alarms[0]
    told = [urgency(alarm, round(at_s * 1e9), AlarmRules()) for at_s in (104.9, 105.0, 119.9, 120.0)]
    assert told == [Urgency.NONE, Urgency.NOT_CONFIRMED, Urgency.NOT_CONFIRMED, Urgency.USE_THE_RADIO]
    car.take(Received((alarm.raised_id,)), 121.0)
    assert urgency(car.state.emergency.alarms[0], round(122e9), AlarmRules()) is Urgency.NONE


@pytest.mark.promise("P-SHOW-02")
def test_both_times_are_those_of_the_configuration() -> None:
    rules = AlarmRules(not_confirmed_after_s=2.0, use_the_radio_after_s=47.0)
    car = Car(rules=replace(RULES, alarms=rules))
    car.press(100.0)
    told = [car.shown_at(at_s).alarms[0].urgency for at_s in (101.9, 102.0, 146.9, 147.0)]
    assert told == [Urgency.NONE, Urgency.NOT_CONFIRMED, Urgency.NOT_CONFIRMED, Urgency.USE_THE_RADIO]
    car.take(Stored(places(raised_id(car))), 101.0)
    assert car.restarted(3.0, "boot-2").shown_at(3.0).alarms[0].urgency is Urgency.USE_THE_RADIO


@pytest.mark.promise("P-KIND-08")
def test_cancelling_is_told_to_headquarters_and_ends_nothing() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    (sent,) = of_type(car.take(Commanded(CancelAlarm(incident=incident))), SendAlarm)
    assert isinstance(sent.message, AlarmCancelled)
    assert car.state.emergency.alarms[0].phase is Phase.RAISED
    assert car.take(Commanded(CancelAlarm(incident=incident))) == []


@pytest.mark.promise("P-KIND-08")
def test_who_presses_after_cancelling_takes_it_back_and_may_say_it_anew() -> None:
    car = Car()
    car.press()
    cancel = Commanded(CancelAlarm(incident=car.state.emergency.alarms[0].incident))
    car.take(cancel)
    car.take(Commanded(RaiseAlarm()))
    assert not car.state.emergency.alarms[0].cancelled
    (sent,) = of_type(car.take(cancel), SendAlarm)
    assert isinstance(sent.message, AlarmCancelled)
    assert sent.message.signals == 2


@pytest.mark.promise("P-KIND-06")
def test_a_silent_alarm_lights_no_lamp() -> None:
    car = Car()
    car.take(Commanded(RaiseAlarm(silent=True)))
    car.take(Stored(places(raised_id(car))))
    assert of_type(car.effects, ShowRung) == []


@pytest.mark.promise("P-SEND-08")
def test_an_open_alarm_says_where_the_car_is() -> None:
    car = Car()
    car.take(fix(9.0), 9.0)
    assert of_type(car.effects, SendMoved) == []
    car.press(10.0)
    car.take(fix(11.0, 46.07), 11.0)
    (moved,) = of_type(car.effects, SendMoved)
    assert moved.message.position.lat_deg == 46.07


@pytest.mark.promise("P-DISK-01")
def test_the_saved_state_holds_exactly_the_committed_messages_as_stored() -> None:
    car = Car()
    car.press()
    first = raised_id(car)
    car.press(1.0, Press("board-1", 7, 2))
    saved = msgspec.json.decode(msgspec.json.encode(emergency.on_disk(car.state.emergency, (first,))), type=Emergency)
    assert [one.stored for one in saved.alarms[0].told] == [True, False]
    assert [type(message) for message in saved.alarms[0].unstored] == [AlarmSignalled]
    assert [waiting.press.number for waiting in saved.unconfirmed] == [2]


@pytest.mark.promise("P-DISK-10")
def test_after_a_restart_the_incident_goes_on_and_its_press_is_confirmed_not_raised_again() -> None:
    before = Car()
    before.press()
    saved = emergency.on_disk(before.state.emergency, (raised_id(before),))
    car = Car(msgspec.structs.replace(before.state, emergency=saved), boot="boot-2")
    car.state = msgspec.structs.replace(
        car.state, emergency=emergency.restored(saved, car.moment(3.0), AlarmRules(), CheckInRules())
    )
    assert car.press(3.1) == [ConfirmPress("board", PRESS)]
    assert urgency(car.state.emergency.alarms[0], round(3.1e9), AlarmRules()) is Urgency.USE_THE_RADIO


@pytest.mark.promise("P-DISK-10")
def test_an_answer_is_saved_so_that_a_restart_shows_it_still() -> None:
    car = Car()
    car.press()
    effects = car.take(answered(car.state.emergency.alarms[0].incident, acknowledged_by="Novak"))
    assert of_type(effects, SaveEmergency)


def test_of_many_cleared_alarms_only_the_newest_are_kept_and_an_open_one_always() -> None:
    car = Car()
    for number in range(1, 9):
        car.press(float(number), Press("board-1", 7, number))
        incident = car.state.emergency.alarms[-1].incident
        car.take(Stored(places(*car.state.emergency.alarms[-1].message_ids)))
        car.take(answered(incident, number, cleared_by="Novak", reason="over"))
    car.take(Commanded(RaiseAlarm()), 20.0)
    assert len(car.state.emergency.alarms) == 5
    assert car.state.emergency.alarms[-1].phase is Phase.RAISED


@pytest.mark.promise("P-KIND-10")
def test_a_clearance_that_did_not_know_of_the_newest_press_is_not_shown_as_the_end() -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    car.press(1.0, Press("board-1", 7, 2))
    car.take(answered(incident, acknowledged_by="Novak", cleared_by="Novak", reason="false alarm", signals=1))
    (alarm,) = car.state.emergency.alarms
    assert (alarm.phase, alarm.cleared_by, alarm.acknowledged_by) == (Phase.ACKNOWLEDGED, "", "Novak")
    car.take(answered(incident, revision=2, cleared_by="Kos", reason="help came", signals=2))
    (alarm,) = car.state.emergency.alarms
    assert (alarm.phase, alarm.cleared_by) == (Phase.CLEARED, "Kos")


@pytest.mark.promise("P-PRESS-09")
@pytest.mark.parametrize("call", [None, Commanded(RaiseAlarm())], ids=["button", "screen"])
def test_an_alarm_needs_nobody_logged_in_no_fix_no_line_and_no_disk(call: Commanded | None) -> None:
    car = Car()
    assert not car.state.restored
    effects = car.press() if call is None else car.take(call)
    (sent,) = of_type(effects, SendAlarm)
    assert sent.message.who.crew == ()
    assert (sent.message.kind, sent.message.position) == (AlarmKind.REAL, None)


@pytest.mark.parametrize("first", ["raise", "cancel"])
def test_a_cancellation_goes_out_as_the_alarm_does_whether_stored_or_not(first: str) -> None:
    car = Car()
    car.press()
    incident = car.state.emergency.alarms[0].incident
    if first == "raise":
        car.take(Stored(places(raised_id(car))))
    effects = car.take(Commanded(CancelAlarm(incident=incident)))
    (sent,) = of_type(effects, SendAlarm)
    assert (sent.message.incident, sent.message.kind, sent.message.silent) == (incident, AlarmKind.REAL, False)
    assert [type(message) for message in emergency.unstored(car.state.emergency)][-1] is AlarmCancelled
