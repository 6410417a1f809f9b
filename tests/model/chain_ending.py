"""How every story of the chain ends: faults stop, and everything comes to be known and closed at both ends."""

from typing import TypeGuard

from terminal.contract.messages import Alarm, AlarmKind, AlarmRaised, AlarmSignalled, Trigger
from terminal.contract.topics import Lane
from tests.model.chain_hq import is_press
from tests.model.chain_mobile import MOODS
from tests.model.chain_truths import Truths

ENDS_WELL_WITHIN_S = 240.0
"""Virtual: several rounds of the slowest repeat, and before them both sides may look for the broker that both reach."""
PEOPLE = ("Novak", "Kos")


class Ending(Truths):
    """Nothing is lost for ever: whatever the story was, it ends well once nothing fails any more."""

    def teardown(self) -> None:
        try:
            self.faults_stop()
            self._everything_is_at_headquarters()
            self._no_press_is_in_what_was_closed_without_it()
            self._car_and_headquarters_know_the_same()
            self._everything_is_closed()
        finally:
            self.close_everything()

    def faults_stop(self) -> None:
        """On lines and disks that carry everything, for as long as it takes."""
        self.disk.left = self.hq_disk.left = None
        self.mobile.car.mood = self.mobile.hq.mood = MOODS[0]
        self.mobile.held = False
        self.does(self.mobile.flow)
        self.does(self.car.board.plug)
        self.the_brokers_carry()
        self.let_pass(ENDS_WELL_WITHIN_S)

    def the_brokers_carry(self) -> None:
        """All that both sides hand to them."""
        self.network.car_up, self.network.held = True, False
        for broker in self.network.every:
            broker.runs = True
        self.does(self.network.flow)

    def _everything_is_at_headquarters(self) -> None:
        assert self.car.board.latch.numbers() == [], "the board still holds a press"
        outbox = self.car.outbox()
        assert outbox is not None
        assert outbox.pending(Lane.ALARM) == []
        # What an older store lacks of the track no car has any more.
        gaps = self.loop.run_until_complete(self.hq.desk.gaps())
        assert [one for one in gaps if not (self.is_restored and one.lane is Lane.TRACK)] == []
        for alarm in self.car.snapshot().alarms:
            assert alarm.received, alarm
            assert alarm.stored or self._only_headquarters_knows(alarm.incident), alarm
        self.shows_the_answer()
        self._every_press_is_real()

    def _every_press_is_real(self) -> None:
        by_button = [one for one in self.hq.messages() if _is_by_button(one) and one.kind is AlarmKind.REAL]
        assert self.hq.presses_of(by_button) >= len(self.real), "a press that headquarters takes for something else"
        for message in by_button:
            known = self.known(message.incident)
            assert known is not None
            assert known.kind is AlarmKind.REAL
            assert not known.silent

    def _only_headquarters_knows(self, incident: str) -> bool:
        """Whether the car has no message of it: what it once had was lost before it was on disk."""
        return all(one.raised_id for one in self.car.emergency.alarms if one.incident == incident) is False

    def _no_press_is_in_what_was_closed_without_it(self) -> None:
        for incident in self.hq.desk.incidents():
            if incident.cleared_by in PEOPLE:
                assert self.hq.presses(incident.incident) == self.knew[incident.incident]

    def everybody_comes_to_know_the_same(self) -> None:
        """On a line that carries everything, whatever happens next."""
        self.hq_disk.left = None
        self.the_brokers_carry()
        self.let_pass(ENDS_WELL_WITHIN_S)
        self._car_and_headquarters_know_the_same()

    def _car_and_headquarters_know_the_same(self) -> None:
        """Whatever a crash made the car forget: what is open at headquarters, and nothing else."""
        here = {one.incident for one in self.car.snapshot().alarms if not one.cleared_by}
        there = {one.incident for one in self.hq.desk.incidents(only_open=True)}
        assert here == there

    def _everything_is_closed(self) -> None:
        for incident in self.hq.desk.incidents(only_open=True):
            self.taken.add((incident.incident, "Novak"))
            self.cleared.add((incident.incident, "Novak"))
            self.is_seen_by_a_person(incident)
            self.loop.run_until_complete(self.hq.desk.clear(incident.incident, "Novak", "over", incident.signals))
        self.let_pass(60.0)
        assert [one for one in self.hq.desk.incidents() if one.is_open] == []
        assert [one for one in self.car.snapshot().alarms if not one.cleared_by] == []
        assert self.car.board.rung == ""


def _is_by_button(message: Alarm) -> TypeGuard[AlarmRaised | AlarmSignalled]:
    return is_press(message) and message.trigger is Trigger.BUTTON
