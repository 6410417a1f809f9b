"""The panel: who may leave it, its light, and the technician's self-test."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from page_bench import GOOD, NOW_NS, driving, page, run

from terminal.asked import Examine, OpenWorkshop
from terminal.screen.sound import LOUDEST, Sound, wav
from terminal.shown import DiskView, WorkshopView


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


def test_the_panel_gives_as_much_light_as_was_chosen_and_none_in_the_dark(tmp_path: Path):
    light = tmp_path / "backlight" / "panel" / "brightness"
    light.parent.mkdir(parents=True)
    (light.parent / "max_brightness").write_text("1000")

    async def promise() -> None:
        async with page(tmp_path, snapshot=driving(GOOD, 0), lights=tmp_path / "backlight") as seen:
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
    parked = replace(driving(GOOD, 0), workshop=WorkshopView())

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
