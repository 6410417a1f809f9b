"""The page says what is proved, in time, and a tap on it reaches core."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from page_bench import FIX, GOOD, PRESSED, alarmed, call, driving, page, profile, run

from hal.readings import FixMode
from terminal.asked import LogIn, ReadText, SetDuty
from terminal.contract.work import Text
from terminal.shown import CrewView, DutyView, LogInProblem, MemberView, PositionView, Urgency


def test_position_speed_line_and_duty_are_there(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.says("P-21", "3D", "HQ 1 s", "HQ has: Status 1")

    run(promise)


@pytest.mark.promise("P-SHOW-03")
def test_a_position_grows_old_on_the_page(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            seen.clock.pass_s(3)
            await seen.says("HQ 4 s")
            seen.core.publish(replace(GOOD, position=PositionView(fix=FIX, last_good=FIX, stale=True)))
            seen.clock.pass_s(600)
            await seen.says("GPS 10 min")
            lost = replace(FIX, mode=FixMode.NO_FIX, lat_deg=None, lon_deg=None)
            seen.core.publish(replace(GOOD, position=PositionView(fix=lost, stale=True)))
            await seen.says("GPS --")

    run(promise)


RUNGS: list[tuple[dict[str, object], tuple[str, ...]]] = [
    ({}, ("● PRESSED", "○ stored", "○ sent", "○ received by HQ", "○ taken by a person", "○ cleared")),
    ({"store_failed": True}, ("✖ NOT STORED", "○ sent")),
    ({"stored": True}, ("● STORED in the car", "○ sent", "○ received by HQ")),
    ({"sent": True}, ("○ stored", "● SENT", "○ received by HQ")),
    ({"stored": True, "sent": True, "received": True}, ("● RECEIVED by HQ", "○ taken by a person")),
    ({"received": True, "acknowledged_by": "D. Petrović", "taken": True}, ("● TAKEN by D. Petrović", "○ cleared")),
    ({"signals": 2, "acknowledged_by": "D. Petrović"}, ("○ received by HQ", "○ taken before: D. Petrović")),
    ({"cancelled": True}, ("○ you said: a mistake",)),
    ({"urgency": Urgency.NOT_CONFIRMED}, ("NOT CONFIRMED",)),
    ({"urgency": Urgency.USE_THE_RADIO}, ("USE THE RADIO",)),
    ({"kind": "test"}, ("TEST ALARM",)),
    ({"signals": 3}, ("ALARM 2 s, button, 3 presses",)),
]


@pytest.mark.promise("P-SHOW-01")
def test_each_rung_is_said_on_its_own_proof(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            for facts, words in RUNGS:
                seen.core.publish(alarmed(**facts))
                await seen.says(*words)

    run(promise)


def test_a_cleared_alarm_says_by_whom_and_why_and_gives_way_to_duty(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            seen.core.publish(alarmed(received=True, cleared_by="D. Petrović", reason="[b]safe[/] \x1b[2J\nok"))
            await seen.says("Alarm cleared by D. Petrović: [b]safe[/] [2J ok", "Status 5")

    run(promise)


@pytest.mark.promise("P-SHOW-02")
def test_urgency_is_seen_while_the_crew_looks_at_the_duty_statuses(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=alarmed(urgency=Urgency.USE_THE_RADIO)) as seen:
            await seen.tap("aside")
            await seen.says("Status 5", "ALARM IS OPEN USE THE RADIO")
            seen.clock.pass_s(11)
            await seen.says("● PRESSED", "USE THE RADIO")

    run(promise)


@pytest.mark.promise("P-KIND-05")
def test_a_silent_alarm_changes_no_cell(tmp_path: Path):
    silent = alarmed(silent=True, store_failed=True, received=True, acknowledged_by="X", urgency=Urgency.USE_THE_RADIO)

    async def promise() -> None:
        async with page(tmp_path, snapshot=driving(GOOD, 30)) as seen:
            await seen.tap("page:more")
            await seen.tap("page:car")
            before = await seen.painted("HQ 1 s", "108 km/h")
            seen.core.publish(driving(silent, 40))
            await seen.painted("144 km/h")
            seen.core.publish(driving(silent, 30))
            assert await seen.painted("HQ 1 s", "108 km/h") == before

    run(promise)


@pytest.mark.promise("P-SHOW-12")
def test_a_real_alarm_hides_no_other_and_comes_before_a_test(tmp_path: Path):
    test = replace(PRESSED, incident="T", kind="test", pressed_mono_ns=PRESSED.pressed_mono_ns + 1)

    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(GOOD, alarms=(PRESSED, test))) as seen:
            await seen.says("ALARM 2 s")
            assert "TEST" not in seen.text()

    run(promise)


def test_what_core_refuses_is_said(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            seen.core.answer = lambda _: "only the crew may do this"
            await call(seen)
            await seen.says("NOT DONE: only the crew may do this", "Status 5")
            seen.clock.pass_s(9)
            await seen.until(lambda: "NOT DONE" not in seen.text())

    run(promise)


def test_duty_says_whether_headquarters_has_it_and_a_tap_changes_it(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.says("HQ has: Status 1")
            await seen.tap("duty:code-5")
            await seen.until(lambda: seen.core.taken == [SetDuty(status="code-5")])
            seen.core.publish(replace(GOOD, duty=DutyView(status="code-5")))
            await seen.says("HQ not told yet: Status 5")
            assert seen.target("duty:code-5").tone == "chosen"

    run(promise)


def test_a_long_text_is_told_as_read_at_its_end_and_not_before(tmp_path: Path):
    words = " ".join(f"word{number}" for number in range(90))
    text = Text(text_id="t", text=words, sent_by="Desk 2")

    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(driving(GOOD, 0), texts=(text,))) as seen:
            await seen.tap("page:texts")
            await seen.says("Desk 2: word0", "…")
            await seen.tap("open:text:t")
            read = seen.text()
            while any(one.code.startswith("turn:text:t:") for one in seen.targets()):
                assert seen.core.taken == []
                await seen.tap(next(one.code for one in seen.targets() if one.code.startswith("turn:text:t:")))
                read += seen.text()
            assert all(word in read for word in words.split())
            await seen.tap("read:t")
            await seen.until(lambda: seen.core.taken == [ReadText(text_id="t")])
            await seen.says("Desk 2: word0", "Write")

    run(promise)


def test_who_is_far_down_the_list_logs_in_and_a_wrong_pin_is_said(tmp_path: Path):
    roster = tuple(MemberView(f"b{number}", f"Officer {number}", checked=True) for number in range(40))
    expected = replace(driving(GOOD, 0), crew=CrewView(roster=roster))

    async def promise() -> None:
        async with page(tmp_path, snapshot=expected) as seen:
            await seen.tap("page:crew")
            await seen.tap("open:roster")
            while not any(one.code == "in:b39" for one in seen.targets()):
                await seen.tap(next(one.code for one in seen.targets() if one.code.startswith("turn:roster:")))
            for code in ("in:b39", "key:4", "key:7", "typed"):
                await seen.tap(code)
            await seen.until(lambda: seen.core.taken == [LogIn(badge="b39", pin="47")])
            seen.core.publish(replace(expected, crew=CrewView(roster=roster, problem=LogInProblem.WRONG_PIN)))
            await seen.says("Wrong PIN")

    run(promise)


def test_a_longer_list_of_statuses_can_be_tapped_too(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(GOOD, profile=profile("S", 9))) as seen:
            await seen.says("S4", "Next 1/2")
            await seen.tap("turn:statuses:1")
            await seen.tap("duty:code-8")
            await seen.until(lambda: seen.core.taken == [SetDuty(status="code-8")])

    run(promise)
