"""Anything that can happen to a car, its lines and headquarters, in any order: every press arrives, and nothing is
shown that is not so. The real core and the real service run in virtual time; docs/model.md has what is simulated."""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from hq.incidents import NotPossible
from terminal.asked import CancelAlarm, RaiseAlarm
from terminal.contract.messages import AlarmKind
from terminal.contract.topics import MQTT
from terminal.core.alarm import Alarm
from tests.model.chain_car import BY_SMS
from tests.model.chain_ending import PEOPLE, Ending
from tests.model.chain_line import ANSWERS_REMEMBERED, HOSTS, Way, is_alarm
from tests.model.chain_mobile import MOODS, SMS
from tests.model.chain_world import SETTLES_S

FATES = ("arrives", "comes again", "is lost")
CARRIED_WITHIN_S = 60.0
"""Virtual: the brokers have had their time, and an SMS went there and back."""
FOUND_WITHIN_S = 120.0
"""Virtual: both sides have tried every broker, also from their longest pause."""


class Chain(Ending):
    """What the crew, the desk and fate may do."""

    # The crew

    @rule()
    def press(self) -> None:
        self.does(self._press)

    def _press(self) -> None:
        window = self.car.snapshot().armed
        press = self.car.board.press()
        if press in self.tried or press in self.real:
            return
        is_tried = self.window_is_unused and window is not None and window.is_open
        (self.tried if is_tried else self.real).setdefault(press)
        self.window_is_unused = False

    @rule(kind=st.sampled_from(("test", "exercise")))
    def arm(self, kind: str) -> None:
        self.window_is_unused = True
        self.does(lambda: self.car.arm(kind))

    @rule(silent=st.booleans(), kind=st.sampled_from(("real", "test", "exercise")))
    def raise_on_screen(self, silent: bool, kind: str) -> None:
        self.raised += 1
        self.held = RaiseAlarm(kind=kind, silent=silent, incident=_tap(self.raised))
        self.does(lambda: self.car.tap(self.held))

    @rule()
    def the_screen_comes_back(self) -> None:
        """It gives core what it holds, also what core shows and might lose."""
        if self.held is not None:
            self.does(lambda: self.car.tap(self.held))

    @rule(number=st.integers(0, 3))
    def cancel(self, number: int) -> None:
        alarms = self.car.snapshot().alarms
        if alarms:
            incident = alarms[number % len(alarms)].incident
            self.does(lambda: self.car.tap(CancelAlarm(incident=incident)))

    # The desk

    @rule(clears=st.booleans(), number=st.integers(0, 3), who=st.sampled_from(PEOPLE))
    def act(self, clears: bool, number: int, who: str) -> None:
        found = sorted(self.hq.desk.incidents(), key=lambda one: not one.is_open)
        if found:
            self.act_on(found[number % len(found)].incident, clears, who)

    def act_on(self, incident: str, clears: bool, who: str) -> None:
        """A person takes or clears it, if it is there and that is possible."""
        # What an end knew of is counted on the disk.
        clears = clears and self.hq_disk.sound and not self.hq.owes()
        shown = self.known(incident)
        if shown is None:
            return
        # Whoever clears what nobody has taken takes it by that.
        self.taken.add((incident, who))
        self.is_seen_by_a_person(shown)
        if clears:
            self.cleared.add((incident, who))
        desk = self.hq.desk
        acts = desk.clear(incident, who, "over", shown.signals) if clears else desk.acknowledge(incident, who)
        with contextlib.suppress(NotPossible):
            self.loop.run_until_complete(acts)
            self.knew |= {incident: self.hq.presses(incident)} if clears else {}
        self.note_what_is_said()

    # Both at once, and what chance would seldom bring together

    @rule(who=st.sampled_from(PEOPLE))
    def desk_clears_while_the_crew_presses(self, who: str) -> None:
        held, self.network.held = self.network.held, True
        self.act(True, 0, who)
        self.press()
        self.let_pass(0.05)
        self.network.held = held
        self.does(self.network.flow)

    @rule(kind=st.sampled_from(("test", "exercise")), before=st.booleans(), presses=st.integers(1, 2))
    def the_button_is_tried(self, kind: str, before: bool, presses: int) -> None:
        """A press before the window is open, or one more than it is for, is real."""
        self.board(True)
        self.let_pass(1.0)
        self.arm(kind)
        if before:
            self.press()
        self.let_pass(3.0)
        for _ in range(presses):
            self.press()
            self.let_pass(0.05)

    @rule(who=st.sampled_from(PEOPLE))
    def answers_cross(self, who: str) -> None:
        held, self.network.held = self.network.held, True
        self.act(False, 0, who)
        self.act(True, 0, who)
        for broker in self.network.every:
            broker.down.under_way.reverse()
        while coming := self.network.coming_down():
            way, at = coming[0]
            self.does(partial(way.one, at, "arrives"))
            self.let_pass(SETTLES_S)
            self.no_older_answer_takes_its_place()
        self.network.held = held
        self.does(self.network.flow)

    @rule(number=st.integers(0, ANSWERS_REMEMBERED - 1), host=st.sampled_from(HOSTS))
    def an_answer_comes_again(self, number: int, host: str) -> None:
        """Whatever has been answered since."""
        self.does(lambda: self.network.brokers[host].answer_again(number))

    @rule(who=st.sampled_from(PEOPLE), after=st.integers(0, 12))
    def the_power_fails_after_a_clearance_and_a_press(self, who: str, after: int) -> None:
        """Both are in memory, the press is at headquarters, and the disk has got so far with them."""
        self.board(True)
        self.the_brokers_carry()
        self.let_pass(3.0)
        self.fail_the_cars_disk(after)
        self.act(True, 0, who)
        self.let_pass(0.05)
        self.press()
        self.let_pass(0.1)
        self.crash("car")
        self.disk.left = None
        self.everybody_comes_to_know_the_same()

    @rule(silent=st.booleans(), number=st.integers(0, 9))
    def the_power_fails_after_a_tap_that_comes_late(self, silent: bool, number: int) -> None:
        """Nothing of it is on disk, and no board tells it again."""
        self.the_brokers_carry()
        self.let_pass(3.0)
        self.fail_the_cars_disk(0)
        self.line("held")
        self.raise_on_screen(silent, "real")
        self.let_pass(0.05)
        self.crash("car")
        self.disk.left = None
        ups = [broker.up.under_way for broker in self.network.every]
        under_way = [list(up) for up in ups]
        for up in ups:
            up.clear()
        self.line("flows")
        self.let_pass(5.0)
        for up, late in zip(ups, under_way, strict=True):
            up.extend(late[number % (len(late) + 1) :])
        self.does(self.network.flow)
        self.everybody_comes_to_know_the_same()

    @rule(after=st.integers(0, 12))
    def core_crashes_at_an_operation_of_its_disk(self, after: int) -> None:
        self.fail_the_cars_disk(after)
        self.does(self.network.flow)
        self.let_pass(0.05)
        self.crash("car")
        self.disk.left = None

    @rule(who=st.sampled_from(PEOPLE), takes=st.booleans(), back=st.booleans())
    def only_sms_carries(self, who: str, takes: bool, back: bool) -> None:
        """No broker runs, and what is pressed now is received, and answered, all the same."""
        for host in HOSTS:
            self.broker(host, "ends")
        self._mend_all_but_the_brokers()
        alarm = self._pressed_now()
        if alarm is not None and not self._is_spent(alarm):
            self.let_pass(CARRIED_WITHIN_S)
            self._is_received_by(SMS)
            if takes:
                self._is_taken_by_sms(alarm.incident, who)
        for host in HOSTS if back else ():
            self.broker(host, "begins")

    def _mend_all_but_the_brokers(self) -> None:
        self.disk.left = self.hq_disk.left = None
        self.mobile.car.mood = self.mobile.hq.mood = MOODS[0]
        self.mobile_network("flows")
        self.board(True)
        self.let_pass(12.0)

    def _pressed_now(self) -> Alarm | None:
        """The alarm of a press; none if it is a test, which costs no SMS."""
        self.press()
        self.let_pass(SETTLES_S)
        self.newest = max((one.mono_ns for alarm in self.car.emergency.alarms for one in alarm.told), default=0)
        found = [one for one in self.car.emergency.alarms if self.newest in {told.mono_ns for told in one.told}]
        return found[0] if found and found[0].kind is not AlarmKind.TEST else None

    def _is_spent(self, alarm: Alarm) -> bool:
        times, today = sum(one.times for one in alarm.carried), len(self.car.emergency.spent)
        owed = len(alarm.owed)
        return times + owed > BY_SMS.most_per_incident or today + owed > BY_SMS.most_per_day

    def _is_received_by(self, bearer: str) -> None:
        told = [one for alarm in self.car.emergency.alarms for one in alarm.told if one.mono_ns == self.newest]
        assert all(bearer in one.received_by for one in told), f"nothing brought it by {bearer}"

    def _is_taken_by_sms(self, incident: str, who: str) -> None:
        self.act_on(incident, False, who)
        self.let_pass(CARRIED_WITHIN_S)
        known = self.known(incident)
        assert known is not None
        if self.car.emergency.answer[0] in ("", self.hq.answer()[0]):
            shown = [one.acknowledged_by for one in self.car.snapshot().alarms if one.incident == incident]
            assert shown == [known.acknowledged_by], "no SMS has told who took it"

    @rule(fault=st.sampled_from((*MOODS[1:], "disk")))
    def no_way_is_left(self, fault: str) -> None:
        """No broker runs; the modem refuses, or does not say what it did, or headquarters' disk takes nothing."""
        for host in HOSTS:
            self.broker(host, "ends")
        self._mend_all_but_the_brokers()
        if fault == "disk":
            self.headquarters_disk(0)
        else:
            self.modem("car", fault)
        self.press()
        self.let_pass(CARRIED_WITHIN_S)

    @rule(presses=st.integers(1, 8))
    def more_is_pressed_than_sms_may_cost(self, presses: int) -> None:
        """No broker runs, and every press is a message of its own."""
        for host in HOSTS:
            self.broker(host, "ends")
        self._mend_all_but_the_brokers()
        for _ in range(presses):
            self.press()
            self.let_pass(1.0)
        self.let_pass(15.0)

    @rule()
    def headquarters_stores_nothing(self) -> None:
        """A broker brings the press, and headquarters' disk refuses it."""
        self._mend_all_but_the_brokers()
        self.the_brokers_carry()
        self.let_pass(5.0)
        self.headquarters_disk(0)
        self.press()
        self.let_pass(3.0)

    @rule(who=st.sampled_from(PEOPLE))
    def an_answer_by_sms_is_late(self, who: str) -> None:
        """Meanwhile brokers have told that it was cleared, and open again by a press that the desk did not know."""
        for host in HOSTS:
            self.broker(host, "ends")
        self._mend_all_but_the_brokers()
        alarm = self._pressed_now()
        if alarm is None:
            return
        self.let_pass(CARRIED_WITHIN_S)
        self.mobile_network("held")
        self.act_on(alarm.incident, False, who)
        self.the_brokers_carry()
        self.let_pass(FOUND_WITHIN_S)
        self.network.held = True
        self.act_on(alarm.incident, True, who)
        self.press()
        self.let_pass(0.05)
        self.line("flows")
        self.let_pass(5.0)
        self.nothing_that_is_said_of_an_incident_gives_way_to_what_was_said_before()
        self.mobile_network("flows")

    @rule(wiped=st.booleans(), back=st.booleans())
    def the_second_broker_takes_over(self, wiped: bool, back: bool) -> None:
        """Both sides come to it by themselves, and stay when the first is back."""
        first = HOSTS[0]
        self._mend_all_but_the_brokers()
        self.the_brokers_carry()
        self.broker(first, "ends")
        if wiped:
            self.does(partial(self.network.brokers[first].end, wiped=True))
        self.let_pass(FOUND_WITHIN_S)
        if back:
            self.broker(first, "begins")
        if self._pressed_now() is not None:
            self.let_pass(5.0)
            self._is_received_by(MQTT)

    # Fate

    @rule(seconds=st.sampled_from((0.001, 0.1, 1.0, 5.0, 40.0)))
    def time_passes(self, seconds: float) -> None:
        self.let_pass(seconds)

    @rule(side=st.sampled_from(("car", "hq")))
    def crash(self, side: str) -> None:
        ends = self.car if side == "car" else self.hq
        ends.crash()
        ends.start()

    @rule(after=st.none() | st.integers(0, 12))
    def the_cars_disk(self, after: int | None) -> None:
        self.fail_the_cars_disk(after)

    @rule(after=st.none() | st.integers(0, 12))
    def headquarters_disk(self, after: int | None) -> None:
        self.hq_disk.left = after

    @rule(fate=st.sampled_from(("held", "flows", "cut", "back")))
    def line(self, fate: str) -> None:
        if fate in ("held", "flows"):
            self.network.held = fate == "held"
        if fate == "back":
            self.network.car_up = True
        self.does(self.network.cut if fate == "cut" else self.network.flow)

    @rule(host=st.sampled_from(HOSTS), fate=st.sampled_from(("ends", "begins", "wiped")))
    def broker(self, host: str, fate: str) -> None:
        broker = self.network.brokers[host]
        broker.runs = fate != "ends"
        if fate != "begins":
            self.does(partial(broker.end, wiped=fate == "wiped"))

    @rule(alarm=st.booleans(), number=st.integers(0, 9), fate=st.sampled_from(FATES))
    def one_goes_up(self, alarm: bool, number: int, fate: str) -> None:
        self._one(self.network.going_up(alarms_only=alarm), number, fate)

    @rule(number=st.integers(0, 9), fate=st.sampled_from(FATES))
    def one_comes_down(self, number: int, fate: str) -> None:
        self._one(self.network.coming_down(), number, fate)

    @rule(fate=st.sampled_from(("held", "flows")))
    def mobile_network(self, fate: str) -> None:
        self.mobile.held = fate == "held"
        self.does(self.mobile.flow)

    @rule(number=st.integers(0, 9), fate=st.sampled_from(FATES))
    def one_sms(self, number: int, fate: str) -> None:
        self._one(self.mobile.under_way(), number, fate)

    def _one(self, under_way: Sequence[tuple[Way[Any], int]], number: int, fate: str) -> None:
        if under_way:
            way, at = under_way[number % len(under_way)]
            self.does(partial(way.one, at, fate))

    @rule(side=st.sampled_from(("car", "hq")), mood=st.sampled_from(MOODS))
    def modem(self, side: str, mood: str) -> None:
        card = self.mobile.car if side == "car" else self.mobile.hq
        card.mood = mood

    @rule()
    def headquarters_is_backed_up(self) -> None:
        self.backup = (self.hq.back_up(), dict(self.knew))

    @rule()
    def headquarters_is_restored(self) -> None:
        """From its last backup; nobody waits so long for an SMS."""
        self.restores += 1
        self.mobile.down.under_way.clear()
        store, self.knew = self.backup[0], dict(self.backup[1])
        self.hq.restore(store)
        self.said.clear()
        self.shown_at.clear()

    @rule()
    def the_car_knows_of_another_store_before_it_can_say_more(self) -> None:
        """What the store before had of a press is not shown as received any more."""
        self._mend_all_but_the_brokers()
        self.the_brokers_carry()
        self.let_pass(3.0)
        self.press()
        self.let_pass(3.0)
        self.network.held = True
        self.headquarters_is_restored()
        self.let_pass(10.0)
        self._all_but_alarms_goes_up()
        self.let_pass(SETTLES_S)
        while coming := self.network.coming_down():
            self._one(coming, 0, "arrives")

    def _all_but_alarms_goes_up(self) -> None:
        for broker in self.network.every:
            for at in reversed(range(len(broker.up.under_way))):
                if not is_alarm(broker.up.under_way[at]):
                    self.does(partial(broker.up.one, at, "arrives"))

    @rule(plugged=st.booleans())
    def board(self, plugged: bool) -> None:
        self.does(self.car.board.plug if plugged else self.car.board.unplug)

    @rule(years=st.integers(-20, 20), days=st.integers(-3, 3))
    def headquarters_clock_jumps(self, years: int, days: int) -> None:
        self.hq.ahead_ms = (years * 365 + days) * 86_400_000

    @rule(years=st.integers(-20, 20))
    def gnss_says(self, years: int) -> None:
        at = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=365 * years)
        self.does(lambda: self.car.sense(at))


def _tap(number: int) -> str:
    """The name that the screen gives to one tap."""
    return f"00000000-0000-4000-8000-{number:012d}"


QUICK = settings(
    max_examples=70,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.promise("P-PRESS-02")
@pytest.mark.promise("P-PRESS-18")
@pytest.mark.promise("P-PRESS-19")
@pytest.mark.promise("P-RECEIPT-14")
@pytest.mark.promise("P-RECEIPT-17")
@pytest.mark.promise("P-BEARER-01")
@pytest.mark.promise("P-BEARER-02")
@pytest.mark.promise("P-BEARER-06")
@pytest.mark.promise("P-BEARER-07")
def test_every_press_arrives_and_nothing_is_shown_that_is_not_so() -> None:
    run_state_machine_as_test(Chain, settings=QUICK)


@pytest.mark.promise("P-RECEIPT-17")
@pytest.mark.long
def test_it_does_so_in_long_stories_too() -> None:
    run_state_machine_as_test(Chain, settings=settings(QUICK, max_examples=2000, stateful_step_count=60))
