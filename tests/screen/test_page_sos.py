"""SOS needs two taps in two places, and goes out whatever the screen, core or a disk does."""

import os
from pathlib import Path
from threading import Event, Thread

import pytest
from msgspec.structs import replace
from page_bench import DEADLINE_S, GOOD, LOST, PRESSED, alarmed, call, driving, page, run

from terminal.asked import RaiseAlarm, SetDuty
from terminal.screen.sheet import Sheet
from terminal.shown import CrewView, PressView, Urgency, VehicleView


@pytest.mark.promise("P-PRESS-10")
def test_sos_is_two_taps_in_two_places(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("arm")
            await seen.says("TAP HERE TO CALL HELP 3 s")
            await seen.tap("arm")
            await seen.tap("arm")
            seen.clock.pass_s(2.9)
            await seen.tap("send")
            await seen.until(lambda: seen.core.taken)
            assert (seen.core.calls(), len(seen.core.taken)) == ([RaiseAlarm()], 1)

    run(promise)


@pytest.mark.promise("P-PRESS-21")
def test_sos_waits_until_the_panel_is_not_touched_all_over(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("arm")
            for column in (20, 30):
                await seen.pilot.click(Sheet, offset=(column, 4))
            await seen.says("Too many touches at once. Tap it again.")
            await seen.tap("send")
            seen.clock.pass_s(3)
            await seen.tap("send")
            await seen.until(lambda: seen.core.taken)
            assert (seen.core.calls(), len(seen.core.taken)) == ([RaiseAlarm()], 1)

    run(promise)


@pytest.mark.promise("P-PRESS-10")
def test_the_second_tap_comes_in_time_or_does_nothing_at_all(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("arm")
            seen.clock.pass_s(3.1)
            await seen.says("NOT SENT Tap SOS again")
            await seen.tap("send")
            seen.clock.pass_s(1.5)
            await seen.says("Status 5")
            await seen.tap("duty:code-0")
            await seen.until(lambda: seen.core.taken)
            assert seen.core.taken == [SetDuty(status="code-0")]

    run(promise)


@pytest.mark.promise("P-SHOW-10")
def test_an_alarm_that_core_does_not_show_is_not_confirmed(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await call(seen)
            await seen.says("● PRESSED", "✖ NOT STORED, NOT SENT", "NOT CONFIRMED")
            await seen.until(lambda: seen.core.taken)
            seen.core.publish(alarmed(trigger="screen", presses=(seen.core.press(),)))
            await seen.says("ALARM 2 s, screen", "○ stored")

    run(promise)


LOCKED = replace(GOOD, vehicle=VehicleView(speed_mps=30.0, in_park=False), crew=CrewView())


@pytest.mark.promise("P-PRESS-09")
def test_on_a_locked_screen_with_nobody_logged_in_help_is_called_and_the_alarm_has_the_page(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=LOCKED) as seen:
            assert seen.app.view().is_locked
            await call(seen)
            await seen.until(lambda: seen.core.calls() == [RaiseAlarm()])
            await seen.says("● PRESSED", "NOT CONFIRMED")
            view = replace(PRESSED, trigger="screen", urgency=Urgency.USE_THE_RADIO, presses=(seen.core.press(),))
            seen.core.publish(replace(LOCKED, alarms=(view,)))
            await seen.says("ALARM 2 s, screen", "○ stored", "○ received by HQ", "USE THE RADIO")

    run(promise)


@pytest.mark.promise("P-PRESS-09")
def test_a_press_of_the_button_takes_every_page_of_a_locked_screen_with_nobody_logged_in(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=LOCKED) as seen:
            for number, code in enumerate(("page:duty", "page:jobs", "page:map", "page:texts", "page:more"), 1):
                await seen.tap(code)
                seen.core.publish(replace(LOCKED, alarms=(replace(PRESSED, incident=f"I{number}"),)))
                await seen.says("ALARM 2 s, button", "○ received by HQ")
                seen.core.publish(LOCKED)
                await seen.until(lambda: "ALARM 2 s, button" not in seen.text())

    run(promise)


@pytest.mark.promise("P-PRESS-14")
def test_a_call_is_not_taken_for_an_alarm_that_was_open_before_it(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=None) as seen:
            await seen.says(LOST)
            await call(seen)
            seen.core.publish(alarmed(presses=(PressView("another press", kept=True),)))
            await seen.core.start()
            await seen.until(lambda: seen.core.calls() == [RaiseAlarm()])
            await seen.says("● PRESSED", "✖ NOT STORED, NOT SENT")

    run(promise)


@pytest.mark.promise("P-PRESS-14")
def test_a_call_goes_again_under_the_same_name_until_it_is_kept(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await call(seen)
            await seen.until(lambda: seen.core.taken)
            first = seen.core.taken[-1]
            seen.core.publish(alarmed(trigger="screen", presses=(seen.core.press(),)))
            await seen.says("ALARM 2 s, screen")
            await seen.core.stop()
            await seen.says(LOST)
            seen.core.publish(GOOD)
            await seen.core.start()
            await seen.until(lambda: len(seen.core.taken) == 2)
            assert seen.core.taken[-1] == first, "it was in a core that has crashed"
            seen.core.publish(alarmed(trigger="screen", presses=(seen.core.press(kept=True),)))
            await seen.until(lambda: seen.app._feed.seen.held is None)

    run(promise)


@pytest.mark.promise("P-PRESS-14", "P-KIND-02")
def test_no_test_takes_the_place_of_a_call_that_waits(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=None) as seen:
            await call(seen)
            seen.app._feed.send(RaiseAlarm(kind="test"))
            seen.core.publish(GOOD)
            await seen.core.start()
            await seen.until(lambda: seen.core.calls() == [RaiseAlarm()])

    run(promise)


@pytest.mark.promise("P-PRESS-14")
def test_an_alarm_that_is_called_without_core_goes_out_when_core_comes(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=None) as seen:
            await seen.says(LOST)
            await call(seen)
            await seen.says("● PRESSED", "USE THE RADIO")
            for _ in range(2):
                seen.core.taken.clear()
                seen.core.publish(GOOD)
                await seen.core.start()
                await seen.until(lambda: seen.core.calls() == [RaiseAlarm()])
                await seen.core.stop()
            seen.core.publish(alarmed(trigger="screen", presses=(seen.core.press(kept=True),)))
            seen.core.taken.clear()
            await seen.core.start()
            await seen.says("ALARM 2 s, screen")
            await seen.core.stop()
            seen.core.publish(GOOD)
            await seen.core.start()
            await seen.says("P-21")
            assert seen.core.taken == []

    run(promise)


def test_sos_goes_out_while_the_disk_hangs_that_is_to_keep_a_choice(tmp_path: Path):
    hanging, works, waited = tmp_path / "choices.json.new", Event(), []
    os.mkfifo(hanging)

    def disk() -> None:
        waited.append(works.wait(DEADLINE_S))
        hanging.read_bytes()

    async def promise() -> None:
        async with page(tmp_path, snapshot=driving(GOOD, 0), remembered=tmp_path / "choices.json") as seen:
            for code in ("page:more", "page:system", "language:sl"):
                await seen.tap(code)
            seen.clock.pass_s(4)
            await call(seen)
            await seen.until(lambda: seen.core.calls() == [RaiseAlarm()])
            works.set()

    mending = Thread(target=disk)
    mending.start()
    try:
        run(promise)
    finally:
        works.set()
        mending.join()
    assert waited == [True], "nothing waited for the disk"
