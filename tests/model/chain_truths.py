"""What has to hold in the world of the chain after every step, whatever has happened."""

from collections import Counter

from hypothesis.stateful import invariant

from hq.incidents import press_of
from terminal.contract.messages import AlarmKind
from terminal.contract.topics import MQTT
from terminal.core.alarm import Alarm, AlarmRules, Pressed
from terminal.shown import Urgency
from tests.model.chain_car import BY_SMS
from tests.model.chain_hq import GATEWAYS
from tests.model.chain_mobile import SMS, tails
from tests.model.chain_mobile import incident_of as incident_of_capsule
from tests.model.chain_world import SETTLES_S, World, incident_of

ANSWERING = GATEWAYS[SMS][1]
USE_THE_RADIO_NS = round(AlarmRules().use_the_radio_after_s * 1e9)
MOST_ANSWERS = sum((ANSWERING.most_per_incident, ANSWERING.most_repeats_per_incident))


class Truths(World):
    """The terminal claims no more than is so, and what it costs stays within its caps."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: tuple[int, str, int] = (0, "", 0)
        self.shown_at: dict[tuple[int, str], int] = {}

    @property
    def speaks_of_this_store(self) -> bool:
        """Whether the car has heard which store headquarters has."""
        return not self.is_restored or self.car.emergency.epoch == self.hq.answer()[0]

    @invariant()
    def nothing_is_shown_that_is_not_so(self) -> None:
        self.let_pass(SETTLES_S)
        for alarm in self.car.snapshot().alarms:
            known = self.known(alarm.incident)
            is_of_before = not self.speaks_of_this_store or (self.is_restored and bool(alarm.cleared_by))
            assert known or not alarm.received or is_of_before, "received is shown, and headquarters has nothing"
            assert not alarm.acknowledged_by or (alarm.incident, alarm.acknowledged_by) in self.taken
            is_whole = known is None or known.signals >= alarm.signals or is_of_before
            assert not alarm.cleared_by or is_whole, "cleared without a press"
            is_by_itself = known is not None and known.kind is AlarmKind.TEST
            is_said = is_by_itself or (alarm.incident, alarm.cleared_by) in self.cleared
            assert not alarm.cleared_by or is_said or is_of_before, "nobody has cleared it"

    @invariant()
    def no_press_is_shown_by_the_proof_of_another(self) -> None:
        there, now_ns = self.hq.presses_on_disk(), self.car.now_ns()
        told = {alarm.incident: alarm for alarm in self.car.emergency.alarms}
        for shown in self.car.snapshot().alarms:
            alarm = told[shown.incident]
            if self.is_restored and (shown.cleared_by or not self.speaks_of_this_store):
                continue
            missing = [one for one in alarm.told if press_of(one.id) not in there]
            assert not missing or not shown.received, "received is shown, and a press is not at headquarters"
            seen, counted = self.seen.get(alarm.incident, set()), self.counted.get(alarm.incident, 0)
            unseen = [one for one in alarm.told if press_of(one.id) not in seen and one.number > counted]
            assert not shown.taken or not unseen, "nobody has seen a press"
            is_late = any(now_ns - one.mono_ns >= USE_THE_RADIO_NS for one in missing)
            assert not is_late or shown.cleared_by or shown.urgency is Urgency.USE_THE_RADIO

    @invariant()
    def each_bearers_rungs_speak_of_that_bearer(self) -> None:
        sent = {SMS: tails(self.mobile.car.taken), MQTT: self.network.presses_taken()}
        answered = tails(self.mobile.car.came)
        brought = {bearer: self.hq.presses_on_disk(bearer) for bearer in sent}
        for one in (one for alarm in self.car.emergency.alarms for one in alarm.told):
            press = press_of(one.id)
            assert all(press in sent[bearer] for bearer in one.sent_by), "a bearer that did not take it"
            assert SMS not in one.received_by or press in answered, "no SMS has said so"
            if not self.is_restored:
                assert all(press in brought[bearer] for bearer in one.received_by), "a bearer that did not bring it"

    @invariant()
    def sms_costs_no_more_than_its_caps(self) -> None:
        crashes, cap = self.car.runs - 1, BY_SMS.most_per_incident
        # What was spent is known from the disk after a crash, but for what was under way to the disk.
        most = cap * (1 + crashes) if self.car_disk_failed else cap + crashes
        # The car forgets what has ended: an incident that a backup opens again may cost the same once more.
        most *= 1 + self.restores
        for spent, limit in ((self.mobile.car.handed, most), (self.mobile.hq.handed, MOST_ANSWERS * self.hq.runs)):
            assert max(Counter(map(incident_of_capsule, spent)).values(), default=0) <= limit, "too many SMS"

    @invariant()
    def what_is_shown_is_the_answer_that_was_heard(self) -> None:
        # An SMS speaks of one incident, and its place is that of an answer about all of them.
        is_whole = self.car.core._state.confirmed == self.car.emergency.answer
        if is_whole and self.car.emergency.answer == self.hq.answer() and not self.hq.owes():
            self.shows_the_answer()

    @invariant()
    def no_older_answer_takes_its_place(self) -> None:
        heard = (self.car.runs, *self.car.emergency.answer)
        assert heard[:2] != self.heard[:2] or heard >= self.heard, "an older answer takes the place of a newer one"
        self.heard = heard

    @invariant()
    def nothing_that_is_said_of_an_incident_gives_way_to_what_was_said_before(self) -> None:
        self.note_what_is_said()
        for alarm in self.car.snapshot().alarms:
            said = self.said.get(alarm.incident, [])
            shown = (alarm.acknowledged_by, alarm.cleared_by)
            # A clearance without every press of it says who took it all the same.
            known = (at for at, one in enumerate(said) if shown in (one, (one[0], "")))
            at = max(known, default=None)
            place = (self.car.runs, alarm.incident)
            if at is not None:
                assert at >= self.shown_at.get(place, 0), f"{shown} is shown again, and what came later was known"
                self.shown_at[place] = at

    def shows_the_answer(self) -> None:
        """Whatever headquarters knows every press of, the car shows as headquarters does."""
        for alarm in self.car.snapshot().alarms:
            known = self.known(alarm.incident)
            # One message names one press and says how many there were: those before it may be missing after a restore.
            if known is not None and len(known.presses) >= alarm.signals:
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
        others = set(found) - {incident_of(press) for press in (*self.real, *self.tried)}
        assert len(others) <= self.raised, "an incident that nobody raised"

    @invariant()
    def a_press_is_in_one_incident(self) -> None:
        presses = [press for one in self.hq.desk.incidents() for press in one.presses]
        # One in the window of a test may be told again as a real one, after a crash.
        assert len(presses) <= len(self.real) + 2 * len(self.tried) + self.raised, "a press counts twice"

    @invariant()
    def a_press_is_real_and_loud(self) -> None:
        for press in self.real:
            known = self.known(incident_of(press))
            assert known is None or (known.kind is AlarmKind.REAL and not known.silent)

    @invariant()
    def a_silent_alarm_lights_no_lamp(self) -> None:
        if not [one for one in self.car.snapshot().alarms if not one.silent and not one.cleared_by]:
            assert self.car.board.rung == ""

    def told_of(self, press: str) -> tuple[Alarm, Pressed] | None:
        """The alarm in the car in which a press is, and what is proved of it."""
        found = ((alarm, one) for alarm in self.car.emergency.alarms for one in alarm.told)
        return next(((alarm, one) for alarm, one in found if one.id == press), None)
