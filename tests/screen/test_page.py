"""The page: it says what is proved, in time, and SOS needs two taps in two places."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from page_bench import (
    FIX,
    GOOD,
    LARGE,
    PRESSED,
    SMALL,
    Page,
    alarmed,
    core_process,
    page,
    profile,
    run,
)
from textual.color import Color

from hal.readings import FixMode
from terminal.link import DutyView, LineView, PositionView, RaiseAlarm, SetDuty, Snapshot, Urgency, VehicleView
from terminal.screen.target import Target

LOST = "THE TERMINAL DOES NOT WORK"


def test_position_speed_line_and_duty_are_there(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.says("45.26714 N 19.83355 W 3D 1 s", "72 km/h", "HQ stores, desk attended", "DUTY Status 1")

    run(promise)


@pytest.mark.promise("P-SHOW-03")
def test_a_position_grows_old_on_the_page(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            seen.clock.pass_s(3)
            await seen.says("3D 4 s")
            seen.core.publish(replace(GOOD, position=PositionView(fix=FIX, last_good=FIX, stale=True)))
            seen.clock.pass_s(600)
            await seen.says("45.26714 N 19.83355 W OLD 10 min GNSS silent")
            lost = replace(FIX, mode=FixMode.NO_FIX, lat_deg=None, lon_deg=None)
            seen.core.publish(replace(GOOD, position=PositionView(fix=lost, stale=True)))
            await seen.says("NO POSITION no fix")

    run(promise)


RUNGS: list[tuple[dict[str, object], tuple[str, ...]]] = [
    ({}, ("● PRESSED", "○ stored", "○ sent", "○ received by HQ", "○ acknowledged", "○ cleared")),
    ({"store_failed": True}, ("✖ NOT STORED", "○ sent")),
    ({"stored": True}, ("● STORED in the car", "○ sent", "○ received by HQ")),
    ({"sent": True}, ("○ stored", "● SENT", "○ received by HQ")),
    ({"stored": True, "sent": True, "received": True}, ("● RECEIVED by HQ", "○ acknowledged")),
    ({"received": True, "acknowledged_by": "D. Petrović"}, ("● ACKNOWLEDGED by D. Petrović", "○ cleared")),
    ({"cancelled": True}, ("○ you said: a mistake. HQ decides",)),
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
            seen.core.publish(alarmed(received=True, cleared_by="D. Petrović", reason="officer [b]safe[/] \x1b[2J\nok"))
            await seen.says("Alarm cleared by D. Petrović: officer [b]safe[/] [2J ok", "Status 5", "SHOW ALARM")
            await seen.tap("#view")
            await seen.says("● CLEARED by D. Petrović: officer [b]safe[/]")

    run(promise)


@pytest.mark.promise("P-SHOW-02")
def test_urgency_is_seen_while_the_crew_looks_at_the_duty_statuses(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=alarmed(urgency=Urgency.USE_THE_RADIO)) as seen:
            await seen.tap("#view")
            await seen.says("Status 5", "USE THE RADIO")
            seen.clock.pass_s(11)
            await seen.says("● PRESSED", "USE THE RADIO")

    run(promise)


@pytest.mark.promise("P-KIND-05")
def test_a_silent_alarm_changes_no_cell(tmp_path: Path):
    silent = alarmed(silent=True, store_failed=True, received=True, acknowledged_by="X", urgency=Urgency.USE_THE_RADIO)

    async def promise() -> None:
        async with page(tmp_path, snapshot=_driving(GOOD, 30)) as seen:
            await seen.says("HQ stores", "108 km/h")
            before = seen.app.export_screenshot()
            seen.core.publish(_driving(silent, 40))
            await seen.says("144 km/h")
            seen.core.publish(_driving(silent, 30))
            await seen.says("108 km/h")
            assert seen.app.export_screenshot() == before

    run(promise)


def _driving(snapshot: Snapshot, speed_mps: float) -> Snapshot:
    return replace(snapshot, vehicle=VehicleView(speed_mps=speed_mps))


@pytest.mark.promise("P-SHOW-12")
def test_a_real_alarm_hides_no_other_and_comes_before_a_test(tmp_path: Path):
    test = replace(PRESSED, incident="T", kind="test", pressed_mono_ns=PRESSED.pressed_mono_ns + 1)

    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(GOOD, alarms=(PRESSED, test))) as seen:
            await seen.says("ALARM 2 s")
            assert "TEST" not in seen.text()

    run(promise)


@pytest.mark.promise("P-PRESS-10")
def test_sos_is_two_taps_in_two_places(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("#sos")
            await seen.says("TAP HERE TO CALL HELP 3 s")
            await seen.tap("#sos")
            await seen.tap("#sos")
            seen.clock.pass_s(2.9)
            await seen.tap("#send")
            await seen.until(lambda: seen.core.taken)
            assert seen.core.taken == [RaiseAlarm()]

    run(promise)


@pytest.mark.promise("P-PRESS-10")
def test_the_second_tap_comes_in_time_or_does_nothing_at_all(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("#sos")
            seen.clock.pass_s(3.1)
            await seen.says("NOT SENT tap SOS again")
            await seen.tap("#send")
            seen.clock.pass_s(1.5)
            await seen.says("Status 5")
            await seen.tap("#duty Target")
            await seen.until(lambda: seen.core.taken)
            assert seen.core.taken == [SetDuty(status="code-0")]

    run(promise)


@pytest.mark.promise("P-SHOW-10")
def test_an_alarm_that_core_does_not_show_is_not_confirmed(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await _call(seen)
            await seen.says("● PRESSED", "✖ NOT STORED, NOT SENT", "NOT CONFIRMED")
            seen.core.publish(alarmed(trigger="screen"))
            await seen.says("ALARM 2 s, screen", "○ stored")

    run(promise)


@pytest.mark.promise("P-PRESS-14")
def test_an_alarm_that_is_called_without_core_goes_out_when_core_comes(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=None) as seen:
            await seen.says(LOST)
            await _call(seen)
            await seen.says("● PRESSED", "USE THE RADIO")
            for _ in range(2):
                seen.core.taken.clear()
                seen.core.publish(GOOD)
                await seen.core.start()
                await seen.until(lambda: seen.core.taken == [RaiseAlarm()])
                await seen.core.stop()
            seen.core.taken.clear()
            seen.core.publish(alarmed(trigger="screen"))
            await seen.core.start()
            await seen.says("ALARM 2 s, screen")
            await seen.core.stop()
            seen.core.publish(GOOD)
            await seen.core.start()
            await seen.says("P-21")
            assert seen.core.taken == []

    run(promise)


def test_what_core_refuses_is_said(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            seen.core.answer = lambda _: "only the crew may do this"
            await _call(seen)
            await seen.says("NOT DONE: only the crew may do this", "Status 5")
            seen.clock.pass_s(9)
            await seen.until(lambda: "NOT DONE" not in seen.text())

    run(promise)


async def _call(seen: Page) -> None:
    await seen.tap("#sos")
    await seen.tap("#send")


@pytest.mark.promise("P-SHOW-05")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_when_core_is_gone_the_page_says_so_and_shows_nothing_as_current(tmp_path: Path, end: signal.Signals):
    async def promise() -> None:
        async with page(tmp_path, snapshot=None) as seen:
            core = core_process(tmp_path / "core.sock")
            try:
                await seen.says("72 km/h", "45.26714 N")
                core.send_signal(end)
                await seen.says(LOST, "USE THE RADIO")
                for old in ("km/h", "45.26714", "HQ stores", "DUTY", "Status 1", "P-21"):
                    assert old not in seen.text()
                if end is signal.SIGSTOP:
                    core.send_signal(signal.SIGCONT)
                    await seen.says("72 km/h", "45.26714 N")
            finally:
                core.kill()
                core.wait()

    run(promise)


def test_duty_says_whether_headquarters_has_it_and_a_tap_changes_it(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.says("DUTY Status 1 HQ has it")
            await seen.tap("#duty Target:last-child")
            await seen.until(lambda: seen.core.taken == [SetDuty(status="code-5")])
            seen.core.publish(replace(GOOD, duty=DutyView(status="code-5")))
            await seen.says("DUTY Status 5 HQ not told")
            assert [one.code for one in seen.shown(Target) if one.has_class("chosen")] == ["duty code-5"]

    run(promise)


def test_a_longer_list_of_statuses_can_be_tapped_too(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(GOOD, profile=profile("S", 9))) as seen:
            await seen.until(lambda: len(seen.shown(Target)) == 9 + 2)
            await seen.tap("#duty Target:last-child")
            await seen.until(lambda: seen.core.taken == [SetDuty(status="code-8")])

    run(promise)


MAIN = ("sos", "view", "send")
SCENES: dict[str, Callable[[], Snapshot]] = {
    "duty": lambda: GOOD,
    "ladder": lambda: alarmed(store_failed=True, cancelled=True, urgency=Urgency.USE_THE_RADIO),
    "trouble": lambda: replace(GOOD, line=LineView(disk_problem="full", pending=12), position=PositionView()),
}


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=str)
@pytest.mark.parametrize("scene", SCENES)
def test_every_target_can_be_hit_and_every_word_read_at_night(tmp_path: Path, size: tuple[int, int], scene: str):
    async def promise() -> None:
        async with page(tmp_path, size, snapshot=SCENES[scene]()) as seen:
            _check_sizes_and_contrast(seen, size)
            first = seen.app.query_one("#sos").region
            await seen.tap("#sos")
            _check_sizes_and_contrast(seen, size)
            second = seen.app.query_one("#send").region
            assert second.right + 4 <= first.x, "the second place is beside the first"

    run(promise)


def _check_sizes_and_contrast(seen: Page, size: tuple[int, int]) -> None:
    for target in seen.shown(Target):
        least = (7, 4) if target.id in MAIN else (4, 3)
        assert target.region.width >= least[0], target
        assert target.region.height >= least[1], target
        assert target.region.right <= size[0], target
        assert target.region.bottom <= size[1], target
    for one in seen.shown():
        _, _, background, words = one.colors
        assert contrast(background, words) >= 5, one


def contrast(one: Color, other: Color) -> float:
    """WCAG 2.2's contrast ratio."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_an_officers_screen_has_no_way_out_and_no_simulated_button(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.pilot.press("q", "b", "ctrl+q", "ctrl+c", "ctrl+p", "escape", "f1")
            await seen.says("HQ stores")
            assert seen.app.is_running
            assert len(seen.app.screen_stack) == 1

    run(promise)


def test_the_demonstration_has_a_button_and_a_way_out(tmp_path: Path):
    presses: list[str] = []

    async def promise() -> None:
        async with page(tmp_path, on_button=lambda: presses.append("b")) as seen:
            await seen.pilot.press("b", "b")
            assert presses == ["b", "b"]
            await seen.pilot.press("q")
            await seen.until(lambda: not seen.app.is_running)

    run(promise)
