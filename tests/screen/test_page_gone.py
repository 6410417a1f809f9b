"""Core is gone, or comes back: the page says so, shows nothing as current, and loses nothing that was said."""

import signal
from pathlib import Path
from time import monotonic_ns

import pytest
from page_bench import GOOD, LOST, HandClock, alarmed, core_process, driving, page, run

from terminal.asked import SendText
from terminal.screen.sheet import Sheet


def test_a_text_that_core_was_not_there_to_take_is_kept_and_sent_later(tmp_path: Path):
    async def promise() -> None:
        async with page(tmp_path, snapshot=driving(GOOD, 0)) as seen:
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
            seen.core.publish(driving(GOOD, 0))
            await seen.core.start()
            await seen.says("P-21")
            await seen.tap("type:text")
            await seen.says("Text: bbq_")
            await seen.tap("typed")
            await seen.until(lambda: seen.core.taken == [SendText(text="bbq")])
            await seen.tap("type:text")
            await seen.says("Text: _")

    run(promise)


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


def test_a_screen_that_comes_back_speaks_and_is_dark_as_before(tmp_path: Path):
    async def promise() -> None:
        choices, clock = tmp_path / "choices.json", HandClock()
        async with page(tmp_path, snapshot=driving(GOOD, 0), remembered=choices, clock=clock) as seen:
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
