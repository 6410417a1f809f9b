"""What a tap does: the screen's own steps, and what core is told."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.asked import (
    AnswerCheckIn,
    AnswerJob,
    ArmButton,
    CancelAlarm,
    FileReport,
    LogIn,
    LogOut,
    RaiseAlarm,
    ReadText,
    SendText,
    SetDuty,
    StartShift,
)
from terminal.contract.work import JobStep
from terminal.link import decode_command, encode_line
from terminal.screen import frame
from terminal.screen.cells import Area, hit
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.pages import crew
from terminal.screen.sos import PLACES, Arming, is_elsewhere, touched
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import Tapped, tapped
from terminal.screen.wanted import Wanted
from terminal.shown import VehicleView
from tests.screen.gallery import ALARM, NOW_NS, Snapshot, in_scene, replace, snapshot, view

HERE = snapshot("border")
MOVING = replace(HERE, vehicle=VehicleView(speed_mps=20.0))


def taps(*codes: str, state: ScreenState | None = None, seen: Snapshot = HERE, now_ns: int = NOW_NS) -> Tapped:
    """The screen after these taps, and all that core was told."""
    state, told = state or ScreenState(), ()
    for code in codes:
        state, commands = tapped(state, code, seen, now_ns)
        told += commands
    return state, told


def test_sos_is_two_taps_and_neither_place_alone_does_anything() -> None:
    assert taps("arm", "send")[1] == (RaiseAlarm(),)
    assert taps("send", "send", "send")[1] == ()
    assert taps("arm", "arm", "arm")[1] == ()


def test_a_second_tap_that_comes_late_sends_nothing() -> None:
    state, _ = taps("arm")
    assert taps("send", state=state, now_ns=NOW_NS + 3_100_000_000)[1] == ()


S = 1_000_000_000


@pytest.mark.promise("P-PRESS-21")
def test_a_slip_between_the_two_taps_is_forgiven_and_rain_is_not() -> None:
    def second_tap(*elsewhere_s: float) -> tuple[Wanted, ...]:
        state, _ = taps("arm")
        for at_s in sorted(elsewhere_s):
            state = replace(state, elsewhere_ns=touched(state.elsewhere_ns, NOW_NS + round(at_s * S)))
        return taps("send", state=state, now_ns=NOW_NS + 2 * S)[1]

    assert second_tap(0.5) == (RaiseAlarm(),)
    assert second_tap(0.5, 0.9) == ()
    assert second_tap(-0.5, 0.9) == (), "nor when it began before"
    assert second_tap(-1.5, -1.1, -1.0, 0.9) == (RaiseAlarm(),), "what was typed before does not count for long"


def test_what_is_refused_because_of_rain_is_taken_a_moment_later() -> None:
    state, _ = taps("arm", state=ScreenState(elsewhere_ns=(NOW_NS - S, NOW_NS)))
    assert taps("send", state=state, now_ns=NOW_NS + S)[1] == ()
    assert taps("send", state=state, now_ns=NOW_NS + 2 * S)[1] == (RaiseAlarm(),)


@pytest.mark.promise("P-PRESS-21")
def test_quick_use_before_sos_holds_nobody_back_who_taps_its_second_place_again() -> None:
    used = (NOW_NS - S, NOW_NS - S // 2)
    state, told = taps("arm", "send", state=ScreenState(elsewhere_ns=used))
    assert told == ()
    assert taps("send", state=state, now_ns=NOW_NS + S // 2)[1] == (RaiseAlarm(),)
    wet = replace(state, elsewhere_ns=(*used, NOW_NS + 1, NOW_NS + 2))
    assert taps("send", "send", "send", state=wet, now_ns=NOW_NS + S // 2)[1] == ()


def test_only_what_is_beside_both_places_and_on_a_lit_panel_is_elsewhere() -> None:
    armed, dark = (frame.boxes(in_scene(name, Language.ENGLISH, 15, 50)) for name in ("armed", "dark"))
    arm, send = (next(box.area for box in armed if box.code == code) for code in PLACES)
    for area in (arm, send):
        assert not is_elsewhere(armed, area.top - 1, area.left)
        assert is_elsewhere(armed, area.top - 2, area.left)
    assert not is_elsewhere(dark, 7, 25)
    assert is_elsewhere(armed, 7, 25)


RAIN_S = 60
RUNS = 300


@pytest.mark.promise("P-PRESS-21")
@pytest.mark.parametrize("per_s", [0.5, 2.0, 8.0])
def test_touches_anywhere_rarely_call_for_help(per_s: float) -> None:
    """In 2000 runs of a minute: 6, 5 and 7 in a hundred."""
    chance = Random(1)
    called = sum(_rains(per_s, chance) for _ in range(RUNS))
    assert called / RUNS < 0.12


def _rains(per_s: float, chance: Random) -> bool:
    """Whether a minute of touches anywhere raises an alarm."""
    state, now_ns = ScreenState(), NOW_NS
    while (now_ns := now_ns + round(chance.expovariate(per_s) * S)) < NOW_NS + RAIN_S * S:
        boxes = PICTURES[state.sos.arming(now_ns)]
        row, column = chance.randrange(15), chance.randrange(50)
        if is_elsewhere(boxes, row, column):
            state = replace(state, elsewhere_ns=touched(state.elsewhere_ns, now_ns))
        box = hit(boxes, row, column)
        if box is not None and box.code in PLACES:
            state, told = tapped(state, box.code, HERE, now_ns)
            if told:
                return True
    return False


PICTURES = {
    arming: frame.boxes(in_scene(name, Language.ENGLISH, 15, 50))
    for arming, name in ((Arming.IDLE, "duty"), (Arming.ARMED, "armed"), (Arming.LATE, "late"))
}


@pytest.mark.promise("P-PRESS-20")
def test_a_mistake_is_two_taps_in_two_places_about_one_alarm() -> None:
    assert taps("mistake:I", "mistake:I", "mistake:I")[1] == ()
    assert taps("cancel:I", "cancel:I")[1] == ()
    assert taps("mistake:I", "cancel:I")[1] == (CancelAlarm(incident="I"),)
    assert taps("mistake:I", "cancel:I", "cancel:I")[1] == (CancelAlarm(incident="I"),)
    assert taps("mistake:TEST", "cancel:REAL")[1] == (), "the first tap was about a test"
    assert taps("mistake:I", "page:duty", "cancel:I")[1] == ()
    assert taps("mistake:I", "aside", "cancel:I")[1] == ()


@pytest.mark.promise("P-PRESS-20")
def test_a_mistake_that_is_half_said_is_forgotten_after_a_moment() -> None:
    state, _ = taps("mistake:I")
    assert taps("cancel:I", state=state, now_ns=NOW_NS + 3_000_000_000)[1] == (CancelAlarm(incident="I"),)
    assert taps("cancel:I", state=state, now_ns=NOW_NS + 3_000_000_001)[1] == ()


def test_a_report_is_a_form_its_answers_and_sending() -> None:
    codes = ("form:group", "say:number:n2-5", "say:direction:north", "file:")
    assert taps(*codes)[1] == (FileReport(form="group", answers={"number": "n2-5", "direction": "north"}),)
    assert taps("form:group", "say:number:n1", "file:")[1] == (), "not before every question is answered"
    assert taps("form:no-such-form", "file:")[1] == ()


def test_what_is_locked_while_driving_does_nothing_though_it_be_tapped() -> None:
    assert taps("form:group", seen=MOVING)[0].form == ""
    assert taps("type:text", seen=MOVING)[0].page is Page.DUTY
    filled, _ = taps("form:group", "say:number:n1", "say:direction:north")
    assert taps("file:", state=filled, seen=MOVING)[1] == ()
    typed, _ = taps("type:text", "key:a")
    assert taps("typed", state=typed, seen=MOVING)[1] == ()
    assert taps("typed", state=replace(typed, moved_ns=NOW_NS - 1))[1] == (), "nor a moment later"


def test_what_stays_while_driving() -> None:
    assert taps("duty:busy", seen=MOVING)[1] == (SetDuty(status="busy"),)
    assert taps("answer:01:accepted", seen=MOVING)[1] == (AnswerJob(job="01", step=JobStep.ACCEPTED),)
    assert len(taps("ready:arrived", seen=MOVING)[1]) == 1
    assert taps("arm", "send", seen=MOVING)[1] == (RaiseAlarm(),)


def test_a_ready_text_is_sent_in_the_crews_language() -> None:
    state = ScreenState(language=Language.SERBIAN_LATIN)
    assert taps("ready:arrived", state=state)[1] == (SendText(text="Stigli smo", code="arrived"),)


def test_typed_words_are_sent_and_the_keyboard_goes() -> None:
    state, told = taps("type:text", "key:O", "key:K", "key:x", "key:back", "key:space", "key:1", "typed")
    assert told == (SendText(text="OK 1"),)
    assert state.page is Page.TEXTS
    assert taps("type:text", "key:space", "typed")[1] == ()


def test_a_job_leads_to_its_place_on_the_map() -> None:
    state, told = taps("job:01", "map:45.2688000:19.8391000")
    assert (state.page, state.chart.middle, told) == (Page.MAP, (45.2688, 19.8391), ())


def test_a_job_that_goes_on_keeps_the_page_and_one_that_ends_gives_the_list_back() -> None:
    for step in (JobStep.ACCEPTED, JobStep.EN_ROUTE, JobStep.ON_SCENE):
        assert taps(f"answer:02:{step}", seen=MOVING)[0].job == "02"
    for step in (JobStep.DONE, JobStep.DECLINED):
        assert taps("job:02", f"answer:02:{step}")[0].job == ""


def test_what_was_turned_begins_anew_on_another_page_and_a_text_with_each_opening() -> None:
    turned, _ = taps("page:texts", "turn:answers:1", "open:text:t1", "turn:text:t1:2")
    assert (turned.opened, turned.leaves) == ("text:t1", {"answers": 1, "text:t1": 2})
    assert taps("open:", "open:text:t1", state=turned)[0].leaves == {"answers": 1}
    left, _ = taps("page:jobs", state=turned)
    assert (left.opened, left.leaves) == ("", {})


def test_a_text_outlives_what_takes_the_keyboard_away_and_ends_with_it_put_away() -> None:
    typed, _ = taps("type:text", "key:O", "key:K")
    assert taps("page:duty", "type:text", "typed", state=typed)[1] == (SendText(text="OK"),)
    assert taps("away", state=typed)[0].page is Page.TEXTS
    assert taps("away", "type:text", "typed", state=typed)[1] == ()
    assert taps("in:1003", "key:4", "page:duty", "in:1003", "key:7", "typed")[1] == (LogIn(badge="1003", pin="7"),)


@pytest.mark.parametrize(("begin", "longest"), [("type:badge", 12), ("in:1003", 12), ("type:text", 160)])
def test_no_more_can_be_typed_than_core_takes(begin: str, longest: int) -> None:
    state, _ = taps(begin, *["key:7"] * 200)
    assert state.typing.typed == "7" * longest
    assert [decode_command(encode_line(command)) for command in taps("typed", state=state)[1]] != []


def test_who_has_a_pin_is_asked_for_it() -> None:
    assert taps("in:1003", "key:4", "key:7", "typed")[1] == (LogIn(badge="1003", pin="47"),)
    assert taps("in:77")[1] == (LogIn(badge="77"),)
    assert taps("type:badge", "key:7", "key:7", "typed")[1] == (LogIn(badge="77"),)
    assert taps("out:1001")[1] == (LogOut(badge="1001"),)


def test_after_a_name_or_a_badge_of_the_list_those_on_board_are_shown() -> None:
    listed, _ = taps("page:crew", "open:roster", "turn:roster:1")
    for codes in (("in:77",), ("in:1003", "key:4", "typed"), ("type:badge", "key:0", "key:0", "key:0", "typed")):
        state, _ = taps(*codes, state=listed)
        assert (state.page, state.opened) == (Page.CREW, ""), codes


def test_a_silent_alarm_is_told_to_who_knows_where_to_look_and_for_a_moment_only() -> None:
    silent = replace(ALARM, silent=True, stored=True, sent=True, received=True)
    seen = replace(HERE, alarms=(silent,))
    asked, told = taps("page:crew", "type:badge", "key:0", "key:0", "key:0", "typed", seen=seen)
    assert told == ()
    assert headline(seen, asked).endswith(" ....")
    assert headline(seen, asked, NOW_NS + 6_000_000_000) == headline(HERE, asked) == headline(seen, ScreenState())


@pytest.mark.parametrize(
    ("proved", "dots"),
    [
        ({}, "."),
        ({"stored": True}, ".."),
        ({"sent": True, "store_failed": True}, "..."),
        ({"sent": True, "received": True, "store_failed": True}, "...."),
        ({"stored": True, "sent": True, "received": True, "acknowledged_by": "X", "taken": True}, "....."),
    ],
)
def test_the_dots_name_the_highest_rung_that_is_proved_also_where_one_below_is_not(
    proved: dict[str, object], dots: str
) -> None:
    rungs = {"stored": False, "sent": False, "received": False, "acknowledged_by": "", "taken": False} | proved
    seen = replace(HERE, alarms=(replace(ALARM, silent=True, **rungs),))
    asked, _ = taps("page:crew", "type:badge", "key:0", "key:0", "key:0", "typed", seen=seen)
    assert headline(seen, asked) == f"{headline(HERE, asked)} {dots}"


def headline(seen: Snapshot, state: ScreenState, now_ns: int = NOW_NS) -> str:
    one = replace(view(Seen(snapshot=seen), state, 15, 50), now_ns=now_ns)
    return crew.headline(one, seen, Area(0, 0, 1, 50)).words


def test_the_rest_tells_core_one_thing() -> None:
    assert taps("test")[1] == (RaiseAlarm(kind="test"),)
    assert taps("try-button")[1] == (ArmButton(asked_mono_ns=NOW_NS),)
    assert taps("check-in:answer")[1] == (AnswerCheckIn(),)
    assert taps("shift:start")[1] == (StartShift(), RaiseAlarm(kind="test"))
    assert taps("read:t1")[1] == (ReadText(text_id="t1"),)
    assert taps("decline:01", "answer:01:declined:too-far")[1] == (
        AnswerJob(job="01", step=JobStep.DECLINED, reason="too-far"),
    )


def test_dark_is_one_tap_and_so_is_light_and_neither_does_more() -> None:
    dark, told = taps("dark")
    assert (dark.is_dark, told) == (True, ())
    light, told = taps("light", state=dark)
    assert (light.is_dark, light.page, told) == (False, Page.DUTY, ())


def test_who_puts_an_alarm_aside_is_where_it_was_with_what_it_had_begun() -> None:
    begun = ScreenState(page=Page.REPORT, form="f", answers={"q": "a"}, job="J", opened="T", leaves={"T": 1})
    after, wanted = taps("aside", state=begun)
    assert (replace(after, aside=None), wanted) == (begun, ())
    assert after.aside is not None
    assert taps("page:duty", state=begun)[0].form == ""


CODES = [
    "arm",
    "aside",
    "page:duty",
    "page:map",
    "dark",
    "light",
    "duty:busy",
    "zoom:in",
    "zoom:out",
    "follow:",
    "up:",
    "key:a",
    "form:group",
    "say:number:n1",
    "decline:01",
    "job:01",
    "in:1003",
    "language:sl",
    "palette:red",
    "layout:digits",
    "mistake:I",
    "cancel:I",
    "alarm:",
    "test",
    "try-button",
    "check-in:start",
    "shift:start",
]


@given(st.lists(st.tuples(st.sampled_from(CODES), st.integers(0, 5_000_000_000)), max_size=30))
def test_no_taps_but_the_two_raise_a_real_alarm(codes: list[tuple[str, int]]) -> None:
    state, now_ns = ScreenState(), NOW_NS
    for code, later_ns in codes:
        now_ns += later_ns
        state, told = tapped(state, code, HERE, now_ns)
        assert RaiseAlarm() not in told
