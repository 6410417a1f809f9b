"""Anything that can happen to a car, its line and headquarters, in any order: every press arrives, and nothing is shown
that is not so. The real core and the real service run in virtual time; see chain_world.py for what is simulated."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeGuard

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hal.readings import Press
from hq.incidents import Incident, NotPossible, press_of
from terminal.asked import CancelAlarm, RaiseAlarm
from terminal.contract.identity import incident_of_press, message_of_call
from terminal.contract.messages import Alarm, AlarmKind, AlarmRaised, AlarmSignalled, Trigger
from terminal.contract.topics import Lane
from terminal.core.alarm import AlarmRules
from terminal.shown import Urgency
from tests.model.chain_world import REALM, UNIT, Car, Disk, Headquarters, Network, is_alarm
from tests.model.virtual_time import VirtualLoop

ENDS_WELL_WITHIN_S = 180.0
"""Virtual: several rounds of the slowest repeat."""
SETTLES_S = 0.005
USE_THE_RADIO_NS = round(AlarmRules().use_the_radio_after_s * 1e9)
PEOPLE = ("Novak", "Kos")


class Chain(RuleBasedStateMachine):
    """What the crew, the desk and fate may do, and what has to hold after each of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="chain-", dir=_memory()))
        self.loop = VirtualLoop()
        self.disk = Disk(f"chain-{self.folder.name}")
        self.network = Network(self.loop)
        self.hq_disk = Disk(f"hq-{self.folder.name}")
        self.hq = Headquarters(self.folder / "hq", self.network, self.hq_disk, self.loop)
        self.car = Car(self.folder / "car", self.network, self.disk, self.loop)
        self.real: dict[Press, None] = {}
        self.tried: dict[Press, None] = {}
        self.window_is_unused = False
        self.heard: tuple[int, str, int] = (0, "", 0)
        self.knew: dict[str, int] = {}
        self.raised = 0
        self.taken: set[tuple[str, str]] = set()
        self.cleared: set[tuple[str, str]] = set()
        self.seen: dict[str, set[str]] = {}
        self.held = RaiseAlarm()
        self.let_pass(1.0)

    def let_pass(self, seconds: float) -> None:
        """Time passes, for everybody."""
        self.loop.run_until_complete(_sleep(seconds))

    def _does(self, act: Callable[[], object]) -> None:
        """In the loop, as everything that happens in a program does."""
        self.loop.run_until_complete(_done(act))

    # The crew

    @rule()
    def press(self) -> None:
        self._does(self._press)

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
        self._does(lambda: self.car.arm(kind))

    @rule(silent=st.booleans(), kind=st.sampled_from(("real", "test", "exercise")))
    def raise_on_screen(self, silent: bool, kind: str) -> None:
        self.raised += 1
        self.held = RaiseAlarm(kind=kind, silent=silent, incident=_tap(self.raised))
        self._does(lambda: self.car.tap(self.held))

    @rule()
    def the_screen_comes_back(self) -> None:
        """It gives core what it holds: what core does not show, or shows and might lose."""
        message_id = message_of_call(self.held.incident, self.held.kind)
        shown = [press for alarm in self.car.snapshot().alarms for press in alarm.presses if press.id == message_id]
        if self.raised and not any(press.kept for press in shown):
            self._does(lambda: self.car.tap(self.held))

    @rule(number=st.integers(0, 3))
    def cancel(self, number: int) -> None:
        alarms = self.car.snapshot().alarms
        if alarms:
            incident = alarms[number % len(alarms)].incident
            self._does(lambda: self.car.tap(CancelAlarm(incident=incident)))

    # The desk

    @rule(clears=st.booleans(), number=st.integers(0, 3), who=st.sampled_from(PEOPLE))
    def act(self, clears: bool, number: int, who: str) -> None:
        found = sorted(self.hq.desk.incidents(), key=lambda one: not one.is_open)
        if not found:
            return
        # What an end knew of is counted on the disk.
        clears = clears and self.hq_disk.sound
        incident = found[number % len(found)].incident
        # Whoever clears what nobody has taken takes it by that.
        self.taken.add((incident, who))
        self.seen.setdefault(incident, set()).update(found[number % len(found)].presses)
        if clears:
            self.cleared.add((incident, who))
        acts = self.hq.desk.clear(incident, who, "over") if clears else self.hq.desk.acknowledge(incident, who)
        with contextlib.suppress(NotPossible):
            self.loop.run_until_complete(acts)
            self.knew |= {incident: self._presses_known(incident)} if clears else {}

    def _presses_known(self, incident: str) -> int:
        messages = self.hq.messages()
        return sum(isinstance(one, AlarmRaised | AlarmSignalled) and one.incident == incident for one in messages)

    # Both at once, and what chance would seldom bring together

    @rule(who=st.sampled_from(PEOPLE))
    def desk_clears_while_the_crew_presses(self, who: str) -> None:
        held, self.network.held = self.network.held, True
        self.act(True, 0, who)
        self.press()
        self.let_pass(0.05)
        self.network.held = held
        self._does(self.network.flow)

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
        self.network.down.reverse()
        while self.network.down:
            self._does(lambda: self.network.comes_down(0, "arrives"))
            self.let_pass(SETTLES_S)
            self.no_older_answer_takes_its_place()
        self.network.held = held
        self._does(self.network.flow)

    @rule(number=st.integers(0, 7))
    def an_answer_comes_again(self, number: int) -> None:
        """Whatever has been answered since."""
        self._does(lambda: self.network.an_answer_comes_again(number))

    @rule(who=st.sampled_from(PEOPLE), after=st.integers(0, 12))
    def the_power_fails_after_a_clearance_and_a_press(self, who: str, after: int) -> None:
        """Both are in memory, the press is at headquarters, and the disk has got so far with them."""
        self.board(True)
        self.line("back")
        self.line("flows")
        self.let_pass(3.0)
        self.disk.left = after
        self.act(True, 0, who)
        self.let_pass(0.05)
        self.press()
        self.let_pass(0.1)
        self.crash("car")
        self.disk.left = None
        self._everybody_comes_to_know_the_same()

    @rule(silent=st.booleans(), number=st.integers(0, 9))
    def the_power_fails_after_a_tap_that_comes_late(self, silent: bool, number: int) -> None:
        """Nothing of it is on disk, and no board tells it again."""
        self.line("back")
        self.line("flows")
        self.let_pass(3.0)
        self.disk.left = 0
        self.line("held")
        self.raise_on_screen(silent, "real")
        self.let_pass(0.05)
        self.crash("car")
        self.disk.left = None
        under_way = list(self.network.up)
        self.network.up.clear()
        self.line("flows")
        self.let_pass(5.0)
        self.network.up.extend(under_way[number % (len(under_way) + 1) :])
        self._does(self.network.flow)
        self._everybody_comes_to_know_the_same()

    @rule(after=st.integers(0, 12))
    def core_crashes_at_an_operation_of_its_disk(self, after: int) -> None:
        self.disk.left = after
        self._does(self.network.flow)
        self.let_pass(0.05)
        self.crash("car")
        self.disk.left = None

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
    def disk(self, after: int | None) -> None:
        self.disk.left = after

    @rule(after=st.none() | st.integers(0, 12))
    def headquarters_disk(self, after: int | None) -> None:
        self.hq_disk.left = after

    @rule(fate=st.sampled_from(("held", "flows", "cut", "back", "wiped")))
    def line(self, fate: str) -> None:
        if fate in ("held", "flows"):
            self.network.held = fate == "held"
        if fate == "back":
            self.network.car_up = True
        self._does({"cut": self.network.cut, "wiped": self.network.wipe}.get(fate, self.network.flow))

    @rule(alarm=st.booleans(), number=st.integers(0, 9), fate=st.sampled_from(("arrives", "comes again", "is lost")))
    def one_goes_up(self, alarm: bool, number: int, fate: str) -> None:
        waiting = [index for index, one in enumerate(self.network.up) if is_alarm(one) or not alarm]
        if waiting:
            self._does(lambda: self.network.goes_up(waiting[number % len(waiting)], fate))

    @rule(number=st.integers(0, 9), fate=st.sampled_from(("arrives", "comes again", "is lost")))
    def one_comes_down(self, number: int, fate: str) -> None:
        if self.network.down:
            self._does(lambda: self.network.comes_down(number % len(self.network.down), fate))

    @rule(plugged=st.booleans())
    def board(self, plugged: bool) -> None:
        self._does(self.car.board.plug if plugged else self.car.board.unplug)

    @rule(years=st.integers(-20, 20), days=st.integers(-3, 3))
    def headquarters_clock_jumps(self, years: int, days: int) -> None:
        self.hq.ahead_ms = (years * 365 + days) * 86_400_000

    @rule(years=st.integers(-20, 20))
    def gnss_says(self, years: int) -> None:
        at = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=365 * years)
        self._does(lambda: self.car.sense(at))

    # What has to hold

    @invariant()
    def nothing_is_shown_that_is_not_so(self) -> None:
        self.let_pass(SETTLES_S)
        for alarm in self.car.snapshot().alarms:
            known = self._known(alarm.incident)
            assert known or not alarm.received, "received is shown, and headquarters has nothing"
            assert not alarm.acknowledged_by or (alarm.incident, alarm.acknowledged_by) in self.taken
            assert not alarm.cleared_by or known is None or known.signals >= alarm.signals, "cleared without a press"
            assert not alarm.cleared_by or _by_a_test(known) or (alarm.incident, alarm.cleared_by) in self.cleared

    @invariant()
    def no_press_is_shown_by_the_proof_of_another(self) -> None:
        there, now_ns = self.hq.message_ids(), self.car.now_ns()
        for alarm, shown in zip(self.car.emergency.alarms, self.car.snapshot().alarms, strict=True):
            missing = [one for one in alarm.told if one.id not in there]
            assert not missing or not shown.received, "received is shown, and a press is not at headquarters"
            seen = self.seen.get(alarm.incident, set())
            assert not shown.taken or seen.issuperset(press_of(one.id) for one in alarm.told), "nobody has seen a press"
            is_late = any(now_ns - one.mono_ns >= USE_THE_RADIO_NS for one in missing)
            assert not is_late or shown.cleared_by or shown.urgency is Urgency.USE_THE_RADIO

    @invariant()
    def what_is_shown_is_the_answer_that_was_heard(self) -> None:
        if self.car.emergency.answer == self.hq.answer() and not self.hq.owes():
            self._shows_the_answer()

    @invariant()
    def no_older_answer_takes_its_place(self) -> None:
        heard = (self.car.runs, *self.car.emergency.answer)
        assert heard[:2] != self.heard[:2] or heard >= self.heard
        self.heard = heard

    def _shows_the_answer(self) -> None:
        for alarm in self.car.snapshot().alarms:
            known = self._known(alarm.incident)
            if known is not None and known.signals >= alarm.signals:
                shown = (alarm.acknowledged_by, alarm.cleared_by)
                assert shown == (known.acknowledged_by, known.cleared_by)

    @invariant()
    def what_is_called_stored_is_on_disk(self) -> None:
        assert self.car.released_too_soon == [], "the board let go of a press that is not on disk"
        stored = {one.id for alarm in self.car.emergency.alarms if alarm.stored for one in alarm.told}
        assert not stored or stored <= self.car.on_disk()[1], "shown as stored, and not on disk"

    @invariant()
    def one_press_is_one_incident(self) -> None:
        found = [one.incident for one in self.hq.desk.incidents()]
        assert len(set(found)) == len(found)
        others = set(found) - {_incident_of(press) for press in (*self.real, *self.tried)}
        assert len(others) <= self.raised, "an incident that nobody raised"

    @invariant()
    def a_press_is_in_one_incident(self) -> None:
        presses = [press for one in self.hq.desk.incidents() for press in one.presses]
        # One in the window of a test may be told again as a real one, after a crash.
        assert len(presses) <= len(self.real) + 2 * len(self.tried) + self.raised, "a press counts twice"

    @invariant()
    def a_press_is_real_and_loud(self) -> None:
        for press in self.real:
            known = self._known(_incident_of(press))
            assert known is None or (known.kind is AlarmKind.REAL and not known.silent)

    @invariant()
    def a_silent_alarm_lights_no_lamp(self) -> None:
        if not [one for one in self.car.snapshot().alarms if not one.silent and not one.cleared_by]:
            assert self.car.board.rung == ""

    def _known(self, incident: str) -> Incident | None:
        return self.hq.service._receiver.incidents.get((REALM, UNIT, incident))

    # The end

    def teardown(self) -> None:
        try:
            self._faults_stop()
            self._everything_is_at_headquarters()
            self._no_press_is_in_what_was_closed_without_it()
            self._car_and_headquarters_know_the_same()
            self._everything_is_closed()
        finally:
            self._end()

    def _faults_stop(self) -> None:
        self.disk.left = self.hq_disk.left = None
        self.network.car_up, self.network.held = True, False
        self._does(self.car.board.plug)
        self._does(self.network.flow)
        self.let_pass(ENDS_WELL_WITHIN_S)

    def _everything_is_at_headquarters(self) -> None:
        assert self.car.board.latch.numbers() == [], "the board still holds a press"
        outbox = self.car.outbox()
        assert outbox is not None
        assert outbox.pending(Lane.ALARM) == []
        assert self.loop.run_until_complete(self.hq.desk.gaps()) == []
        for alarm in self.car.snapshot().alarms:
            assert alarm.received, alarm
            assert alarm.stored or self._only_headquarters_knows(alarm.incident), alarm
        self._shows_the_answer()
        by_button = [one for one in self.hq.messages() if _is_press(one) and one.kind is AlarmKind.REAL]
        assert len(by_button) >= len(self.real), "a press that headquarters takes for something else"
        for message in by_button:
            known = self._known(message.incident)
            assert known is not None
            assert known.kind is AlarmKind.REAL
            assert not known.silent

    def _only_headquarters_knows(self, incident: str) -> bool:
        """Whether the car has no message of it: what it once had was lost before it was on disk."""
        return all(one.raised_id for one in self.car.emergency.alarms if one.incident == incident) is False

    def _no_press_is_in_what_was_closed_without_it(self) -> None:
        for incident in self.hq.desk.incidents():
            if incident.cleared_by in PEOPLE:
                assert self._presses_known(incident.incident) == self.knew[incident.incident]

    def _everybody_comes_to_know_the_same(self) -> None:
        """On a line that carries everything, whatever happens next."""
        self.hq_disk.left = None
        self.let_pass(ENDS_WELL_WITHIN_S)
        self._car_and_headquarters_know_the_same()

    def _car_and_headquarters_know_the_same(self) -> None:
        """Whatever a crash made the car forget: what is open at headquarters, and nothing else."""
        here = {alarm.incident for alarm in self.car.snapshot().alarms if not alarm.cleared_by}
        assert here == {one.incident for one in self.hq.desk.incidents(only_open=True)}

    def _everything_is_closed(self) -> None:
        for incident in self.hq.desk.incidents(only_open=True):
            self.taken.add((incident.incident, "Novak"))
            self.cleared.add((incident.incident, "Novak"))
            self.seen.setdefault(incident.incident, set()).update(incident.presses)
            self.loop.run_until_complete(self.hq.desk.clear(incident.incident, "Novak", "over"))
        self.let_pass(60.0)
        assert [one for one in self.hq.desk.incidents() if one.is_open] == []
        assert [one for one in self.car.snapshot().alarms if not one.cleared_by] == []
        assert self.car.board.rung == ""

    def _end(self) -> None:
        for side in (self.car, self.hq):
            side._running.cancel()
        self.loop.run_until_complete(_sleep(10.0))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        self.disk.unregister()
        self.hq_disk.unregister()
        shutil.rmtree(self.folder)


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _done(act: Callable[[], object]) -> None:
    act()


def _tap(number: int) -> str:
    """The name that the screen gives to one tap."""
    return f"00000000-0000-4000-8000-{number:012d}"


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _incident_of(press: Press) -> str:
    return incident_of_press(press.board_id, press.boot_nonce, press.number)


def _is_press(message: Alarm) -> TypeGuard[AlarmRaised | AlarmSignalled]:
    return isinstance(message, AlarmRaised | AlarmSignalled) and message.trigger is Trigger.BUTTON


def _by_a_test(incident: Incident | None) -> bool:
    return incident is not None and incident.kind is AlarmKind.TEST


QUICK = settings(
    max_examples=80,
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
def test_every_press_arrives_and_nothing_is_shown_that_is_not_so() -> None:
    run_state_machine_as_test(Chain, settings=QUICK)


@pytest.mark.promise("P-RECEIPT-17")
@pytest.mark.long
def test_it_does_so_in_long_stories_too() -> None:
    run_state_machine_as_test(Chain, settings=settings(QUICK, max_examples=2000, stateful_step_count=60))
