"""An incident is what its car told, in whatever order, and what people did about it."""

from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from hq import acts, incidents
from hq.incidents import Incident, NotPossible
from hq.marks import Mark
from hq.people import NoName
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    Alarm,
    AlarmCancelled,
    AlarmKind,
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    Place,
    Position,
    Trigger,
    Who,
)
from terminal.contract.topics import Lane
from tests.unit.hq_scene import LJUBLJANA, NOW_MS, REALM, UNIT

INCIDENT = new_incident()
MARIBOR = Position(lat_deg=46.5547, lon_deg=15.6459, utc_ms=NOW_MS + 1000)


def said(message: type, **fields: Any) -> Any:
    return message(id=new_id(), who=Who(unit=UNIT), incident=INCIDENT, **fields)


def after(*messages: Alarm, incident: Incident | None = None) -> Incident | None:
    for message in messages:
        incident = incidents.told(incident, REALM, UNIT, message, NOW_MS)
    return incident


def opened(*messages: Alarm, incident: Incident | None = None) -> Incident:
    incident = after(*messages or (said(AlarmRaised),), incident=incident)
    assert incident is not None
    return incident


@pytest.mark.promise("P-PRESS-02", "P-RECEIPT-10")
def test_messages_lead_to_the_same_incident_in_any_order() -> None:
    messages = [
        said(AlarmRaised, position=LJUBLJANA, kind=AlarmKind.TEST),
        said(AlarmSignalled, signal=2, position=MARIBOR, kind=AlarmKind.TEST),
        said(AlarmCancelled, kind=AlarmKind.TEST),
    ]
    ends = [opened(*order) for order in permutations(messages)]
    assert all(end == ends[0] for end in ends)
    assert (ends[0].signals, ends[0].cancelled, ends[0].position) == (2, True, MARIBOR)
    assert ends[0].is_open, "a cancellation is a claim, not an end"


@pytest.mark.promise("P-PRESS-03", "P-RECEIPT-10")
def test_what_further_calls_came_from_is_kept_whichever_comes_first() -> None:
    calls = [
        said(AlarmRaised, trigger=Trigger.CHECK_IN),
        said(AlarmSignalled, signal=2, trigger=Trigger.VEHICLE, vehicle_event="Airbag"),
        said(AlarmSignalled, signal=3, trigger=Trigger.BUTTON),
    ]
    ends = [opened(*order) for order in permutations(calls)]
    assert all(end == ends[0] for end in ends)
    assert (ends[0].trigger, ends[0].vehicle_event, ends[0].also_by) == (Trigger.CHECK_IN, "", ("Airbag", "button"))


@pytest.mark.parametrize("said_so", ["\x1b[2J", "A.B\nC", "A" * 201, "A B"])
def test_what_is_no_signal_of_a_vehicle_is_not_said_to_be_one(said_so: str) -> None:
    calls = [said(AlarmRaised, trigger=Trigger.VEHICLE, vehicle_event=said_so)]
    calls.append(said(AlarmSignalled, signal=2, trigger=Trigger.VEHICLE, vehicle_event=said_so))
    alarm = opened(*calls)
    assert (alarm.vehicle_event, alarm.also_by) == ("", ("vehicle",))


@pytest.mark.promise("P-KIND-08")
def test_a_press_after_a_cancellation_takes_it_back_in_whatever_order_they_come() -> None:
    presses = [said(AlarmRaised), said(AlarmSignalled, signal=2)]
    for order in permutations([*presses, said(AlarmCancelled, signals=1)]):
        assert not opened(*order).cancelled
    for claim in (said(AlarmCancelled, signals=2), said(AlarmCancelled)):
        assert {opened(*order).cancelled for order in permutations([*presses, claim])} == {True}
    assert opened(said(AlarmCancelled, signals=1)).cancelled, "it may overtake its press"


@pytest.mark.promise("P-PRESS-02")
def test_a_press_whose_certificate_has_expired_meanwhile_counts_and_waits_for_a_person() -> None:
    first, second = said(AlarmRaised), said(AlarmSignalled, signal=2)
    taken = acts.acknowledged(marked(None, first, Mark.VERIFIED), "Novak", NOW_MS)
    again = marked(taken, second, Mark.EXPIRED)
    assert (again.signals, again.is_untaken, again.signature) == (2, True, Mark.VERIFIED)
    assert marked(again, second, Mark.EXPIRED).signals == 2
    assert marked(taken, second, Mark.WRONG, credible=False).signals == 1, "anybody may have said that"
    other_way = marked(marked(None, second, Mark.EXPIRED), first, Mark.VERIFIED)
    assert (other_way.signals, other_way.signature) == (2, Mark.VERIFIED)


@pytest.mark.promise("P-PRESS-18")
@pytest.mark.parametrize("bare", [Mark.MISSING, Mark.UNKNOWN_KEY])
def test_a_press_that_a_person_ended_unsigned_opens_nothing_when_it_comes_signed_word_for_word(bare: Mark) -> None:
    """As one that was pressed before the car's cryptography was loaded, whose receipt was lost."""
    first = said(AlarmRaised, position=LJUBLJANA)
    shown = marked(None, first, bare, credible=bare is Mark.MISSING)
    ended = acts.cleared(shown, "Novak", "spoken to", NOW_MS)
    signed = marked(ended, replace(first, place=Place("outbox", Lane.ALARM, 1)), Mark.VERIFIED)
    assert (signed.cleared_by, signed.signature, signed.signals) == ("Novak", Mark.VERIFIED, 1)
    for other in (replace(first, position=MARIBOR), replace(first, silent=True), said(AlarmSignalled, signal=2)):
        assert marked(ended, other, Mark.VERIFIED).is_open, "nobody has read that"
        assert marked(ended, said(AlarmSignalled, signal=2), bare, credible=bare is Mark.MISSING).is_open


def test_so_does_a_further_press_on_an_incident_that_is_signed() -> None:
    known = acts.cleared(marked(None, said(AlarmRaised), Mark.VERIFIED), "Novak", "over", NOW_MS)
    again = said(AlarmSignalled, signal=2)
    bare = marked(known, again, Mark.MISSING, credible=False)
    assert (bare.is_open, bare.signals) == (True, 1)
    signed = marked(acts.cleared(bare, "Kos", "spoken to", NOW_MS), again, Mark.VERIFIED)
    assert (signed.cleared_by, signed.signals) == ("Kos", 2)
    assert marked(bare, again, Mark.VERIFIED).is_untaken, "nobody has ended it"


def test_what_its_car_was_told_of_an_incident_stays_when_something_better_signed_takes_its_place() -> None:
    taken = acts.acknowledged(marked(None, said(AlarmRaised), Mark.MISSING), "Novak", NOW_MS)
    proved = marked(replace(taken, told_revision=5), said(AlarmMoved, position=LJUBLJANA), Mark.VERIFIED)
    assert (proved.acknowledged_by, proved.told_revision) == ("Novak", 5)


def marked(incident: Incident | None, message: Alarm, mark: Mark, *, credible: bool = True) -> Incident:
    after = incidents.told(incident, REALM, UNIT, message, NOW_MS, mark, credible=credible)
    assert after is not None
    return after


@pytest.mark.promise("P-SEND-08")
def test_where_an_open_alarm_is_follows_its_car_though_one_position_was_dated_years_ahead() -> None:
    ahead = replace(LJUBLJANA, utc_ms=NOW_MS + 20 * 365 * 86_400_000)
    moved = opened(said(AlarmRaised, position=LJUBLJANA), said(AlarmMoved, position=ahead))
    assert opened(said(AlarmMoved, position=MARIBOR), incident=moved).position == MARIBOR


def test_an_alarm_that_waited_for_a_line_says_when_it_was_pressed() -> None:
    presses = [said(AlarmRaised, utc_ms=NOW_MS - 7_200_000), said(AlarmSignalled, signal=2, utc_ms=NOW_MS - 1000)]
    assert {opened(*order).late_s for order in permutations(presses)} == {7200}
    assert opened(said(AlarmRaised)).late_s is None, "a car that trusts no clock says nothing"
    assert opened(said(AlarmRaised, utc_ms=NOW_MS + 60_000)).late_s == 0


def test_an_incident_says_what_the_car_was_doing_when_it_called() -> None:
    facts = {"speed_mps": 12.5, "lights_on": True, "siren_on": False, "door_open": True, "vehicle_event": "Vehicle.X"}
    seen = opened(said(AlarmRaised, **facts), said(AlarmSignalled, signal=2))
    assert {name: getattr(seen, name) for name in facts} == facts


@pytest.mark.promise("P-KIND-04")
@pytest.mark.parametrize("kind", AlarmKind)
def test_whatever_comes_first_says_of_what_kind_the_incident_is_and_whether_it_is_silent(kind: AlarmKind) -> None:
    for message in (
        said(AlarmSignalled, signal=2, kind=kind, silent=True),
        said(AlarmCancelled, kind=kind, silent=True),
    ):
        assert (opened(message).kind, opened(message).silent) == (kind, True)


def test_what_one_message_calls_real_is_real_in_any_order_and_what_one_calls_silent_is_silent() -> None:
    messages = [
        said(AlarmRaised, kind=AlarmKind.TEST, silent=True),
        said(AlarmRaised, kind=AlarmKind.EXERCISE),
        said(AlarmRaised),
    ]
    for order in permutations(messages):
        assert (opened(*order).kind, opened(*order).silent) == (AlarmKind.REAL, True)


def test_a_position_alone_begins_no_incident() -> None:
    assert after(said(AlarmMoved, position=LJUBLJANA)) is None


@pytest.mark.promise("P-RECEIPT-10")
def test_an_older_position_does_not_replace_a_newer_one() -> None:
    incident = opened(said(AlarmRaised, position=MARIBOR), said(AlarmMoved, position=LJUBLJANA))
    assert incident.position == MARIBOR


@pytest.mark.promise("P-HQ-01", "P-KIND-09")
def test_the_first_who_takes_it_keeps_it_and_only_a_person_with_a_reason_ends_it() -> None:
    taken = acts.acknowledged(opened(), " Dispatcher 7 ", NOW_MS)
    assert taken.acknowledged_by == "Dispatcher 7"
    with pytest.raises(NotPossible, match="Dispatcher 7"):
        acts.acknowledged(taken, "Dispatcher 8", NOW_MS)
    with pytest.raises(NoName):
        acts.cleared(taken, "", "over", NOW_MS)
    with pytest.raises(NotPossible):
        acts.cleared(taken, "Dispatcher 7", " ", NOW_MS)
    ended = acts.cleared(taken, "Dispatcher 7", "help arrived", NOW_MS)
    assert not ended.is_open
    with pytest.raises(NotPossible):
        acts.cleared(ended, "Dispatcher 8", "again", NOW_MS)
    with pytest.raises(NotPossible):
        acts.acknowledged(ended, "Dispatcher 8", NOW_MS)


@pytest.mark.promise("P-KIND-10")
def test_a_press_after_the_clearance_opens_it_again_and_nobody_has_taken_it() -> None:
    ended = acts.cleared(acts.acknowledged(opened(), "A", NOW_MS), "A", "over", NOW_MS)
    again = after(said(AlarmSignalled, signal=2), incident=ended)
    assert again is not None
    assert again.is_open
    assert (again.acknowledged_by, again.signals) == ("", 2)


def test_what_is_no_press_leaves_a_cleared_incident_cleared() -> None:
    ended = acts.cleared(opened(), "A", "over", NOW_MS)
    still = after(said(AlarmCancelled), said(AlarmMoved, position=LJUBLJANA), incident=ended)
    assert still is not None
    assert not still.is_open


def test_the_car_is_told_who_took_it_and_why_it_ended() -> None:
    ended = acts.cleared(acts.acknowledged(opened(), "A", NOW_MS), "B", "over", NOW_MS)
    status = incidents.status(ended, NOW_MS)
    assert (status.incident, status.acknowledged_by, status.cleared_by, status.reason) == (INCIDENT, "A", "B", "over")


@pytest.mark.promise("P-SHOW-01")
def test_the_car_is_told_that_its_newest_press_waits_for_a_person() -> None:
    taken = acts.acknowledged(opened(), "A", NOW_MS)
    again = after(said(AlarmSignalled, signal=2), incident=taken)
    assert again is not None
    anew = acts.acknowledged(again, "B", NOW_MS)
    by_itself = acts.closed_test(replace(again, kind=AlarmKind.TEST), NOW_MS)
    told = [incidents.status(one, NOW_MS) for one in (opened(), taken, again, by_itself, anew)]
    assert [one.acknowledged_by for one in told] == ["", "A", "A", "A", "B"]
    assert [one.untaken for one in told] == [False, False, True, True, False]


def test_a_car_is_told_which_presses_its_clearance_knew_of() -> None:
    ended = acts.cleared(opened(), "Novak", "false alarm", NOW_MS)
    assert (incidents.status(ended, NOW_MS).cleared_by, incidents.status(ended, NOW_MS).signals) == ("Novak", 1)
    again = after(said(AlarmSignalled, signal=2), incident=ended)
    assert again is not None
    assert (incidents.status(again, NOW_MS).cleared_by, incidents.status(again, NOW_MS).signals) == ("", 2)


def test_who_says_twice_that_it_is_taken_or_over_has_done_it_once() -> None:
    taken = acts.acknowledged(opened(), "Dispatcher  7", NOW_MS)
    assert acts.acknowledged(taken, "dispatcher 7", NOW_MS + 1) == taken
    ended = acts.cleared(taken, "Dispatcher 7", "over", NOW_MS)
    assert acts.cleared(ended, "Dispatcher 7", "over", NOW_MS + 1) == ended


def test_who_ends_what_nobody_took_has_taken_it() -> None:
    ended = acts.cleared(opened(), "Dispatcher 8", "test of the garage", NOW_MS)
    assert (ended.acknowledged_by, ended.cleared_by) == ("Dispatcher 8", "Dispatcher 8")


def test_a_signal_after_it_was_taken_waits_for_a_person_again_and_anybody_may_take_it() -> None:
    taken = acts.acknowledged(opened(), "A", NOW_MS)
    again = after(said(AlarmSignalled, signal=2), incident=taken)
    assert again is not None
    assert (again.acknowledged_by, again.is_untaken) == ("A", True), "the car goes on showing who has it"
    assert not acts.acknowledged(again, "A", NOW_MS).is_untaken
    retaken = acts.acknowledged(again, "B", NOW_MS)
    assert (retaken.acknowledged_by, retaken.is_untaken) == ("B", False)
    late = after(said(AlarmRaised), incident=retaken)
    assert replace(late, presses=retaken.presses) == retaken, "a press that came late was counted before"


@pytest.mark.parametrize("name", ["", " \t", "x" * 65, "Nov\u202eak", "A\x00B", "Headquarters", "HEADQUARTERS "])
def test_what_is_no_persons_name_is_refused(name: str) -> None:
    with pytest.raises(NoName):
        acts.acknowledged(opened(), name, NOW_MS)


def test_a_name_is_kept_in_one_spelling() -> None:
    assert acts.acknowledged(opened(), " C\u030crta  7 ", NOW_MS).acknowledged_by == "\u010crta 7"


def test_an_alarm_that_was_signalled_again_unseen_is_not_over() -> None:
    again = after(said(AlarmSignalled, signal=2), incident=opened())
    assert again is not None
    with pytest.raises(NotPossible, match="pressed again"):
        acts.cleared(again, "A", "over", NOW_MS, seen=1)
    assert not acts.cleared(again, "A", "over", NOW_MS, seen=2).is_open


@pytest.mark.promise("P-HQ-13")
def test_who_does_not_say_what_they_know_of_ends_what_was_known_when_it_was_taken() -> None:
    taken = acts.acknowledged(opened(), "A", NOW_MS)
    again = after(said(AlarmSignalled, signal=2), incident=taken)
    assert again is not None
    with pytest.raises(NotPossible, match="2 times by now and not 1; look at it, and take it again"):
        acts.cleared(again, "B", "over", NOW_MS)
    assert not acts.cleared(acts.acknowledged(again, "B", NOW_MS), "B", "over", NOW_MS).is_open
    assert not acts.cleared(again, "B", "over", NOW_MS, seen=2).is_open


@pytest.mark.promise("P-KIND-14")
def test_headquarters_ends_by_itself_nothing_but_a_test_even_if_it_was_one_a_moment_ago() -> None:
    test = opened(said(AlarmRaised, kind=AlarmKind.TEST))
    ended = acts.closed_test(test, NOW_MS)
    assert (ended.cleared_by, ended.reason, ended.acknowledged_by) == ("headquarters", "test", "")
    for other in (
        opened(),
        opened(said(AlarmRaised, kind=AlarmKind.EXERCISE)),
        after(said(AlarmRaised), incident=test),
    ):
        assert other is not None
        with pytest.raises(NotPossible):
            acts.closed_test(other, NOW_MS)


@pytest.mark.promise("P-BEARER-07")
def test_a_number_of_presses_is_said_only_when_all_of_them_are_here() -> None:
    third = after(said(AlarmSignalled, signal=3), incident=opened())
    assert third is not None
    assert (third.signals, incidents.in_full(third, third.signals)) == (3, 0)
    whole = after(said(AlarmSignalled, signal=2), incident=third)
    assert whole is not None
    assert incidents.in_full(whole, whole.signals) == 3
