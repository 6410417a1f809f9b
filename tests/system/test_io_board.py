"""The board's firmware in MicroPython on one end of a pty, the driver on the other: no press lost, none invented."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from drivers import io_board
from drivers.simulated_board import Event, SimulatedBoard, command, micropython
from firmware import frame
from hal.clock import SystemClock
from hal.ports import ButtonBoard, SelfTesting
from hal.readings import (
    AnyReading,
    ButtonHealth,
    ButtonState,
    LightbarState,
    PowerState,
    Press,
    SourceHealth,
    VehicleSignals,
)
from hal.supervision import Supervisor
from tests.system.board_bench import Bench, bench, driver, reading, run, until


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "board"


def test_the_firmware_runs_in_micropython_where_it_is_installed() -> None:
    found = micropython()
    if found is None:
        pytest.skip("MicroPython has no package for this machine: the firmware runs under CPython")
    assert command()[0] == found


def test_it_is_a_button_board_that_tests_itself(link: Path) -> None:
    assert isinstance(driver(link), ButtonBoard)
    assert isinstance(driver(link), SelfTesting)


@pytest.mark.promise("P-PRESS-01")
@pytest.mark.parametrize("interpreter", [(), (sys.executable,)], ids=["default", "cpython"])
def test_a_press_comes_with_its_name_and_is_held_until_stored(link: Path, interpreter: tuple[str, ...]) -> None:
    async def scenario(b: Bench) -> None:
        began_s = time.monotonic()
        press = await b.press()
        assert began_s < b.board.told_s < time.monotonic()
        await until(lambda: b.presses)
        assert b.presses == [press]
        assert (press.board_id, press.number) == ("B-1", 1)
        await until(lambda: b.latched("latch") == [1])
        b.driver.confirm_stored(press)
        await until(lambda: b.button().latched is None and b.latched() == [] and b.latched("latch") == [])
        assert b.presses == [press]
        assert b.of("stored") == [
            {"event": "stored", "board_id": "B-1", "boot_nonce": press.boot_nonce, "number": press.number}
        ]

    run(scenario, link, interpreter=interpreter)


@pytest.mark.promise("P-PRESS-04")
def test_letting_go_of_the_button_changes_nothing(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.presses == [press])
        assert b.latched() == [1]

    run(scenario, link)


@pytest.mark.promise("P-PRESS-17")
def test_every_one_of_several_presses_is_told_and_confirmed_by_itself(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        first = await b.press()
        await asyncio.sleep(0.05)
        second = await b.press()
        await asyncio.sleep(0.05)
        third = await b.press()
        await until(lambda: third in b.presses)
        assert b.presses == [first, second, third]
        b.driver.confirm_stored(second)
        await until(lambda: b.latched() == [1, 3])
        b.driver.confirm_stored(third)
        await until(lambda: b.latched() == [1])
        await until(lambda: b.button().latched == first)

    run(scenario, link)


@pytest.mark.promise("P-PRESS-13")
def test_a_press_while_the_terminal_is_away_is_told_when_it_comes(link: Path) -> None:
    async def scenario() -> None:
        made = Bench(link)
        made.board.plug()
        press = await made.press()
        async with reading(made):
            await until(lambda: made.presses == [press])
        assert made.latched() == [1]
        async with reading(made):
            await until(lambda: made.presses == [press, press])
            made.driver.confirm_stored(press)
            await until(lambda: made.latched() == [])
        made.board.unplug()

    asyncio.run(scenario())


def test_a_press_confirmed_while_the_board_was_away_is_let_go_of_and_not_told_again(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.presses == [press] and b.latched("latch") == [1])
        b.board.unplug()
        await until(lambda: not b.is_up())
        b.driver.confirm_stored(press)
        b.board.plug()
        await until(lambda: b.of("stored"))
        assert b.presses == [press]

    run(scenario, link)


@pytest.mark.promise("P-PRESS-05")
def test_a_power_cut_of_the_board_keeps_a_press_and_its_name(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.latched("latch") == [1])
        b.board.unplug()
        await until(lambda: not b.is_up())
        b.board.plug()
        await until(lambda: b.presses[-2:] == [press, press])
        assert set(b.presses) == {press}

    run(scenario, link)


@pytest.mark.promise("P-PRESS-05")
def test_a_reset_of_the_board_keeps_a_press_and_its_name(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.latched() == [1])
        (b.memory / "latch").unlink(missing_ok=True)
        b.board.reset()
        await until(lambda: b.presses)
        again = await b.press()
        await until(lambda: again in b.presses)
        assert set(b.presses) == {press, again}
        assert (again.boot_nonce, again.number) == (press.boot_nonce, 2)

    run(scenario, link)


@pytest.mark.promise("P-PRESS-05")
def test_a_board_that_hangs_is_gone_for_core_and_reset_by_its_watchdog(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.presses == [press])
        b.board.pins("hang")
        await until(lambda: not b.is_up())
        await until(lambda: b.board.starts == 2 and b.is_up())
        assert set(b.presses) == {press}

    run(scenario, link)


@pytest.mark.promise("P-PRESS-12")
def test_a_button_pressed_during_boot_is_a_press(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.plug()
        b.board.circuit("press")
        await until(lambda: b.presses)
        assert [one.number for one in b.presses] == [1]

    async def scene() -> None:
        async with bench(link, plug=False) as made:
            await scenario(made)

    asyncio.run(scene())


def test_a_rebooted_board_counts_under_a_new_nonce(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        before = await b.press()
        await until(lambda: b.presses == [before])
        b.driver.confirm_stored(before)
        await until(lambda: b.latched() == [] and b.latched("latch") == [])
        b.board.unplug()
        b.board.plug()
        after = await b.press()
        await until(lambda: after in b.presses)
        assert after.number == before.number
        assert after != before
        b.driver.confirm_stored(before)
        b.driver.confirm_stored(after)
        await until(lambda: b.latched() == [])

    run(scenario, link)


@pytest.mark.promise("P-PRESS-07")
def test_noise_does_not_press_and_does_not_hide_a_press(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        told = len(b.readings)
        for noise in (os.urandom(3000), b"$PRESS 00C0FFEE 9 1*0000\n", b"$" * 400, b"$STATE 00C0FFEE ok 7", b"\n\n"):
            b.board.send(noise)
            await asyncio.sleep(0)
        for odd in (("PRESS", "zz", 1, 2), ("STATE", "00C0FFEE", "fine", "-", 1, "00"), ("PRESS", 1), ("WHAT",)):
            b.board.send(frame.encode(*odd))
        press = await b.press()
        await until(lambda: press in b.presses)
        assert b.presses == [press]
        assert not [one for one in b.readings[told:] if isinstance(one, SourceHealth)]

    run(scenario, link)


@pytest.mark.promise("P-PRESS-08")
@pytest.mark.parametrize("health", [one for one in ButtonHealth if one is not ButtonHealth.OK])
def test_a_fault_of_the_circuit_is_told_and_its_end_too(link: Path, health: ButtonHealth) -> None:
    async def scenario(b: Bench) -> None:
        b.board.circuit(health)
        await until(lambda: b.button().health == health)
        b.board.circuit("ok")
        await until(lambda: b.button().health == ButtonHealth.OK)

    run(scenario, link)


def test_two_contacts_do_as_well_as_resistors(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.pins("contacts 0 1")
        await until(lambda: b.button().health == ButtonHealth.OK)
        b.board.pins("contacts 0 0")
        await until(lambda: b.button().health == ButtonHealth.CUT)
        b.board.pins("contacts 1 0")
        await until(lambda: b.presses)

    run(scenario, link)


def test_what_does_not_change_is_not_told(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.pins("input lightbar 1", "input spare 1")
        b.board.circuit("cut")
        await until(lambda: b.button().health == ButtonHealth.CUT)
        assert len([one for one in b.readings if isinstance(one, ButtonState)]) == 2
        assert b.last(LightbarState) is None

    run(scenario, link)


def test_only_inputs_that_are_wired_are_told(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.pins("input lightbar 1", "input siren 1", "input ignition 1", "input door 1", "input trunk 1")
        await until(lambda: getattr(b.last(PowerState), "ignition_on", None))
        await until(lambda: getattr(b.last(LightbarState), "lights_on", None))
        assert getattr(b.last(LightbarState), "siren_on", True) is None
        door = {"Vehicle.Cabin.Door.Row1.DriverSide.IsOpen": True}
        await until(lambda: getattr(b.last(VehicleSignals), "signals", None) == door)

    run(scenario, link, wired=("lightbar", "ignition", "door"))


@pytest.mark.promise("P-SHOW-06")
def test_the_lamp_shows_the_rung_also_after_the_board_was_away(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.driver.show_rung("received")
        await until(lambda: b.of("lamp")[-1:] == [{"event": "lamp", "rung": "received"}])
        b.board.unplug()
        await until(lambda: not b.is_up())
        b.driver.show_rung("acknowledged")
        b.board.plug()
        await until(lambda: b.of("lamp")[-1:] == [{"event": "lamp", "rung": "acknowledged"}])
        b.driver.show_rung("")
        await until(lambda: b.of("lamp")[-1:] == [{"event": "lamp", "rung": "off"}])

    run(scenario, link)


@pytest.mark.promise("P-SHOW-06")
def test_a_lamp_frame_lost_to_noise_is_made_good(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.driver._write((frame.encode("LAMP", "sent"),))  # type: ignore[attr-defined]  # as if noise had made it
        await until(lambda: b.of("lamp"))
        await until(lambda: b.of("lamp")[-1:] == [{"event": "lamp", "rung": "off"}])

    run(scenario, link, beat_s=0.1)


@pytest.mark.promise("P-KIND-06")
def test_a_silent_board_shows_nothing(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.press()
        b.driver.show_rung("received")
        await until(lambda: {"event": "lamp", "rung": "received"} in b.events)
        await until(lambda: b.presses)
        assert b.of("pins") == []

    run(scenario, link, silent=True)


def test_a_terminal_that_falls_silent_is_shown_and_its_supply_cycled_if_that_is_set(link: Path) -> None:
    async def scene() -> None:
        made = Bench(link, cycle_after_s=60)
        made.board.plug()
        async with reading(made):
            await until(lambda: made.is_up())
            await asyncio.sleep(0.1)
        await until(lambda: made.of("started"))
        made.board.pins("ahead 300000")
        await until(lambda: made.of("cycle"))
        assert made.of("cycle")[0] == {"event": "cycle", "on": True}
        assert made.of("lamp")[-1] == {"event": "lamp", "rung": "dead"}
        made.board.unplug()

    asyncio.run(scene())


@pytest.mark.promise("P-TIME-03")
def test_a_clock_that_wraps_under_a_press_changes_nothing(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.pins(f"ahead {frame.TIME - 200}")
        b.board.circuit("press")
        await until(lambda: b.presses)
        b.driver.confirm_stored(b.presses[0])
        b.board.circuit("release")
        await until(lambda: b.of("stored"))
        assert [one.number for one in b.presses] == [1]
        await until(lambda: b.button().health == ButtonHealth.OK)

    run(scenario, link)


def test_two_boards_are_two_sources(link: Path) -> None:
    async def scenario() -> None:
        events: list[Event] = []
        boards = [
            SimulatedBoard(name, link.with_name(name), link.with_name(name + "-memory"), events.append)
            for name in ("B-1", "B-2")
        ]
        readings: list[AnyReading] = []
        drivers = [io_board.build(b.board_id, io_board.Settings(device=b.link), SystemClock()) for b in boards]
        tasks = [asyncio.create_task(Supervisor(d, readings.append, SystemClock()).run()) for d in drivers]
        for one in boards:
            one.plug()
            one.circuit("press")

        def told() -> set[tuple[str, Press]]:
            return {(one.source, one.latched) for one in readings if isinstance(one, ButtonState) and one.latched}

        await until(lambda: len(told()) == 2)
        assert {(source, press.board_id) for source, press in told()} == {("B-1", "B-1"), ("B-2", "B-2")}
        for one, press in zip(
            drivers, sorted((press for _, press in told()), key=lambda press: press.board_id), strict=False
        ):
            one.confirm_stored(press)
        await until(lambda: len([one for one in events if one["event"] == "stored"]) == 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in boards:
            one.unplug()

    asyncio.run(scenario())


def test_the_board_tests_itself(link: Path) -> None:
    async def scenario() -> None:
        made = Bench(link)
        made.board.plug()
        good = {item.item: item for item in await made.driver.self_test()}  # type: ignore[attr-defined]
        assert good["all"].result == "ok"
        assert int(good["free-bytes"].value) > 0
        assert {"lamp", "buzzer", "adc", "line-ohm", "inputs-seen", "latch-fast", "latch-kept", "loop-ms"} <= set(good)
        made.board.pins("reference 430", "stuck-pin 2", "adc 960", "fail")
        bad = {item.item: item for item in await made.driver.self_test()}  # type: ignore[attr-defined]
        assert {item for item in bad if bad[item].result == "fail"} == {"adc", "buzzer", "button", "errors", "all"}
        assert bad["button"].value == "cut"
        assert bad["errors"].value == "ValueError"
        made.board.unplug()

    asyncio.run(scenario())


@pytest.mark.promise("P-HARD-09")
def test_the_board_tests_itself_while_it_is_being_read_and_a_press_meanwhile_is_a_press(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        await until(lambda: b.readings)
        testing = asyncio.create_task(b.driver.self_test())  # type: ignore[attr-defined]
        await until(lambda: any(event["buzzer"] for event in b.of("pins")))
        press = await b.press()
        await until(lambda: b.presses == [press])
        found = [item.item for item in await testing]
        assert (found[:2], found[-1]) == (["lamp", "buzzer"], "all")
        again = await b.driver.self_test()  # type: ignore[attr-defined]
        assert [item.item for item in again] == found
        assert b.presses == [press]

    run(scenario, link)


def test_a_rung_that_no_frame_can_carry_is_refused_at_once(link: Path) -> None:
    with pytest.raises(ValueError, match="no frame can carry"):
        driver(link).show_rung("two words")
