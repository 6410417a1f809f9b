"""The page: it says what is proved, in time, and SOS needs two taps in two places."""

import os
import signal
from pathlib import Path
from threading import Event, Thread
from time import monotonic_ns

import pytest
from msgspec.structs import replace
from page_bench import (
    DEADLINE_S,
    FIX,
    GOOD,
    NOW_NS,
    PRESSED,
    HandClock,
    Page,
    alarmed,
    core_process,
    page,
    profile,
    run,
)

from hal.readings import FixMode
from terminal.asked import Examine, LogIn, OpenWorkshop, RaiseAlarm, ReadText, SendText, SetDuty
from terminal.contract.work import Text
from terminal.link import Snapshot
from terminal.screen.sheet import Sheet
from terminal.screen.sound import LOUDEST, Sound, wav
from terminal.shown import (
    CrewView,
    DiskView,
    DutyView,
    LogInProblem,
    MemberView,
    PositionView,
    PressView,
    Urgency,
    VehicleView,
    WorkshopView,
)

LOST = "THE TERMINAL DOES NOT WORK"


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
        async with page(tmp_path, snapshot=_driving(GOOD, 30)) as seen:
            await seen.tap("page:more")
            await seen.tap("page:car")
            before = await seen.painted("HQ 1 s", "108 km/h")
            seen.core.publish(_driving(silent, 40))
            await seen.painted("144 km/h")
            seen.core.publish(_driving(silent, 30))
            assert await seen.painted("HQ 1 s", "108 km/h") == before

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
            await _call(seen)
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
            await _call(seen)
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
            await _call(seen)
            seen.core.publish(alarmed(presses=(PressView("another press", kept=True),)))
            await seen.core.start()
            await seen.until(lambda: seen.core.calls() == [RaiseAlarm()])
            await seen.says("● PRESSED", "✖ NOT STORED, NOT SENT")

    run(promise)


@pytest.mark.promise("P-PRESS-14")
def test_a_call_goes_again_under_the_same_name_until_it_is_kept(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await _call(seen)
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
            await _call(seen)
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
            await _call(seen)
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


def test_what_core_refuses_is_said(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            seen.core.answer = lambda _: "only the crew may do this"
            await _call(seen)
            await seen.says("NOT DONE: only the crew may do this", "Status 5")
            seen.clock.pass_s(9)
            await seen.until(lambda: "NOT DONE" not in seen.text())

    run(promise)


def test_a_text_that_core_was_not_there_to_take_is_kept_and_sent_later(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=_driving(GOOD, 0)) as seen:
            await seen.tap("page:texts")
            await seen.tap("type:text")
            for key in ("key:b", "key:b", "key:q"):
                await seen.tap(key)
            send = seen.target("typed").area
            await seen.pilot.mouse_down(Sheet, offset=(send.left, send.top))
            await seen.core.stop()
            await seen.says(LOST, "OLD")
            await seen.pilot.mouse_up(Sheet, offset=(send.left, send.top))
            assert not {"typed", "key:b"} & {one.code for one in seen.targets()}
            await seen.tap("page:texts")
            seen.core.publish(_driving(GOOD, 0))
            await seen.core.start()
            await seen.says("P-21")
            await seen.tap("type:text")
            await seen.says("Text: bbq_")
            await seen.tap("typed")
            await seen.until(lambda: seen.core.taken == [SendText(text="bbq")])
            await seen.tap("type:text")
            await seen.says("Text: _")

    run(promise)


async def _call(seen: Page) -> None:
    await seen.tap("arm")
    await seen.tap("send")


@pytest.mark.promise("P-SHOW-05")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_when_core_is_gone_the_page_says_so_and_shows_nothing_as_current(tmp_path: Path, end: signal.Signals):
    async def promise() -> None:
        async with page(tmp_path, snapshot=None) as seen:
            core = core_process(tmp_path / "core.sock")
            try:
                await seen.says("HQ has: Status 1")
                core.send_signal(end)
                await seen.says(LOST, "USE THE RADIO", "Last status: Status 1")
                for old in ("HQ has", "P-21", "3D"):
                    assert old not in seen.text()
                assert seen.text().count("Status 1") == 1
                if end is signal.SIGSTOP:
                    core.send_signal(signal.SIGCONT)
                    await seen.says("HQ has: Status 1")
            finally:
                core.kill()
                core.wait()

    run(promise)


@pytest.mark.promise("P-SHOW-05")
def test_an_open_alarm_stays_as_it_was_when_core_goes_whatever_the_page_beneath(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.tap("page:jobs")
            seen.core.publish(alarmed(received=True))
            await seen.says("● RECEIVED by HQ")
            await seen.core.stop()
            await seen.says(LOST, "OLD", "● RECEIVED by HQ", "USE THE RADIO")
            assert not [one for one in seen.targets() if one.code.startswith(("mistake", "cancel"))]
            # The feed's clock is the machine's: the crew taps after core was gone.
            seen.clock.now_ns = monotonic_ns()
            await seen.tap("page:map")
            await seen.until(lambda: "RECEIVED" not in seen.text())
            seen.clock.pass_s(11)
            await seen.says("● RECEIVED by HQ")

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
        async with page(tmp_path, snapshot=replace(_driving(GOOD, 0), texts=(text,))) as seen:
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
    expected = replace(_driving(GOOD, 0), crew=CrewView(roster=roster))

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


def test_an_officers_screen_has_no_way_out_and_no_simulated_button(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path) as seen:
            await seen.pilot.press("q", "b", "ctrl+q", "ctrl+c", "ctrl+p", "escape", "f1")
            await seen.says("HQ has: Status 1")
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


def test_a_screen_that_comes_back_speaks_and_is_dark_as_before(tmp_path: Path):
    async def promise() -> None:
        choices, clock = tmp_path / "choices.json", HandClock()
        async with page(tmp_path, snapshot=_driving(GOOD, 0), remembered=choices, clock=clock) as seen:
            for code in ("page:more", "page:system", "language:sl", "page:duty"):
                await seen.tap(code)
            await seen.says("Služba")
            await seen.tap("dark")
            await seen.until(lambda: choices.exists() and b'"dark_mono_ns":null' not in choices.read_bytes())
        async with page(tmp_path, snapshot=None, remembered=choices, clock=clock) as seen:
            await seen.until(lambda: [one.code for one in seen.targets()] == ["light"])
            await seen.tap("light")
            await seen.says("Služba")

    run(promise)


def test_sos_goes_out_while_the_disk_hangs_that_is_to_keep_a_choice(tmp_path: Path):
    hanging, works, waited = tmp_path / "choices.json.new", Event(), []
    os.mkfifo(hanging)

    def disk() -> None:
        waited.append(works.wait(DEADLINE_S))
        hanging.read_bytes()

    async def promise() -> None:
        async with page(tmp_path, snapshot=_driving(GOOD, 0), remembered=tmp_path / "choices.json") as seen:
            for code in ("page:more", "page:system", "language:sl"):
                await seen.tap(code)
            seen.clock.pass_s(4)
            await _call(seen)
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


def test_the_panel_gives_as_much_light_as_was_chosen_and_none_in_the_dark(tmp_path: Path):
    light = tmp_path / "backlight" / "panel" / "brightness"
    light.parent.mkdir(parents=True)
    (light.parent / "max_brightness").write_text("1000")

    async def promise() -> None:
        async with page(tmp_path, snapshot=_driving(GOOD, 0), lights=tmp_path / "backlight") as seen:
            await seen.tap("page:more")
            await seen.tap("page:system")
            await seen.tap("palette:day")
            assert light.read_text() == "1000"
            await seen.tap("brighter")
            assert light.read_text() == "100"
            await seen.tap("palette:red")
            assert light.read_text() == "30"
            await seen.tap("page:duty")
            await seen.tap("dark")
            assert light.read_text() == "0"
            await seen.tap("light")
            assert light.read_text() == "30"

    run(promise)


def test_the_self_test_opens_with_the_pin_says_how_things_are_and_plays_its_tones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    heard = tmp_path / "heard"
    player = tmp_path / "aplay"
    player.write_text(f"#!/bin/sh\ncat >{heard}.part && mv {heard}.part {heard}\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    parked = replace(_driving(GOOD, 0), workshop=WorkshopView())

    async def promise() -> None:
        async with page(tmp_path, snapshot=parked) as seen:
            for code in ("page:more", "page:system", "bench:", "type:technician", *["key:4"] * 6, "typed"):
                await seen.tap(code)
            await seen.until(lambda: seen.core.taken == [OpenWorkshop(pin="444444")])
            opened = WorkshopView(opened_mono_ns=NOW_NS, signals=7)
            seen.core.publish(replace(parked, workshop=opened))
            await seen.says("CAN bus ● good", "Disk ○ open")
            await seen.tap("bench:item:disk")
            await seen.tap("bench:disk")
            await seen.until(lambda: seen.core.taken[-1] == Examine(what="disk"))
            disk = DiskView(asked_mono_ns=NOW_NS, sync_ms=31.0)
            seen.core.publish(replace(parked, workshop=replace(opened, disk=disk)))
            await seen.says("Disk: ● good", "Seen: the slowest sync took 31 ms")
            await seen.tap("bench:")
            await seen.tap("bench:item:sound")
            await seen.tap("bench:tone")
            await seen.until(heard.exists)
            assert heard.read_bytes() == wav(Sound.TRIAL, LOUDEST)
            await seen.tap("bench:heard:yes")
            await seen.says("Sound: ● good")

    run(promise)
