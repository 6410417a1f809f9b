"""The page's words: nothing is claimed that the snapshot does not prove."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from hal.readings import Fix, FixMode
from terminal.asked import RaiseAlarm
from terminal.link import Snapshot
from terminal.screen import frame, ladder, status, trouble, words
from terminal.screen.cells import Box
from terminal.screen.feed import Seen
from terminal.screen.language import Language, Say
from terminal.screen.pages import car
from terminal.screen.sos import Arming, Sos
from terminal.screen.state import Page, ScreenState
from terminal.screen.view import View
from terminal.shown import (
    AlarmView,
    CrewView,
    DutyView,
    LineView,
    MemberView,
    PositionView,
    ProvedView,
    SourceView,
    Trouble,
    UnitView,
    Urgency,
    VehicleView,
)

SECOND_NS = 1_000_000_000
NOW_NS = 10_000 * SECOND_NS
SAY = Say(Language.ENGLISH)
HEARD = {"connected": True, "hq_silent": False, "hq_heard_mono_ns": NOW_NS}


def snapshot(**facts: object) -> Snapshot:
    return Snapshot(unit=UnitView("U1", "", "", "NS"), duty=DutyView(status="busy"), **facts)


def view(seen: Snapshot) -> View:
    local = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
    return View(seen=Seen(snapshot=seen), state=ScreenState(), say=SAY, now_ns=NOW_NS, local=local, height=15, width=50)


@pytest.mark.promise("P-SHOW-04")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LineView(), ("HQ --", "bad")),
        (LineView(storing=True, attended=True, hq_silent=False), ("HQ --", "bad")),
        (LineView(connected=True), ("HQ --", "bad")),
        (LineView(connected=True, hq_heard_mono_ns=NOW_NS - 21 * SECOND_NS), ("HQ 21 s", "bad")),
        (LineView(**HEARD), ("HQ NOT STORING", "bad")),
        (LineView(**HEARD, attended=True), ("HQ NOT STORING", "bad")),
        (LineView(**HEARD, storing=True), ("HQ 0 s", "warn")),
        (LineView(**HEARD, storing=True, attended=True), ("HQ 0 s", "good")),
        (LineView(**HEARD, storing=True, attended=True, trouble=Trouble.HQ_DEAF), ("HQ 0 s", "bad")),
    ],
)
def test_the_line_says_the_worst_of_it(line: LineView, said: words.Said):
    assert status.line(view(snapshot()), line) == said


@pytest.mark.promise("P-WATCH-02")
@pytest.mark.parametrize("language", Language)
def test_every_trouble_that_is_proved_fits_the_line_in_every_language(language: Language):
    said = {one: trouble.in_words(Say(language), one) for one in Trouble}
    assert [one for one, in_words in said.items() if not in_words] == [Trouble.NONE, Trouble.CONNECTING]
    assert len(set(said.values())) == len(Trouble) - 1
    assert max(len(in_words) for in_words in said.values()) <= 50


def test_the_disk_comes_before_the_line_and_the_line_before_the_devices():
    sources = (SourceView("gnss", up=False), SourceView("can", up=True))
    assert frame.notice(view(snapshot())) == ("", "plain")
    assert frame.notice(view(snapshot(sources=sources))) == ("Not working: gnss", "warn")
    refused = LineView(problem="not authorised")
    assert frame.notice(view(snapshot(sources=sources, line=refused))) == ("No line yet; it is being tried", "warn")
    gone = LineView(problem="(long words for a technician)", trouble=Trouble.BROKER_GONE)
    assert frame.notice(view(snapshot(line=gone))) == ("No line: the broker is down; call HQ", "warn")
    full = LineView(problem="not authorised", disk_problem="disk is full")
    assert frame.notice(view(snapshot(line=full))) == ("NOT STORED: the car's disk fails", "bad")


@pytest.mark.promise("P-KIND-13")
@pytest.mark.parametrize(
    ("due", "tones"), [(True, ("warn", "proposed", "proposed")), (False, ("plain", "button", "button"))]
)
def test_an_alarm_that_was_not_proved_lately_is_amber_in_the_line_and_on_the_way_to_its_test(
    due: bool, tones: tuple[str, ...]
) -> None:
    aboard = CrewView(aboard=(MemberView("1001"),))
    seen = view(snapshot(proved=ProvedView(mono_ns=NOW_NS, due=due), crew=aboard))
    assert frame.notice(seen)[0] == ("Alarm not proved lately: send a test" if due else "")
    way = target_of(seen, "page:crew")
    test = target_of(replace(seen, state=ScreenState(page=Page.CREW)), "test")
    assert (frame.notice(seen)[1], way.tone, test.tone) == tones
    broken = view(snapshot(proved=ProvedView(due=due), crew=aboard, sources=(SourceView("can", up=False),)))
    assert target_of(broken, "page:crew").tone == tones[1], "also while the line has something else to say"


def target_of(seen: View, code: str) -> Box:
    return next(box for box in frame.boxes(seen) if box.code == code)


@pytest.mark.parametrize(
    ("vehicle", "said"),
    [
        (VehicleView(), "--"),
        (VehicleView(speed_mps=0.0, speed_source="can"), "0 km/h"),
        (VehicleView(speed_mps=10.0, speed_source="gnss"), "36 km/h"),
    ],
)
def test_a_speed_that_is_not_known_is_no_number(vehicle: VehicleView, said: str):
    assert dict(car.facts(SAY, vehicle))["Speed"] == said


@pytest.mark.promise("P-SHOW-03")
@example(age_s=119 * 60, mode=FixMode.FIX_3D)
@given(age_s=st.integers(-5, 10**6), mode=st.sampled_from(FixMode))
def test_a_position_is_said_as_current_only_when_it_is(age_s: int, mode: FixMode):
    at = Fix(source="g", mono_ns=NOW_NS - age_s * SECOND_NS, mode=mode, lat_deg=45.0, lon_deg=20.0)
    assert status.gnss(view(snapshot()), PositionView(fix=at, last_good=at, stale=True)) == (
        f"GPS {words.age(age_s * SECOND_NS)}",
        "warn",
    )
    assert status.gnss(view(snapshot()), PositionView(fix=at, stale=True)) == ("GPS --", "warn")


def test_a_time_of_day_that_gnss_did_not_give_is_marked():
    at = Fix(source="g", mono_ns=NOW_NS, mode=FixMode.FIX_3D, utc=datetime(2026, 6, 21, 9, 30, tzinfo=UTC))
    assert status.clock(view(snapshot()), snapshot()) == ("12:00?", "warn")
    known = snapshot(position=PositionView(fix=at, last_good=at, stale=False))
    assert status.clock(view(known), known) == ("09:30", "plain")


@pytest.mark.parametrize(
    ("seconds", "said"), [(-3, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")]
)
def test_an_age_has_the_unit_that_fits(seconds: int, said: str):
    assert words.age(seconds * SECOND_NS) == said


@given(st.text())
def test_text_from_elsewhere_stays_on_its_line(text: str):
    said = words.clean(text)
    assert said.isprintable()
    assert said == said.strip()


ALARMS = st.builds(
    AlarmView,
    incident=st.just("I"),
    kind=st.sampled_from(["real", "test"]),
    trigger=st.just("button"),
    silent=st.just(False),
    signals=st.integers(1, 3),
    pressed_mono_ns=st.just(NOW_NS),
    stored=st.booleans(),
    store_failed=st.booleans(),
    sent=st.booleans(),
    received=st.booleans(),
    acknowledged_by=st.sampled_from(["", "Ana"]),
    taken=st.booleans(),
    cleared_by=st.sampled_from(["", "Ana"]),
    cancelled=st.booleans(),
    urgency=st.sampled_from(Urgency),
)


@pytest.mark.promise("P-SHOW-01")
@given(ALARMS)
def test_no_rung_is_said_without_its_proof(alarm: AlarmView):
    rungs = ladder.of_alarm(SAY, alarm, NOW_NS)
    reached = [said.split()[1] for said, _ in rungs.rows if said.startswith(ladder.REACHED)]
    proofs = {
        "PRESSED": True,
        "STORED": alarm.stored,
        "SENT": alarm.sent,
        "RECEIVED": alarm.received,
        "TAKEN": alarm.taken,
        "CLEARED": bool(alarm.cleared_by),
    }
    assert reached == [rung for rung, proved in proofs.items() if proved]
    assert bool(rungs.banner[0]) is (alarm.urgency is not Urgency.NONE)


@pytest.mark.promise("P-SHOW-09")
def test_a_rung_says_by_what_it_was_proved_where_that_is_not_the_brokers_line():
    alarm = AlarmView(
        incident="I", kind="real", trigger="button", silent=False, signals=1, pressed_mono_ns=NOW_NS, sent=True
    )
    by_sms = replace(alarm, received=True, sent_by=("sms",), received_by=("sms",))
    assert [said for said, _ in ladder.of_alarm(SAY, by_sms, NOW_NS).rows[3:5]] == [
        "● SENT (SMS)",
        "● RECEIVED by HQ (SMS)",
    ]
    by_both = replace(by_sms, sent_by=("sms", "mqtt"), received_by=("sms", "mqtt"))
    assert [said for said, _ in ladder.of_alarm(SAY, by_both, NOW_NS).rows[3:5]] == ["● SENT", "● RECEIVED by HQ"]


def test_the_alarm_of_a_timer_does_not_say_that_headquarters_does_not_answer():
    taken = AlarmView(
        incident="I", kind="real", trigger="check-in", silent=False, signals=1, pressed_mono_ns=NOW_NS, received=True
    )
    said = [words for words, _ in ladder.of_alarm(SAY, replace(taken, acknowledged_by="Ana", taken=True), NOW_NS).rows]
    assert said[0].endswith(", the timer")
    assert "● TAKEN by Ana" in said


@pytest.mark.promise("P-SHOW-10")
def test_an_alarm_that_only_the_screen_knows_claims_the_press_alone():
    for core_is_there, banner in ((True, "NOT CONFIRMED"), (False, "USE THE RADIO")):
        rungs = ladder.of_held(SAY, RaiseAlarm(), NOW_NS, NOW_NS, core_is_there=core_is_there)
        assert [said for said, _ in rungs.rows if said.startswith(ladder.REACHED)] == ["● PRESSED"]
        assert rungs.banner == (banner, "urgent")


@pytest.mark.promise("P-SHOW-12")
def test_an_open_alarm_is_shown_before_a_cleared_one_and_a_silent_one_never():
    def alarm(incident: str, **facts: object) -> AlarmView:
        basis = {"kind": "real", "trigger": "button", "silent": False, "signals": 1, "pressed_mono_ns": 0}
        return AlarmView(incident=incident, **(basis | facts))

    cleared, opened = alarm("C", cleared_by="Ana", pressed_mono_ns=9), alarm("O")
    silent, test = alarm("S", silent=True, pressed_mono_ns=10), alarm("T", kind="test", pressed_mono_ns=11)
    assert ladder.shown_alarm((cleared, silent, test, opened)) is opened
    assert ladder.shown_alarm((cleared, silent, test)) is test
    assert ladder.shown_alarm((cleared, silent)) is cleared
    assert ladder.shown_alarm((silent,)) is None


@pytest.mark.promise("P-PRESS-10")
@pytest.mark.parametrize(
    ("after_s", "arming", "left_s"),
    [(0, Arming.ARMED, 3), (2.1, Arming.ARMED, 1), (3, Arming.ARMED, 0), (3.1, Arming.LATE, 0), (4.6, Arming.IDLE, 0)],
)
def test_the_second_tap_counts_for_three_seconds(after_s: float, arming: Arming, left_s: int):
    now_ns = NOW_NS + round(after_s * SECOND_NS)
    assert Sos(NOW_NS).arming(now_ns) is arming
    assert Sos(NOW_NS).left_s(now_ns) == left_s
    assert Sos().arming(now_ns) is Arming.IDLE
