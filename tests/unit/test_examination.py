"""What is found of a car, by what core says of it, and that every finding has words in every language."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from hal.readings import FixMode
from terminal import examination
from terminal.examination import CLOCK_OFF_S, SLOW_SYNC_MS, Case, Found, Item, Trial, Verdict
from terminal.screen import examined
from terminal.screen.language import Language, Say
from terminal.shown import BoardTestView, DiskView, PositionView, ProvedView, Trouble, WorkshopView
from tests.screen.gallery import ALARM, ALL_WELL, BAD, FIX, NOON, NOW_NS, OPENED_NS, TESTS, UNTRIED, car

S = 1_000_000_000


def looked_at(bench: WorkshopView, trial: Trial | None = None) -> dict[Item, Verdict]:
    found = examination.examine(car(bench), trial or Trial(), NOW_NS, NOON)
    assert [one.item for one in found] == list(Item)
    return {one.item: one.verdict for one in found}


def test_a_car_in_which_all_is_well_is_found_so() -> None:
    assert set(looked_at(ALL_WELL, Trial(heard=True, corners=4)).values()) == {Verdict.OK}


@pytest.mark.promise("P-SHOW-16")
def test_of_a_car_in_which_nothing_was_tried_nothing_is_called_good() -> None:
    assert Verdict.OK not in looked_at(UNTRIED).values()


def test_what_is_bad_is_called_so() -> None:
    found = looked_at(BAD, Trial(heard=False, corners=2))
    assert {item for item, verdict in found.items() if verdict is Verdict.FAIL} == {
        Item.POSITION,
        Item.SIGNALS,
        Item.BOARD,
        Item.LINE,
        Item.SOUND,
        Item.TOUCH,
    }


@pytest.mark.parametrize(
    ("seen", "case"),
    [
        (PositionView(), Case.RECEIVER_SILENT),
        (PositionView(fix=FIX, last_good=FIX, stale=True), Case.RECEIVER_SILENT),
        (PositionView(fix=replace(FIX, mode=FixMode.NO_FIX), last_good=FIX, stale=False), Case.NO_FIX),
        (PositionView(fix=replace(FIX, mode=FixMode.FIX_2D), stale=False), Case.FIX_2D),
        (PositionView(fix=FIX, stale=False), Case.FIX_3D),
    ],
)
def test_a_position_is_what_the_receiver_says_now(seen: PositionView, case: Case) -> None:
    assert examination.position(seen).case is case


def test_a_bus_is_given_a_moment_before_it_is_called_dead() -> None:
    assert examination.signals(UNTRIED, OPENED_NS + S).case is Case.SIGNALS_AWAITED
    assert examination.signals(UNTRIED, OPENED_NS + 6 * S).case is Case.SIGNALS_NONE


@pytest.mark.promise("P-SHOW-16")
def test_only_a_test_since_the_pin_and_of_its_own_kind_proves_a_button() -> None:
    loud, hidden = TESTS
    cases = [
        (Item.BUTTON, loud, Case.PRESSED),
        (Item.BUTTON, hidden, Case.NOT_PRESSED),
        (Item.HIDDEN, hidden, Case.PRESSED),
        (Item.HIDDEN, loud, Case.NOT_PRESSED),
        (Item.BUTTON, replace(loud, trigger="screen"), Case.NOT_PRESSED),
        (Item.BUTTON, replace(loud, kind="real"), Case.NOT_PRESSED),
        (Item.HIDDEN, replace(hidden, kind="real"), Case.NOT_PRESSED),
        (Item.BUTTON, replace(loud, pressed_mono_ns=OPENED_NS - 1), Case.NOT_PRESSED),
    ]
    for item, alarm, case in cases:
        assert examination.button(item, (alarm,), UNTRIED).case is case, (item, alarm)


@pytest.mark.parametrize(
    ("alarm", "proved_ns", "trouble", "said"),
    [
        (None, None, Trouble.NONE, (Verdict.OPEN, "not tried yet")),
        (None, None, Trouble.HQ_GONE, (Verdict.FAIL, "HQ does not answer; call it")),
        ({"sent": False}, None, Trouble.NONE, (Verdict.OPEN, "not sent yet")),
        ({"sent": True}, None, Trouble.NONE, (Verdict.OPEN, "sent, not received yet")),
        ({"received": True}, 1_400, Trouble.NONE, (Verdict.OK, "received after 0.4 s")),
        ({"received": True}, 1_400, Trouble.HQ_GONE, (Verdict.OK, "received after 0.4 s")),
        ({"received": True}, None, Trouble.NONE, (Verdict.OK, "received after -- s")),
        ({"received": True}, 500, Trouble.NONE, (Verdict.OK, "received after -- s")),
        (
            {"received": True, "received_by": ("sms",)},
            9_000,
            Trouble.NONE,
            (Verdict.WARN, "received by SMS after 8.0 s"),
        ),
    ],
)
def test_the_line_is_proved_by_a_receipt_alone(
    alarm: dict[str, object] | None, proved_ns: int | None, trouble: Trouble, said: tuple[Verdict, str]
) -> None:
    test = replace(ALARM, kind="test", pressed_mono_ns=OPENED_NS + S, sent=False)
    alarms = () if alarm is None else (replace(test, **alarm),)
    proved = None if proved_ns is None else ProvedView(mono_ns=OPENED_NS + proved_ns * 1_000_000)
    seen = car(UNTRIED)
    seen = replace(seen, alarms=alarms, proved=proved, line=replace(seen.line, trouble=trouble))
    found = examination.line(seen, UNTRIED)
    assert (found.verdict, examined.seen(Say(Language.ENGLISH), found)) == said


@pytest.mark.promise("P-SHOW-16")
def test_a_silent_test_is_no_proof_of_the_line() -> None:
    silent = replace(TESTS[1], received=True)
    assert examination.line(replace(car(UNTRIED), alarms=(silent,)), UNTRIED).case is Case.LINE_UNTRIED


@pytest.mark.parametrize(
    ("tried", "case"),
    [
        (None, Case.DISK_UNTRIED),
        (DiskView(asked_mono_ns=NOW_NS - S), Case.DISK_TRYING),
        (DiskView(asked_mono_ns=NOW_NS - 6 * S), Case.DISK_HANGS),
        (DiskView(asked_mono_ns=NOW_NS - 6 * S, sync_ms=SLOW_SYNC_MS), Case.DISK_SYNCS),
        (DiskView(asked_mono_ns=NOW_NS - 6 * S, sync_ms=SLOW_SYNC_MS + 1), Case.DISK_SLOW),
        (DiskView(asked_mono_ns=NOW_NS - 6 * S, problem="the disk is full"), Case.DISK_FAILED),
    ],
)
def test_a_disk_is_judged_by_its_slowest_sync(tried: DiskView | None, case: Case) -> None:
    assert examination.disk(tried, NOW_NS).case is case


def test_the_worst_board_is_told_and_a_car_without_one_is_not_well() -> None:
    good, bad = BoardTestView(name="a"), BoardTestView(name="b", failed=("adc",))
    mute = BoardTestView(name="c", problem="there is no /dev/x\x1b[2J", remedy="plug it in")
    for tests, case in (
        ((good, bad), Case.BOARD_FAILED),
        ((mute, good), Case.BOARD_MUTE),
        ((good,), Case.BOARDS_GOOD),
        ((), Case.BOARDS_NONE),
        (None, Case.BOARDS_TRYING),
    ):
        bench = replace(UNTRIED, boards_asked_mono_ns=NOW_NS, boards=tests)
        assert examination.boards(bench).case is case
    found = examination.boards(replace(UNTRIED, boards_asked_mono_ns=NOW_NS, boards=(mute,)))
    assert examined.seen(Say(Language.ENGLISH), found) == "c: there is no /dev/x [2J"
    assert examined.remedy(Say(Language.ENGLISH), found) == "plug it in"


def test_the_machines_clock_is_held_against_that_of_gnss_as_it_has_run_on() -> None:
    at_noon = replace(FIX, mono_ns=NOW_NS - 60 * S)
    on = timedelta(seconds=60)
    for off_s, case in ((0, Case.CLOCK_RIGHT), (CLOCK_OFF_S + 1, Case.CLOCK_OFF), (-CLOCK_OFF_S - 1, Case.CLOCK_OFF)):
        assert examination.clock(at_noon, NOW_NS, NOON + on + timedelta(seconds=off_s)).case is case
    assert examination.clock(None, NOW_NS, NOON).case is Case.CLOCK_ALONE
    assert examination.clock(replace(FIX, utc=None), NOW_NS, NOON).case is Case.CLOCK_ALONE


FACTS: dict[str, object] = dict.fromkeys(
    ("satellites", "error", "count", "names", "name", "items", "problem", "remedy", "seconds", "bearer", "ms"), "7"
) | {"trouble": Trouble.HQ_GONE}


@pytest.mark.parametrize("language", list(Language))
def test_every_case_has_words_and_what_is_not_good_has_a_remedy(language: Language) -> None:
    say = Say(language)
    good = {Case.FIX_3D, Case.SIGNALS_COME, Case.BOTH_SEEN, Case.BOARDS_GOOD, Case.PRESSED, Case.RECEIVED}
    good |= {Case.HEARD, Case.CORNERS_HIT, Case.DISK_SYNCS, Case.CLOCK_RIGHT}
    waiting = {Case.SIGNALS_AWAITED, Case.BOARDS_TRYING, Case.DISK_TRYING}
    for case in Case:
        found = Found(Item.POSITION, Verdict.WARN, case, FACTS)
        assert examined.seen(say, found), case
        assert bool(examined.remedy(say, found)) is (case not in good | waiting), case
    for item in Item:
        assert examined.name(say, item)
        assert examined.expected(say, item)
