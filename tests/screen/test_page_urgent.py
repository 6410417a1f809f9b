"""What cannot wait ends typing and the dark, and is heard again and again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gallery import NS_24
from msgspec.structs import replace
from page_bench import GOOD, NOW_NS, PRESSED, SECOND_NS, page, run

from terminal.asked import AnswerCheckIn
from terminal.contract.work import Picture
from terminal.screen.sound import Sound, wav
from terminal.shown import CheckInView, PictureView, VehicleView

PLAYER = """#!/bin/sh
cat > "{folder}/playing.$$" && mv "{folder}/playing.$$" "{folder}/heard.$$"
"""
PARKED = replace(GOOD, vehicle=VehicleView(speed_mps=0.0))
DUE = replace(PARKED, check_in=CheckInView(due_mono_ns=NOW_NS + 2 * SECOND_NS, alarm_mono_ns=NOW_NS + 122 * SECOND_NS))


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sound], int]:
    """How often this was played, by an `aplay` that keeps what it gets."""
    folder = tmp_path / "heard"
    folder.mkdir()
    player = folder / "aplay"
    player.write_text(PLAYER.format(folder=folder))
    player.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return lambda sound: sum(path.read_bytes() == wav(sound, 2) for path in folder.glob("heard.*"))


@pytest.mark.promise("P-SHOW-17")
def test_a_due_check_in_ends_typing_for_a_while_and_rings_until_it_is_answered(
    tmp_path: Path, heard: Callable[[Sound], int]
) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(DUE, check_in=CheckInView())) as seen:
            await seen.tap("page:texts")
            await seen.tap("type:text")
            await seen.tap("key:x")
            seen.core.publish(DUE)
            seen.clock.pass_s(2)
            await seen.says("I AM WELL Tap here", "ALL WELL?")
            await seen.until(lambda: heard(Sound.CHECK_IN) == 1)
            seen.clock.pass_s(10)
            await seen.until(lambda: heard(Sound.CHECK_IN) == 2)
            await seen.tap("check-in:answer")
            await seen.until(lambda: seen.core.taken == [AnswerCheckIn()])
            seen.core.publish(PARKED)
            await seen.says("Text: x_")

    run(promise)


@pytest.mark.promise("P-SHOW-17")
def test_a_due_check_in_is_answered_on_the_page_of_an_open_alarm(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(DUE, alarms=(PRESSED,))) as seen:
            await seen.says("● PRESSED", "Other pages")
            seen.clock.pass_s(2)
            await seen.says("● PRESSED", "ALL WELL?", "I AM WELL Tap here", "Mistake")
            await seen.tap("check-in:answer")
            await seen.until(lambda: seen.core.taken == [AnswerCheckIn()])
            seen.core.publish(replace(PARKED, alarms=(PRESSED,)))
            await seen.says("● PRESSED", "Other pages")

    run(promise)


@pytest.mark.promise("P-SHOW-17")
def test_a_due_check_in_lights_the_dark_panel_dimly_until_it_is_answered(
    tmp_path: Path, heard: Callable[[Sound], int]
) -> None:
    light = tmp_path / "backlight" / "panel" / "brightness"
    light.parent.mkdir(parents=True)
    (light.parent / "max_brightness").write_text("1000")

    async def promise() -> None:
        async with page(tmp_path, snapshot=PARKED, lights=tmp_path / "backlight") as seen:
            await seen.tap("dark")
            await seen.until(lambda: light.read_text() == "0")
            seen.core.publish(DUE)
            seen.clock.pass_s(2)
            await seen.says("I AM WELL Tap here")
            assert light.read_text() == "30"
            await seen.until(lambda: heard(Sound.CHECK_IN))
            await seen.tap("check-in:answer")
            seen.core.publish(PARKED)
            await seen.until(lambda: light.read_text() == "0")
            assert [box.code for box in seen.targets()] == ["light"]

    run(promise)


def test_a_check_in_that_is_due_has_the_page_before_a_test_alarm_and_not_before_a_real_one(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(DUE, alarms=(replace(PRESSED, kind="test"),))) as seen:
            await seen.says("TEST ALARM")
            seen.clock.pass_s(2)
            await seen.says("I AM WELL Tap here")
            assert "PRESSED" not in seen.text()
            seen.core.publish(replace(DUE, alarms=(PRESSED,)))
            await seen.says("● PRESSED", "I AM WELL Tap here")

    run(promise)


def test_an_alarm_of_another_patrol_rings_at_the_start_of_the_screen_until_the_map_was_seen(
    tmp_path: Path, heard: Callable[[Sound], int]
) -> None:
    picture = PictureView(Picture(utc_ms=1_000_000, alarms=(NS_24,)), NOW_NS)

    async def promise() -> None:
        async with page(tmp_path, snapshot=replace(GOOD, picture=picture)) as seen:
            await seen.until(lambda: heard(Sound.OTHERS) == 1)
            seen.clock.pass_s(10)
            await seen.until(lambda: heard(Sound.OTHERS) == 2)
            await seen.tap("page:map")
            await seen.until(lambda: seen.app._state.ringing.seen)
            seen.clock.pass_s(60)
            await seen.says("HQ 71 s")
            assert heard(Sound.OTHERS) == 2

    run(promise)
