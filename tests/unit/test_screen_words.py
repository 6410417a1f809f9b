"""The page's words: nothing is claimed that the snapshot does not prove."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hal.readings import Fix, FixMode
from terminal.link import (
    AlarmView,
    DutyView,
    LineView,
    PositionView,
    RaiseAlarm,
    Snapshot,
    SourceView,
    Trouble,
    UnitView,
    Urgency,
    VehicleView,
)
from terminal.screen import ladder, words
from terminal.screen.sos import Arming, Sos

SECOND_NS = 1_000_000_000
NOW_NS = 10_000 * SECOND_NS
HEARD = {"connected": True, "hq_silent": False, "hq_heard_mono_ns": NOW_NS}


def snapshot(**facts: object) -> Snapshot:
    return Snapshot(unit=UnitView("U1", "", "", "NS"), duty=DutyView(status="busy"), **facts)


@pytest.mark.promise("P-SHOW-04")
@pytest.mark.parametrize(
    ("view", "said"),
    [
        (LineView(), ("NO LINE TO HQ", "bad")),
        (LineView(storing=True, attended=True, hq_silent=False, pending=2), ("NO LINE TO HQ, 2 wait", "bad")),
        (LineView(trouble=Trouble.NO_NETWORK, pending=12345), ("NO LINE TO HQ: no network, 12345 wait", "bad")),
        (LineView(trouble=Trouble.DEAD_ZONE, pending=12345), ("NO LINE TO HQ: known dead zone, 12345 wait", "bad")),
        (LineView(trouble=Trouble.CONNECTING), ("NO LINE TO HQ", "bad")),
        (LineView(connected=True, trouble=Trouble.HALF_OPEN), ("LINE DEAD: nothing comes back", "bad")),
        (LineView(**HEARD, storing=True, trouble=Trouble.HQ_DEAF), ("HQ DOES NOT HEAR US, line up", "bad")),
        (LineView(connected=True), ("HQ SILENT, line up", "bad")),
        (LineView(connected=True, hq_heard_mono_ns=NOW_NS - 21 * SECOND_NS), ("HQ SILENT 21 s, line up", "bad")),
        (LineView(**HEARD), ("HQ DOES NOT STORE, line up", "bad")),
        (LineView(**HEARD, attended=True, pending=7), ("HQ DOES NOT STORE, line up, 7 wait", "bad")),
        (LineView(**HEARD, storing=True), ("HQ stores, NOBODY AT THE DESK", "warn")),
        (LineView(**HEARD, storing=True, attended=True), ("HQ stores, desk attended", "good")),
    ],
)
def test_the_line_says_the_worst_of_it(view: LineView, said: words.Said):
    assert words.line(view, NOW_NS) == said


def test_the_disk_comes_before_the_line_and_the_line_before_the_devices():
    sources = (SourceView("gnss", up=False), SourceView("can", up=True))
    assert words.notice(snapshot(), None, NOW_NS) == words.NOTHING
    assert words.notice(snapshot(sources=sources), None, NOW_NS) == ("Not working: gnss", "warn")
    refused = LineView(problem="not authorised")
    assert words.notice(snapshot(sources=sources, line=refused), None, NOW_NS) == ("Line: not authorised", "warn")
    gone = LineView(problem="(long words for a technician)", trouble=Trouble.BROKER_GONE, remedy="call headquarters")
    assert words.notice(snapshot(sources=sources, line=gone), None, NOW_NS) == ("Line: call headquarters", "warn")
    full = LineView(problem="not authorised", disk_problem="disk is full")
    assert words.notice(snapshot(line=full), None, NOW_NS) == ("NOT STORED, disk: disk is full", "bad")


@pytest.mark.parametrize(
    ("vehicle", "said"),
    [
        (VehicleView(), ("--- km/h", "dim")),
        (VehicleView(speed_mps=0.0, speed_source="can"), ("0 km/h", "plain")),
        (VehicleView(speed_mps=10.0, speed_source="gnss"), ("36 km/h gps", "plain")),
        (VehicleView(lights_on=True, siren_on=False), ("LIGHTS --- km/h", "dim")),
    ],
)
def test_a_speed_that_is_not_known_is_no_number(vehicle: VehicleView, said: words.Said):
    assert words.speed(snapshot(vehicle=vehicle)) == said


@pytest.mark.promise("P-SHOW-03")
@example(lat_deg=-90.0, lon_deg=-180.0, age_s=119 * 60, mode=FixMode.FIX_3D)
@given(
    lat_deg=st.one_of(st.none(), st.floats(-90, 90), st.just(float("nan"))),
    lon_deg=st.one_of(st.none(), st.floats(-180, 180), st.just(float("inf"))),
    age_s=st.integers(-5, 10**6),
    mode=st.sampled_from(FixMode),
)
def test_a_position_is_said_as_current_only_when_it_is(lat_deg: float, lon_deg: float, age_s: int, mode: FixMode):
    at = Fix(source="g", mono_ns=NOW_NS - age_s * SECOND_NS, mode=mode, lat_deg=lat_deg, lon_deg=lon_deg)
    said, colour = words.position(PositionView(fix=at, last_good=at, stale=True), NOW_NS)
    assert colour == "warn"
    assert "OLD" in said or "NO POSITION" in said
    assert "nan" not in said
    assert len(said) <= 50


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
    cleared_by=st.sampled_from(["", "Ana"]),
    cancelled=st.booleans(),
    urgency=st.sampled_from(Urgency),
)


@pytest.mark.promise("P-SHOW-01")
@given(ALARMS)
def test_no_rung_is_said_without_its_proof(alarm: AlarmView):
    rungs = ladder.of_alarm(alarm, NOW_NS)
    reached = [said.split()[1] for said, _ in rungs.rows if said.startswith(ladder.REACHED)]
    proofs = {
        "PRESSED": True,
        "STORED": alarm.stored,
        "SENT": alarm.sent,
        "RECEIVED": alarm.received,
        "ACKNOWLEDGED": bool(alarm.acknowledged_by),
        "CLEARED": bool(alarm.cleared_by),
    }
    assert reached == [rung for rung, proved in proofs.items() if proved]
    assert bool(rungs.banner[0]) is (alarm.urgency is not Urgency.NONE)


@pytest.mark.promise("P-SHOW-10")
def test_an_alarm_that_only_the_screen_knows_claims_the_press_alone():
    for core_is_there, banner in ((True, "NOT CONFIRMED"), (False, "USE THE RADIO")):
        rungs = ladder.of_held(RaiseAlarm(), NOW_NS, NOW_NS, core_is_there=core_is_there)
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
