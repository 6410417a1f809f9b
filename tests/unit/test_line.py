"""What is dead of the car's line: told apart by what is proved, and nothing claimed beyond it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hal.readings import LinkQuality
from terminal.contract.dead_zones import Zone
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import Heartbeat
from terminal.core.inputs import HeartbeatHeard, LineChanged, Published, PublishRefused
from terminal.core.line import Line, after_beat, after_change, hq_answers, trouble
from terminal.core.state import snapshot
from terminal.core.supervision import Supervision
from terminal.shown import TROUBLES, Trouble
from tests.unit.core_scene import RULES, Car, fix

PROFILE = Supervision()
S = 1_000_000_000
NOW_NS = 1000 * S
BEAT = Heartbeat(epoch="e", storing=True, attended=True, heard_incarnation="i")
KNOWN = Zone(lost=3, held=2, longest_s=60.0)


def up(**facts: object) -> Line:
    """A line that has been up for long and on which everybody was heard just now."""
    fresh: dict[str, object] = {"connected": True, "incarnation": "i", "since_mono_ns": NOW_NS - 600 * S}
    return Line(**(fresh | {"hq_heard_mono_ns": NOW_NS, "broker_heard_mono_ns": NOW_NS} | facts))  # type: ignore[arg-type]


def down(*proofs: Proof, since_s: float = 30.0) -> Line:
    named = {f"broker-{number}": proof for number, proof in enumerate(proofs)}
    return Line(proofs=named, since_mono_ns=NOW_NS - round(since_s * S))


def modem(*, registered: bool) -> LinkQuality:
    return LinkQuality(source="modem", mono_ns=NOW_NS, registered=registered)


LONG_AGO_NS = NOW_NS - 19 * S
CASES: dict[str, tuple[Line, LinkQuality | None, Zone, Trouble]] = {
    "all is well": (up(), None, Zone(), Trouble.NONE),
    "HQ silent, the broker answers": (up(hq_heard_mono_ns=LONG_AGO_NS), None, Zone(), Trouble.HQ_GONE),
    "HQ never heard on a line that was up for long": (up(hq_heard_mono_ns=None), None, Zone(), Trouble.HQ_GONE),
    "HQ never heard on a new line": (
        up(hq_heard_mono_ns=None, since_mono_ns=NOW_NS - 2 * S),
        None,
        Zone(),
        Trouble.CONNECTING,
    ),
    "nothing comes back from either": (
        up(hq_heard_mono_ns=LONG_AGO_NS, broker_heard_mono_ns=NOW_NS - 14 * S),
        None,
        KNOWN,
        Trouble.HALF_OPEN,
    ),
    "HQ speaks and hears us": (up(heard_by_hq_mono_ns=NOW_NS - 13 * S), None, Zone(), Trouble.NONE),
    "HQ speaks and does not hear us": (up(heard_by_hq_mono_ns=LONG_AGO_NS), None, Zone(), Trouble.HQ_DEAF),
    "HQ speaks and does not hear us, nor does the broker": (
        up(heard_by_hq_mono_ns=LONG_AGO_NS, broker_heard_mono_ns=NOW_NS - 11 * S),
        None,
        Zone(),
        Trouble.HALF_OPEN,
    ),
    "before the first try": (Line(), None, Zone(), Trouble.CONNECTING),
    "the modem has no network": (down(Proof.SILENT), modem(registered=False), KNOWN, Trouble.NO_NETWORK),
    "the modem has one": (down(Proof.NO_WAY), modem(registered=True), Zone(), Trouble.NO_ANSWER),
    "whatever the modem says, a broker answered": (
        down(Proof.NO_WAY, Proof.NO_BROKER),
        modem(registered=False),
        KNOWN,
        Trouble.BROKER_GONE,
    ),
    "refused by one, the other gone": (down(Proof.REFUSED, Proof.NO_BROKER), None, KNOWN, Trouble.REFUSED),
    "nothing answers": (down(Proof.NO_WAY), None, Zone(), Trouble.NO_ANSWER),
    "it went dead": (down(Proof.SILENT), None, Zone(), Trouble.HALF_OPEN),
    "in a place that does this": (down(Proof.SILENT), None, KNOWN, Trouble.DEAD_ZONE),
    "for longer than the place ever did": (down(Proof.SILENT, since_s=130.0), None, KNOWN, Trouble.HALF_OPEN),
    "it broke in a way that proves nothing": (down(Proof.NOTHING), None, Zone(), Trouble.CONNECTING),
}


@pytest.mark.promise("P-WATCH-02")
@pytest.mark.parametrize(("line", "link", "zone", "found"), CASES.values(), ids=CASES.keys())
def test_troubles_are_told_apart_by_what_is_proved(
    line: Line, link: LinkQuality | None, zone: Zone, found: Trouble
) -> None:
    assert trouble(line, link, zone, NOW_NS, PROFILE) is found


def test_every_trouble_has_words_and_says_what_to_do() -> None:
    assert set(TROUBLES) == set(Trouble)
    assert all(words and remedy for trouble, (words, remedy) in TROUBLES.items() if trouble)
    assert {found for *_, found in CASES.values()} == set(Trouble), "each is shown above"


@given(
    proofs=st.lists(st.sampled_from(Proof), max_size=3),
    registered=st.sampled_from([None, True, False]),
    known=st.booleans(),
)
def test_a_broker_is_called_gone_only_when_its_machine_said_so(
    proofs: list[Proof], registered: bool | None, known: bool
) -> None:
    link = None if registered is None else modem(registered=registered)
    found = trouble(down(*proofs), link, KNOWN if known else Zone(), NOW_NS, PROFILE)
    assert (found is Trouble.BROKER_GONE) <= (Proof.NO_BROKER in proofs)
    assert (found is Trouble.NO_NETWORK) <= (registered is False)
    assert (found is Trouble.DEAD_ZONE) <= known
    assert found not in (Trouble.NONE, Trouble.HQ_GONE, Trouble.HQ_DEAF), "of headquarters nothing is known"


def test_what_headquarters_heard_of_an_earlier_line_says_nothing_of_this_one() -> None:
    line = after_change(Line(), LineChanged(connected=True, broker="b", incarnation="i"), NOW_NS)
    later_ns = NOW_NS + 19 * S
    # The clock of a boot before this one may have been ahead of ours.
    echo = replace(BEAT, heard_incarnation="an earlier one", heard_mono_ms=(later_ns - S) // 1_000_000)
    line = replace(after_beat(line, echo, later_ns), broker_heard_mono_ns=later_ns)
    assert trouble(line, None, Zone(), later_ns, PROFILE) is Trouble.HQ_DEAF
    heard = after_beat(line, replace(BEAT, heard_mono_ms=later_ns // 1_000_000), later_ns)
    assert trouble(heard, None, Zone(), later_ns, PROFILE) is Trouble.NONE


def test_a_headquarters_that_does_not_say_what_it_heard_is_not_called_deaf() -> None:
    line = after_change(Line(), LineChanged(connected=True, broker="b", incarnation="i"), NOW_NS)
    later_ns = NOW_NS + 60 * S
    line = replace(after_beat(line, replace(BEAT, heard_incarnation=""), later_ns), broker_heard_mono_ns=later_ns)
    assert trouble(line, None, Zone(), later_ns, PROFILE) is Trouble.NONE


def test_the_snapshot_says_what_is_dead_and_what_to_do() -> None:
    car = Car()
    car.take(LineChanged(connected=True, broker="b", incarnation="i"), 0.0)
    car.take(HeartbeatHeard(BEAT), 0.0)
    for second in range(8, 40, 8):
        car.take(Published(()) if second % 16 else PublishRefused("nobody there"), float(second))
    view = snapshot(car.state, RULES, 33 * S).line
    assert (view.trouble, view.remedy) == (Trouble.HQ_GONE, TROUBLES[Trouble.HQ_GONE][1])
    assert not hq_answers(car.state.line, 33 * S, PROFILE)
    car.take(LineChanged(connected=False, broker="b", problem="nothing listens there", proof=Proof.NO_BROKER), 40.0)
    assert snapshot(car.state, RULES, 41 * S).line.trouble is Trouble.BROKER_GONE


def lose_it_and_drive_on(car: Car, at_s: float, *proofs: Proof, lat_deg: float = 46.05) -> None:
    """The line goes down at a place, every try fails in one of these ways, and it comes back 20 s later."""
    car.take(fix(at_s, lat_deg), at_s)
    for number, proof in enumerate(proofs):
        car.take(LineChanged(connected=False, broker="b", problem="no", proof=proof), at_s + number)
    car.take(LineChanged(connected=True, broker="b", incarnation="i"), at_s + 20)


def lost_at(car: Car, at_s: float, lat_deg: float = 46.05) -> Trouble:
    car.take(fix(at_s, lat_deg), at_s)
    car.take(LineChanged(connected=False, broker="b", problem="no", proof=Proof.SILENT), at_s)
    return snapshot(car.state, RULES, round((at_s + 1) * S)).line.trouble


def test_a_place_in_which_the_line_was_lost_and_came_back_twice_is_known() -> None:
    car = Car()
    car.take(LineChanged(connected=True, broker="b", incarnation="i"), 0.0)
    lose_it_and_drive_on(car, 100.0, Proof.SILENT, Proof.NO_WAY)
    lose_it_and_drive_on(car, 200.0, Proof.SILENT)
    assert lost_at(car, 300.0, 46.2) is Trouble.HALF_OPEN, "another place"
    car.take(LineChanged(connected=True, broker="b", incarnation="i"), 320.0)
    assert lost_at(car, 400.0) is Trouble.DEAD_ZONE


def test_a_broker_that_fell_there_does_not_make_a_place_a_dead_zone() -> None:
    car = Car()
    car.take(LineChanged(connected=True, broker="b", incarnation="i"), 0.0)
    for at_s in (100.0, 200.0, 300.0):
        lose_it_and_drive_on(car, at_s, Proof.SILENT, Proof.NO_BROKER)
        lose_it_and_drive_on(car, at_s + 40, Proof.NOTHING)
    assert lost_at(car, 400.0) is Trouble.HALF_OPEN


def test_where_the_line_holds_again_and_again_is_no_dead_zone_any_more() -> None:
    car = Car()
    car.take(LineChanged(connected=True, broker="b", incarnation="i"), 0.0)
    lose_it_and_drive_on(car, 100.0, Proof.SILENT)
    lose_it_and_drive_on(car, 200.0, Proof.SILENT)
    for passed in range(12):
        car.take(fix(300.0 + 10 * passed, 46.2), 300.0 + 10 * passed)
        car.take(fix(305.0 + 10 * passed), 305.0 + 10 * passed)
    assert lost_at(car, 600.0) is Trouble.HALF_OPEN
