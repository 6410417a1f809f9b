"""What rings until it is answered, and that a silent alarm is never part of it."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.screen.ringing import AGAIN_NS, Ringing, calls, looked_at, rung
from terminal.screen.sound import Sound
from terminal.shown import CheckInView
from tests.screen.gallery import ALARM, NOW_NS, NS_24, snapshot

CALM = snapshot()
CALLED = snapshot(alarms=(NS_24,))
DUE = replace(CALM, check_in=CheckInView(due_mono_ns=NOW_NS, alarm_mono_ns=NOW_NS + 120 * 10**9))
SECOND_NS = 10**9


def heard(*told: Snapshot, every_ns: int = SECOND_NS, ringing: Ringing | None = None) -> Iterator[tuple[Sound, ...]]:
    """What is to be heard while core says these, one after the other."""
    ringing = ringing or Ringing()
    for number, one in enumerate(told):
        now_ns = NOW_NS + number * every_ns
        ringing, sounds = rung(ringing, calls(one, ringing.seen, now_ns), now_ns)
        yield sounds


def times(sound: Sound, *told: Snapshot) -> int:
    return sum(sound in one for one in heard(*told))


@pytest.mark.promise("P-SHOW-17")
def test_a_check_in_that_is_due_rings_until_it_is_answered() -> None:
    assert AGAIN_NS == 10 * SECOND_NS
    assert times(Sound.CHECK_IN, *[DUE] * 21) == 3
    assert times(Sound.CHECK_IN, *[DUE] * 5, CALM, *[DUE] * 5) == 2, "the next one rings at once"
    early = replace(DUE, check_in=CheckInView(due_mono_ns=NOW_NS + 10**12))
    assert times(Sound.CHECK_IN, *[early] * 21) == 0


def test_an_alarm_of_another_patrol_rings_until_somebody_takes_it_also_one_that_was_there_before_the_screen() -> None:
    taken = snapshot(alarms=(replace(NS_24, acknowledged_by="Desk 2"),))
    assert times(Sound.OTHERS, *[CALLED] * 21) == 3
    assert times(Sound.OTHERS, *[CALLED] * 5, *[taken] * 30) == 1
    assert times(Sound.OTHERS, *[taken] * 30) == 1
    exercise = snapshot(alarms=(replace(NS_24, kind="exercise"),))
    assert times(Sound.OTHERS, *[exercise] * 30) == 1
    assert times(Sound.OTHERS, CALM, *[CALLED] * 5, snapshot(alarms=(NS_24, replace(NS_24, incident="B")))) == 2


def test_it_rings_until_the_crew_has_looked_at_the_map_and_a_new_one_rings_then_too() -> None:
    ringing, _ = rung(Ringing(), calls(CALLED, frozenset(), NOW_NS), NOW_NS)
    ringing = looked_at(ringing)
    both = snapshot(alarms=(NS_24, replace(NS_24, incident="B")))
    assert not any(heard(*[CALLED] * 30, ringing=ringing))
    assert sum(map(len, heard(*[both] * 5, ringing=ringing))) == 1


def test_a_profile_may_leave_alarms_of_others_out() -> None:
    assert CALLED.profile is not None
    quiet = replace(CALLED, profile=replace(CALLED.profile, alarms_of_others_ring=False))
    assert times(Sound.OTHERS, *[quiet] * 21) == 0


@pytest.mark.promise("P-KIND-05")
def test_a_silent_alarm_rings_nothing() -> None:
    assert list(calls(replace(CALM, alarms=(replace(ALARM, silent=True),)), frozenset(), NOW_NS)) == []
