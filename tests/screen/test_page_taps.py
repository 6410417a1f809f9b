"""A finger that knocks twice, or comes down where something else has just come, does nothing that it did not mean."""

from pathlib import Path

import pytest
from gallery import JOBS
from gallery import snapshot as good_day
from msgspec.structs import replace
from page_bench import GOOD, PRESSED, SECOND_NS, Page, alarmed, page, run

from terminal.asked import AnswerCheckIn, AnswerJob, CancelAlarm, EndShift
from terminal.contract.work import JobStep
from terminal.link import Snapshot
from terminal.screen.settling import TOLD_SETTLED_NS
from terminal.shown import CheckInView, CrewView, MemberView, ShiftView, VehicleView

KNOCK_S = 0.35
"""Between two taps of a hand that knocks."""

PRACTISED_S = 0.5
"""Between two taps of a hand that knows its way."""

PARKED = replace(GOOD, vehicle=VehicleView(speed_mps=0.0))


async def shown(seen: Page, snapshot: Snapshot, code: str) -> None:
    """Core says this, and the target of this code is there."""
    seen.core.publish(snapshot)
    await seen.until(lambda: code in {box.code for box in seen.targets()})


def test_three_knocks_take_a_job_one_step(tmp_path: Path) -> None:
    def job(step: JobStep, following: JobStep) -> Snapshot:
        return replace(PARKED, jobs=(replace(JOBS[0], step=step, next=following),))

    async def promise() -> None:
        async with page(tmp_path, snapshot=job(JobStep.SENT, JobStep.ACCEPTED)) as seen:
            await seen.tap("page:jobs")
            await seen.tap("job:01")
            await seen.tap("answer:01:accepted")
            await shown(seen, job(JobStep.ACCEPTED, JobStep.EN_ROUTE), "answer:01:en-route")
            seen.clock.pass_s(KNOCK_S)
            await seen.tap_blindly("answer:01:en-route")
            seen.clock.pass_s(KNOCK_S - 0.01)
            await seen.tap_blindly("answer:01:en-route")
            seen.clock.pass_s(0.01)
            await seen.tap_blindly("answer:01:en-route")
            await seen.until(lambda: len(seen.core.taken) == 2)
            assert seen.core.taken == [
                AnswerJob(job="01", step=JobStep.ACCEPTED),
                AnswerJob(job="01", step=JobStep.EN_ROUTE),
            ], "the last tap came when it could be seen what it does"

    run(promise)


def test_two_knocks_end_the_shift_and_begin_no_other(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(PARKED, shift=ShiftView(on=True))) as seen:
            await seen.tap("page:crew")
            await seen.tap("shift:end")
            await shown(seen, PARKED, "shift:start")
            await seen.tap_blindly("shift:start")
            await seen.tap("page:duty")
            await seen.tap("duty:code-0")
            await seen.until(lambda: len(seen.core.taken) > 1)
            assert seen.core.taken[0] == EndShift()
            assert len(seen.core.taken) == 2

    run(promise)


def test_who_moves_up_in_the_crew_is_not_logged_out_by_the_second_knock(tmp_path: Path) -> None:
    first, second = MemberView("1001", "First"), MemberView("1002", "Second")

    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(PARKED, crew=CrewView(aboard=(first, second)))) as seen:
            await seen.tap("page:crew")
            place = seen.target("out:1001").area
            await seen.tap("out:1001")
            seen.core.publish(replace(PARKED, crew=CrewView(aboard=(second,))))
            await seen.until(lambda: seen.target("out:1002").area == place)
            await seen.tap_blindly("out:1002")
            await seen.tap("out:1002")
            await seen.until(lambda: len(seen.core.taken) > 1)
            assert len(seen.core.taken) == 2

    run(promise)


def test_two_knocks_on_dark_leave_it_dark_and_two_on_the_dark_do_nothing_more_than_light(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("dark")
            await seen.tap_blindly("light")
            assert seen.app._state.is_dark
            await seen.tap("light")
            await seen.tap_blindly("duty:code-0")
            await seen.tap("duty:code-5")
            await seen.until(lambda: seen.core.taken)
            assert len(seen.core.taken) == 1

    run(promise)


def test_a_second_knock_answers_no_second_question(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(PARKED, profile=good_day("border").profile)) as seen:
            await seen.tap("page:more")
            await seen.tap("page:report")
            await seen.tap("form:group")
            await seen.tap("say:number:n1")
            for code in [box.code for box in seen.targets() if box.code.startswith("say:direction:")]:
                await seen.tap_blindly(code)
            assert list(seen.app._state.answers) == ["number"]

    run(promise)


@pytest.mark.promise("P-PRESS-20")
def test_a_finger_that_was_typing_says_nothing_of_an_alarm_that_comes(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=PARKED) as seen:
            await seen.tap("page:crew")
            await seen.tap("type:badge")
            await seen.tap("key:0")
            await shown(seen, replace(PARKED, alarms=(PRESSED,)), "mistake:I")
            await seen.tap_blindly("mistake:I")
            for _ in range(4):
                seen.clock.pass_s(1)
                await seen.tap_blindly("mistake:I")
            assert seen.core.taken == []
            await seen.tap("cancel:I")
            await seen.until(lambda: seen.core.taken == [CancelAlarm(incident="I")])

    run(promise)


def test_a_hand_that_knows_its_way_loses_no_tap(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(PARKED, profile=good_day("border").profile)) as seen:
            for code in ("page:texts", "type:text", "key:a", "layout:digits", "key:1", "layout:letters", "key:b"):
                seen.clock.pass_s(PRACTISED_S)
                await seen.tap_blindly(code)
            assert seen.app._state.typing.typed == "a1b"
            for code in ("away", "page:more", "page:report", "form:group", "say:number:n1"):
                seen.clock.pass_s(PRACTISED_S)
                await seen.tap_blindly(code)
            assert seen.app._state.answers == {"number": "n1"}

    run(promise)


def test_a_hand_that_was_typing_answers_no_question_that_came_under_it(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=PARKED) as seen:
            await seen.tap("page:texts")
            await seen.tap("type:text")
            due_ns = seen.clock.now_ns
            asked = CheckInView(due_mono_ns=due_ns, alarm_mono_ns=due_ns + 30 * SECOND_NS)
            await shown(seen, replace(PARKED, check_in=asked), "check-in:answer")
            for _ in range(9):
                seen.clock.pass_s(1 / 3)
                await seen.tap_blindly("check-in:answer")
            assert seen.core.taken == []
            seen.clock.pass_s(TOLD_SETTLED_NS / SECOND_NS)
            await seen.tap_blindly("check-in:answer")
            await seen.until(lambda: seen.core.taken == [AnswerCheckIn()])

    run(promise)


def test_a_mistake_that_was_half_said_of_a_test_is_not_said_of_a_real_alarm(tmp_path: Path) -> None:
    test = replace(PRESSED, incident="T", kind="test")

    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(GOOD, alarms=(test,))) as seen:
            await seen.tap("mistake:T")
            await seen.says("TAP HERE: MISTAKE 3 s")
            await shown(seen, replace(GOOD, alarms=(test, PRESSED)), "mistake:I")
            assert not [box for box in seen.targets() if box.code.startswith("cancel:")]

    run(promise)


@pytest.mark.promise("P-SHOW-15")
def test_an_alarm_that_is_taken_stays_aside_and_a_new_press_or_a_tap_brings_it_back(tmp_path: Path) -> None:
    taken = {"received": True, "acknowledged_by": "Desk 2", "taken": True}

    async def promise() -> None:
        async with page(tmp_path, snapshot=alarmed(**taken)) as seen:
            await seen.tap("aside")
            seen.clock.pass_s(60)
            await seen.says("HQ 61 s", "ALARM IS OPEN. TAKEN by Desk 2", "Status 5")
            await seen.tap("page:more")
            await seen.tap("alarm:")
            await seen.says("● TAKEN by Desk 2")
            await seen.tap("aside")
            await seen.tap("page:duty")
            await seen.says("Status 5")
            seen.core.publish(alarmed(signals=2, acknowledged_by="Desk 2"))
            await seen.says("○ taken before: Desk 2", "2 presses")

    run(promise)
