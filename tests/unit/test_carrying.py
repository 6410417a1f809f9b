"""Which alarm messages go over the bearers beside the brokers, when, and how often at most."""

import pytest
from msgspec.structs import replace

from terminal.asked import CancelAlarm, RaiseAlarm
from terminal.contract.capsule import AnswerCapsule, ReceiptCapsule, epoch_mark, tail_of
from terminal.contract.messages import AlarmCancelled, AlarmRaised, AlarmSignalled, AlarmStatus, DesiredState, Heartbeat
from terminal.core import inputs
from terminal.core.carrying import Carrying
from terminal.core.effects import CarryAlarm, Effect, SaveEmergency, SendAlarm
from terminal.core.inputs import (
    CapsuleAnswered,
    CapsuleReceipted,
    CarryFailed,
    Commanded,
    HeartbeatHeard,
    LineChanged,
    Received,
    StateDesired,
    Tick,
    Unreceipted,
)
from terminal.core.state import Rules
from tests.unit.core_scene import PRESS, RULES, Car, fix, of_type

SMS = Carrying(after_s=10, again_after_s=30, again_at_most_s=60, most_per_incident=4)
OTHER_PRESS = replace(PRESS, number=2)


class Radio(Car):
    """A car with one bearer beside the brokers; its line is up from the start."""

    def __init__(self, rules: Carrying = SMS, *, line: bool = True) -> None:
        super().__init__(rules=replace(RULES, carrying={"sms": rules}))
        self.epoch = "e"
        if line:
            self.take(LineChanged(connected=True), 0.0)
            self.beat(0.0)

    def beat(self, at_s: float) -> None:
        self.take(HeartbeatHeard(Heartbeat(epoch=self.epoch, storing=True, attended=True)), at_s)

    def tick(self, at_s: float, *, beat: bool = True) -> list[CarryAlarm]:
        """What goes by SMS at this time; headquarters is heard, unless the line is to be dead."""
        before = len(self.effects)
        if beat:
            self.beat(at_s)
        self.take(Tick(), at_s)
        return of_type(self.effects[before:], CarryAlarm)

    def until(self, end_s: int, begin_s: int = 0, *, beat: bool = True) -> list[tuple[int, CarryAlarm]]:
        return [(at_s, one) for at_s in range(begin_s, end_s) for one in self.tick(at_s, beat=beat)]

    @property
    def raised_id(self) -> str:
        return self.state.emergency.alarms[0].raised_id

    def receipt(self, message_id: str, by: str = "", at_s: float = 0.0) -> list[Effect]:
        incident = self.state.emergency.alarms[0].incident
        receipt = ReceiptCapsule(incident=incident, tail=tail_of(message_id), signals=1, acknowledged_by=by)
        return self.take(CapsuleReceipted("sms", receipt), at_s)


def test_an_alarm_that_headquarters_receipts_in_time_costs_nothing() -> None:
    car = Radio()
    car.press(1.0)
    assert car.until(10, 1) == []
    car.take(Received((car.raised_id,)), 10.0)
    assert car.until(1000, 10) == []


@pytest.mark.promise("P-BEARER-02")
def test_one_that_it_does_not_goes_out_after_the_brokers_time_and_again_with_longer_pauses_up_to_the_cap() -> None:
    car = Radio()
    car.press(1.0)
    gone = car.until(1000, 1)
    assert [at_s for at_s, _ in gone] == [11, 41, 101, 161]
    assert {one.message.id for _, one in gone} == {car.raised_id}
    assert {one.bearer for _, one in gone} == {"sms"}


def test_on_a_line_that_was_dead_long_enough_it_goes_at_once() -> None:
    car = Radio(line=False)
    assert car.until(20, beat=False) == []
    assert len(of_type(car.press(20.5), CarryAlarm)) == 1


def test_on_a_line_that_broke_a_moment_ago_the_brokers_keep_the_rest_of_their_time() -> None:
    car = Radio()
    car.take(LineChanged(connected=False), 95.0)
    car.press(100.0)
    assert [at_s for at_s, _ in car.until(120, 100, beat=False)] == [105]


def test_a_broker_without_a_word_of_headquarters_is_a_dead_line() -> None:
    car = Radio()
    assert car.until(40, beat=False) == []
    assert len(of_type(car.press(40.0), CarryAlarm)) == 1


@pytest.mark.promise("P-BEARER-06")
def test_every_message_of_an_incident_goes_once_before_one_is_repeated_and_all_count_for_the_cap() -> None:
    car = Radio(line=False)
    car.until(20, beat=False)
    car.press(20.0)
    car.press(21.0, OTHER_PRESS)
    car.take(Commanded(CancelAlarm(incident=car.state.emergency.alarms[0].incident)), 22.0)
    car.until(1000, 23, beat=False)
    kinds = [type(one.message) for one in of_type(car.effects, CarryAlarm)]
    assert kinds == [AlarmRaised, AlarmSignalled, AlarmCancelled, AlarmRaised]


def test_a_receipt_of_one_message_ends_that_one_only_and_one_from_any_bearer_does() -> None:
    car = Radio(line=False)
    car.until(20, beat=False)
    car.press(20.0)
    car.press(21.0, OTHER_PRESS)
    effects = car.receipt(car.raised_id, at_s=22.0)
    assert of_type(effects, SaveEmergency), "else a restart would pay for it again"
    raised, signal = car.state.emergency.alarms[0].told
    assert (raised.received_by, signal.received_by) == (("sms",), ())
    signal_id = signal.id
    assert {one.message.id for _, one in car.until(300, 22, beat=False)} == {signal_id}
    car.take(Received((signal_id,)), 300.0)
    assert car.until(2000, 300, beat=False) == []


@pytest.mark.promise("P-RECEIPT-07")
def test_to_another_store_the_brokers_bring_it_first_and_then_it_goes_again() -> None:
    car = Radio()
    car.press(1.0)
    sent = of_type(car.effects, SendAlarm)[0].message
    car.take(Received((car.raised_id,)), 2.0)
    car.epoch = "f"
    car.beat(50.0)
    car.take(Unreceipted((sent,)), 50.0)
    assert [at_s for at_s, _ in car.until(70, 50)] == [60]


def test_a_receipt_by_sms_may_name_who_took_it() -> None:
    car = Radio()
    car.press(1.0)
    car.receipt(car.raised_id, by="Novak")
    (alarm,) = car.shown.alarms
    assert (alarm.received_by, alarm.acknowledged_by, alarm.taken) == (("sms",), "Novak", True)


def test_a_name_by_sms_says_nothing_where_a_broker_brought_an_answer_which_says_how_it_is_now() -> None:
    car = Radio()
    car.press(1.0)
    incident = car.state.emergency.alarms[0].incident
    car.take(StateDesired(DesiredState(revision=2, epoch="e", alarms=(AlarmStatus(incident, signals=1),))), 2.0)
    car.receipt(car.raised_id, by="Novak", at_s=3.0)
    assert car.state.emergency.alarms[0].acknowledged_by == ""


def answer(car: Radio, revision: int, by: str = "", end: str = "", signals: int = 1, epoch: str = "e") -> AnswerCapsule:
    (alarm,) = car.state.emergency.alarms
    return AnswerCapsule(
        incident=alarm.incident,
        tail=tail_of(alarm.raised_id),
        epoch=epoch_mark(epoch),
        revision=revision,
        signals=signals,
        acknowledged_by=by,
        cleared_by=end,
        reason="over" if end else "",
    )


def shown(car: Radio) -> tuple[str, str, str]:
    (alarm,) = car.state.emergency.alarms
    return alarm.acknowledged_by, alarm.cleared_by, alarm.reason


@pytest.mark.promise("P-BEARER-07")
def test_who_took_and_who_ended_it_is_shown_once_headquarters_says_so_by_sms_and_nothing_is_owed_any_more() -> None:
    car = Radio(line=False)
    car.press(1.0)
    car.take(CapsuleAnswered("sms", answer(car, 1, by="Novak")), 20.0)
    assert (car.shown.alarms[0].received_by, shown(car)) == (("sms",), ("Novak", "", ""))
    for at_s in (30.0, 31.0):
        car.take(CapsuleAnswered("sms", answer(car, 2, end="Kranjc")), at_s)
    car.take(CapsuleAnswered("sms", answer(car, 1, by="Novak")), 32.0)
    assert shown(car) == ("Novak", "Kranjc", "over")
    assert car.until(1000, 40, beat=False) == []
    ended_ns = car.state.emergency.alarms[0].cleared_mono_ns
    told_by_broker(car, 2, 1001.0, acknowledged_by="Novak", cleared_by="Kranjc", reason="over, and in all its words")
    assert shown(car) == ("Novak", "Kranjc", "over, and in all its words")
    assert car.state.emergency.alarms[0].cleared_mono_ns == ended_ns


def told_by_broker(car: Radio, revision: int, at_s: float, **names: str) -> None:
    status = AlarmStatus(car.state.emergency.alarms[0].incident, signals=1, **names)
    car.take(StateDesired(DesiredState(revision=revision, epoch="e", alarms=(status,))), at_s)


@pytest.mark.promise("P-BEARER-07")
def test_of_a_broker_and_an_sms_the_newer_counts_whichever_comes_first() -> None:
    car = Radio()
    car.press(1.0)
    told_by_broker(car, 5, 2.0, acknowledged_by="Novak")
    car.take(CapsuleAnswered("sms", answer(car, 4, by="Kranjc")), 3.0)
    car.take(CapsuleAnswered("sms", answer(car, 5, end="Kranjc")), 3.0)
    assert shown(car)[:2] == ("Novak", "")
    car.take(CapsuleAnswered("sms", answer(car, 7, by="Kranjc")), 4.0)
    told_by_broker(car, 6, 5.0, acknowledged_by="Novak")
    assert shown(car)[:2] == ("Kranjc", "")
    told_by_broker(car, 8, 6.0, acknowledged_by="Zupan")
    assert shown(car)[:2] == ("Zupan", "")


def test_an_answer_of_a_store_that_is_not_this_one_says_nothing_where_a_broker_brought_one() -> None:
    car = Radio()
    car.press(1.0)
    told_by_broker(car, 5, 2.0)
    car.take(CapsuleAnswered("sms", answer(car, 9, end="Kranjc", epoch="another")), 3.0)
    assert shown(car)[:2] == ("", "")


def test_an_end_by_sms_ends_no_press_that_headquarters_had_not_heard_of() -> None:
    car = Radio(line=False)
    car.press(1.0)
    car.press(2.0, press=OTHER_PRESS)
    car.take(CapsuleAnswered("sms", answer(car, 1, end="Kranjc", signals=1)), 3.0)
    assert shown(car)[1] == ""
    car.take(CapsuleAnswered("sms", answer(car, 2, end="Kranjc", signals=2)), 4.0)
    assert shown(car)[1] == "Kranjc"


def test_an_answer_to_another_message_says_nothing() -> None:
    car = Radio(line=False)
    car.press(1.0)
    car.take(CapsuleAnswered("sms", replace(answer(car, 1, end="Kranjc"), tail=bytes(8))), 3.0)
    (alarm,) = car.state.emergency.alarms
    assert (alarm.received, shown(car)[1]) == (False, "")


@pytest.mark.parametrize("tail", [bytes(8), tail_of("00000000-0000-7000-8000-000000009999")])
def test_a_receipt_of_another_message_or_another_incident_proves_nothing(tail: bytes) -> None:
    car = Radio()
    car.press(1.0)
    (alarm,) = car.state.emergency.alarms
    other = ReceiptCapsule(incident="00000000-0000-4000-8000-000000000000", tail=tail_of(alarm.raised_id))
    car.take(CapsuleReceipted("sms", other), 2.0)
    car.take(CapsuleReceipted("sms", ReceiptCapsule(incident=alarm.incident, tail=tail, acknowledged_by="X")), 2.0)
    (after,) = car.state.emergency.alarms
    assert (after.received, after.acknowledged_by) == (False, "")


def test_test_alarms_cost_nothing_unless_they_are_asked_for() -> None:
    for tests, count in ((False, 0), (True, 1)):
        car = Radio(replace(SMS, tests=tests, most_per_incident=1))
        car.take(Commanded(RaiseAlarm(kind="test")), 1.0)
        assert len(car.until(100, 1)) == count


def test_a_silent_alarm_goes_as_a_silent_one() -> None:
    car = Radio()
    car.take(Commanded(RaiseAlarm(silent=True)), 1.0)
    (gone, *_) = car.until(100, 1)
    assert gone[1].message.silent


def test_each_goes_with_where_the_car_is_now_and_without_its_track() -> None:
    car = Radio()
    car.take(fix(1.0, 46.0), 1.0)
    car.press(1.0)
    car.take(fix(30.0, 46.5), 30.0)
    (sent,) = of_type(car.effects, CarryAlarm)
    assert isinstance(sent.message, AlarmRaised)
    assert sent.message.position is not None
    assert (sent.message.position.lat_deg, sent.message.track) == (46.5, ())


def test_what_could_not_be_sent_for_nothing_does_not_count_and_what_may_have_been_sent_does() -> None:
    for spent, count in ((False, 40), (True, 4)):
        car = Radio(replace(SMS, again_after_s=10, again_at_most_s=10))
        car.press(0.0)
        gone = 0
        for at_s in range(400):
            for one in car.tick(at_s):
                gone += 1
                car.take(CarryFailed("sms", one.message.incident, "no network", spent=spent), at_s)
        assert gone in (count, count - 1)


DAILY = replace(SMS, most_per_incident=100, most_per_day=3)


@pytest.mark.promise("P-BEARER-06")
def test_a_day_costs_no_more_than_its_cap_but_what_begins_an_incident_goes() -> None:
    car = Radio(DAILY)
    car.press(1.0)
    assert len(car.until(2000, 1)) == 3
    incident = car.state.emergency.alarms[0].incident
    car.take(Commanded(RaiseAlarm(kind="exercise")), 2000.0)
    assert {one.message.incident for _, one in car.until(4000, 2000)} == {car.state.emergency.alarms[1].incident}
    next_day_s = 86_400
    gone = car.until(next_day_s + 200, next_day_s)
    assert {one.message.incident for _, one in gone} >= {incident}, "a day later there is room again"


@pytest.mark.promise("P-BEARER-06")
def test_the_days_cap_outlives_a_restart_and_does_not_count_what_cost_nothing() -> None:
    car = Radio(DAILY)
    car.press(1.0)
    ((_, one),) = car.until(12, 1)
    car.take(CarryFailed("sms", one.message.incident, "no network", spent=False), 12.0)
    assert car.state.emergency.spent == ()
    assert len(car.until(2000, 13)) == 3
    after = Radio(DAILY)
    after.boot = "boot-2"
    after.take(inputs.Restored(car.state.emergency, None), 1.0)
    assert after.until(2000, 1) == []


@pytest.mark.promise("P-BEARER-09")
def test_two_bearers_have_their_own_times_and_caps() -> None:
    car = Radio()
    other = Carrying(after_s=0, again_after_s=100, again_at_most_s=100, most_per_incident=2, most_per_day=2)
    car.rules = replace(RULES, carrying={"sms": SMS, "sat": other})
    car.press(1.0)
    first = of_type(car.effects, CarryAlarm)
    gone = [(0, one) for one in first] + car.until(1000, 1)
    assert [at_s for at_s, one in gone if one.bearer == "sms"] == [11, 41, 101, 161]
    assert [at_s for at_s, one in gone if one.bearer == "sat"] == [0, 101]
    (alarm,) = car.state.emergency.alarms
    assert {one.bearer: one.times for one in alarm.carried} == {"sms": 4, "sat": 2}


@pytest.mark.promise("P-BEARER-06")
def test_the_cap_outlives_a_restart() -> None:
    car = Radio()
    car.press(1.0)
    assert len(car.until(200, 1)) == 4
    after = Radio()
    after.boot = "boot-2"
    after.take(inputs.Restored(car.state.emergency, None), 1.0)
    assert after.until(1000, 1) == []


def test_an_alarm_of_before_a_restart_that_nobody_has_goes_on() -> None:
    car = Radio()
    car.press(1.0)
    after = Radio(line=False)
    after.boot = "boot-2"
    after.take(inputs.Restored(car.state.emergency, None), 1.0)
    assert {one.message.id for _, one in after.until(100, 1, beat=False)} == {car.raised_id}


def test_a_car_without_other_bearers_carries_nothing() -> None:
    car = Car()
    car.press(0.0)
    for at_s in range(100):
        car.take(Tick(), at_s)
    assert of_type(car.effects, CarryAlarm) == []
    assert Rules(RULES.unit, RULES.profile).carrying == {}
