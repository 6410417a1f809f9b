"""What lights a panel that the crew has darkened: what cannot wait, and never a silent alarm."""

import pytest
from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.screen.darkness import WITHOUT_CORE_NS, dimmed
from terminal.screen.feed import Seen
from terminal.screen.palettes import Palette
from terminal.screen.state import ScreenState
from terminal.screen.tapping import tapped
from terminal.shown import CheckInView, Urgency
from tests.screen.gallery import ALARM, NOW_NS, NS_24, snapshot, view

DARK = ScreenState(is_dark=True)
RADIO = replace(ALARM, urgency=Urgency.USE_THE_RADIO)


def with_alarm(**facts: object) -> Snapshot:
    return replace(snapshot(), alarms=(replace(ALARM, **facts),))


def is_dark(told: Snapshot, state: ScreenState = DARK) -> bool:
    return view(Seen(snapshot=told), state, 15, 50).is_dark


LIT = {
    "not confirmed": with_alarm(urgency=Urgency.NOT_CONFIRMED),
    "use the radio": with_alarm(urgency=Urgency.USE_THE_RADIO),
    "exercise": with_alarm(kind="exercise"),
    "check-in": replace(snapshot(), check_in=CheckInView(due_mono_ns=NOW_NS)),
}
NOT_LIT = {
    "a good day": snapshot(),
    "confirmed": with_alarm(urgency=Urgency.NONE, received=True),
    "silent": with_alarm(silent=True),
    "test": with_alarm(kind="test"),
    "cleared": with_alarm(cleared_by="Desk 2"),
    "an alarm of others": snapshot(alarms=(NS_24,)),
    "check-in to come": replace(snapshot(), check_in=CheckInView(due_mono_ns=NOW_NS + 1)),
}


@pytest.mark.promise("P-SHOW-17")
@pytest.mark.parametrize("told", LIT.values(), ids=LIT.keys())
def test_what_cannot_wait_lights_it_and_a_tap_on_dark_darkens_it_all_the_same(told: Snapshot) -> None:
    assert not is_dark(told)
    assert view(Seen(snapshot=told), DARK, 15, 50).is_dim
    again, _ = tapped(DARK, "dark", told, NOW_NS)
    assert is_dark(told, again)


@pytest.mark.parametrize("told", NOT_LIT.values(), ids=NOT_LIT.keys())
def test_what_can_wait_does_not(told: Snapshot) -> None:
    assert is_dark(told)
    assert not view(Seen(snapshot=told), ScreenState(), 15, 50).is_dark
    assert not view(Seen(snapshot=told), ScreenState(), 15, 50).is_dim


def test_a_graver_word_lights_it_again() -> None:
    known, _ = tapped(DARK, "dark", replace(snapshot(), alarms=(ALARM,)), NOW_NS)
    assert not is_dark(replace(snapshot(), alarms=(RADIO,)), known)


def test_an_answer_leaves_it_dark_and_any_other_use_of_it_lit() -> None:
    told = LIT["check-in"]
    assert tapped(DARK, "check-in:answer", told, NOW_NS)[0].is_dark
    assert not tapped(DARK, "page:map", told, NOW_NS)[0].is_dark
    assert not tapped(DARK, "light", told, NOW_NS)[0].is_dark


@pytest.mark.promise("P-SHOW-05")
def test_a_core_that_is_gone_lights_it_and_one_that_is_started_anew_does_not() -> None:
    def gone(for_ns: int) -> bool:
        return view(Seen(last=snapshot(), lost_mono_ns=NOW_NS - for_ns), DARK, 15, 50).is_dark

    assert gone(WITHOUT_CORE_NS - 1)
    assert not gone(WITHOUT_CORE_NS)


def test_what_it_is_lit_with_does_not_dazzle() -> None:
    assert [dimmed(one) for one in (Palette.DAY, Palette.NIGHT, Palette.RED)] == [
        Palette.NIGHT,
        Palette.NIGHT,
        Palette.RED,
    ]
