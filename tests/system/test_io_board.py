"""The board's firmware in MicroPython on one end of a pty, the driver on the other: no press lost, none invented."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers import io_board
from drivers.simulated_board import Event, SimulatedBoard, command, micropython, press_of
from firmware import frame
from firmware.latch import from_record
from hal.clock import SystemClock
from hal.errors import SourceLost, SourceMissing, SourceRefused, SourceStale
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

DEADLINE_S = 20
HELLO = [frame.encode("HELLO", frame.FRAME_VERSION, "B-9", "00000001", "1.0", "abc", "power")] * 2


class Bench:
    """A board, the driver under supervision, and all that either of them told."""

    def __init__(self, link: Path, interpreter: tuple[str, ...] = (), **settings: object) -> None:
        self.readings: list[AnyReading] = []
        self.events: list[Event] = []
        self.memory = link.with_name("memory")
        self.board = SimulatedBoard("B-1", link, self.memory, self.events.append, interpreter)
        self.driver = driver(link, **settings)
        self.supervisor = Supervisor(self.driver, self.readings.append, SystemClock())

    @property
    def presses(self) -> list[Press]:
        return [one.latched for one in self.readings if isinstance(one, ButtonState) and one.latched]

    def latched(self, where: str = "scratch") -> list[int]:
        """What one of the board's memories holds."""
        path = self.memory / where
        latch = from_record(path.read_bytes()) if path.exists() else None
        return [] if latch is None else latch.numbers()

    def last(self, kind: type[AnyReading]) -> AnyReading | None:
        return next((one for one in reversed(self.readings) if isinstance(one, kind)), None)

    def button(self) -> ButtonState:
        found = self.last(ButtonState)
        return found if isinstance(found, ButtonState) else ButtonState(source="", mono_ns=0)

    def is_up(self) -> bool:
        found = self.last(SourceHealth)
        return isinstance(found, SourceHealth) and found.up

    def of(self, event: str) -> list[Event]:
        return [one for one in self.events if one["event"] == event]

    async def press(self) -> Press:
        """Down and up again, each for as long as the board needs to see it."""
        before, edges = len(self.of("press")), self.latched()
        self.board.circuit("press")
        await until(lambda: len(self.of("press")) > before)
        self.board.circuit("release")
        named = press_of(self.of("press")[-1])
        assert edges == [] or named.number > edges[-1]
        return named


def driver(link: Path, **settings: object) -> ButtonBoard:
    return io_board.build("board", io_board.Settings(device=link, **settings), SystemClock())


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():  # noqa: ASYNC110 - what is awaited happens behind a pty and sets no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def bench(link: Path, plug: bool = True, **settings: object) -> AsyncIterator[Bench]:
    made = Bench(link, **settings)
    if plug:
        made.board.plug()
    async with reading(made):
        try:
            if plug:
                await until(made.is_up)
            yield made
        finally:
            made.board.unplug()


@asynccontextmanager
async def reading(made: Bench) -> AsyncIterator[None]:
    """The driver at work, for as long as this lasts."""
    task = asyncio.create_task(made.supervisor.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "board"


def run(scenario: Callable[[Bench], Awaitable[None]], link: Path, **settings: object) -> None:
    async def scene() -> None:
        async with bench(link, **settings) as made:
            await scenario(made)

    asyncio.run(scene())


def test_the_firmware_runs_in_micropython_where_it_is_installed() -> None:
    found = micropython()
    if found is None:
        pytest.skip("MicroPython has no package for this machine: the firmware runs under CPython")
    assert command()[0] == found


def test_it_is_a_button_board_that_tests_itself(link: Path) -> None:
    assert isinstance(driver(link), ButtonBoard)
    assert isinstance(driver(link), SelfTesting)


@pytest.mark.parametrize("interpreter", [(), (sys.executable,)], ids=["default", "cpython"])
def test_a_press_comes_with_its_name_and_is_held_until_stored(link: Path, interpreter: tuple[str, ...]) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
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


def test_letting_go_of_the_button_changes_nothing(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.presses == [press])
        assert b.latched() == [1]

    run(scenario, link)


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


def test_a_board_that_hangs_is_gone_for_core_and_reset_by_its_watchdog(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = await b.press()
        await until(lambda: b.presses == [press])
        b.board.pins("hang")
        await until(lambda: not b.is_up())
        await until(lambda: b.board.starts == 2 and b.is_up())
        assert set(b.presses) == {press}

    run(scenario, link)


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


def test_a_lamp_frame_lost_to_noise_is_made_good(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.driver._write((frame.encode("LAMP", "sent"),))  # type: ignore[attr-defined]  # as if noise had made it
        await until(lambda: b.of("lamp"))
        await until(lambda: b.of("lamp")[-1:] == [{"event": "lamp", "rung": "off"}])

    run(scenario, link, beat_s=0.1)


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


def test_a_rung_that_no_frame_can_carry_is_refused_at_once(link: Path) -> None:
    with pytest.raises(ValueError, match="no frame can carry"):
        driver(link).show_rung("two words")


async def first(source: ButtonBoard) -> AnyReading:
    async with asyncio.timeout(DEADLINE_S):
        return await anext(aiter(source.readings()))


def test_a_board_that_is_not_there_is_missing(link: Path) -> None:
    with pytest.raises(SourceMissing, match="plug the board in"):
        asyncio.run(first(driver(link)))


def test_a_file_is_no_board(link: Path) -> None:
    link.write_text("not a serial line")
    with pytest.raises(SourceMissing, match="serial line"):
        asyncio.run(first(driver(link)))


def test_a_board_in_use_is_refused(link: Path) -> None:
    async def scenario() -> None:
        async with bench(link):
            with pytest.raises(SourceRefused, match="in use"):
                await first(driver(link))

    asyncio.run(scenario())


def test_a_board_that_is_pulled_is_lost(link: Path) -> None:
    async def scenario() -> None:
        made = Bench(link)
        made.board.plug()
        readings = made.driver.readings()
        await anext(readings)
        made.board.unplug()
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(SourceLost, match="gone"):
                await anext(readings)

    asyncio.run(scenario())


@pytest.fixture
def host(link: Path) -> Iterator[int]:
    """The far end of a line with nothing on it."""
    host, device = os.openpty()
    link.symlink_to(os.ttyname(device))
    yield host
    os.close(host)
    os.close(device)


@pytest.mark.parametrize("noise", [b"", b"$garbage\n"])
def test_a_board_that_says_nothing_is_stale(link: Path, host: int, noise: bytes) -> None:
    async def scenario() -> None:
        asyncio.get_running_loop().call_later(0.05, os.write, host, noise)
        with pytest.raises(SourceStale, match="no frames" if noise else "said nothing"):
            await first(driver(link, silent_after_s=0.3, beat_s=0.1))

    asyncio.run(scenario())


def test_a_board_of_another_version_is_refused_with_the_command_that_mends_it(link: Path, host: int) -> None:
    async def scenario() -> None:
        hello = frame.encode("HELLO", 9, "B-9", "00000001", "1.0", "abc", "power", "more")
        asyncio.get_running_loop().call_later(0.05, os.write, host, hello * 2)
        with pytest.raises(SourceRefused, match="frame version 9, this terminal 2; flash it: patrola flash board"):
            await first(driver(link))

    asyncio.run(scenario())


@pytest.fixture
def never_blocked() -> Iterator[None]:
    """Fails a test that waits in the kernel, which no asyncio time-out can end."""

    def fail(*_: object) -> None:
        raise AssertionError("the loop was blocked")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("never_blocked")
def test_a_line_that_takes_nothing_does_not_block_the_loop(link: Path, host: int) -> None:
    async def scenario() -> None:
        source = driver(link, beat_s=0.01)
        task = asyncio.create_task(first(source))
        await asyncio.sleep(0)
        for number in range(20_000):
            source.show_rung(f"rung-{number}")
        os.write(host, b"".join(HELLO))
        os.write(host, frame.encode("STATE", "00000001", "ok", "-", 1, "000", 0))
        assert isinstance(await task, ButtonState)

    asyncio.run(scenario())


def is_there(link: Path) -> bool:
    return link.is_symlink()


class Command:
    """`simulate-board` as a child process, spoken to as the demo does."""

    def __init__(self, link: Path) -> None:
        code = "import argparse, sys; from terminal.tools import simulate_board as s; p = argparse.ArgumentParser();"
        code += "s.add_arguments(p); sys.exit(s.run(p.parse_args()))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "--link", str(link)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent.parent,
        )
        assert self.heard("plugged")["link"] == str(link)

    def say(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def heard(self, event: str) -> Event:
        assert self.process.stdout
        for line in self.process.stdout:
            if (told := json.loads(line))["event"] == event:
                return dict(told)
        raise AssertionError(f"it ended without {event}")

    def ended(self) -> int:
        self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode


def test_the_command_presses_hears_lamp_and_stored_and_ends_with_its_input(link: Path) -> None:
    async def scenario(command: Command) -> None:
        source, told = driver(link), []
        task = asyncio.create_task(Supervisor(source, told.append, SystemClock()).run())
        try:
            await until(lambda: told)
            command.say("press")
            press = press_of(await asyncio.to_thread(command.heard, "press"))
            await until(lambda: press in [getattr(one, "latched", None) for one in told])
            source.show_rung("stored")
            source.confirm_stored(press)
            assert (await asyncio.to_thread(command.heard, "stored"))["number"] == 1
            command.say("cut")
            await until(lambda: ButtonHealth.CUT in [getattr(one, "health", None) for one in told])
            command.say("unplug")
            await until(lambda: isinstance(told[-1], SourceHealth) and not told[-1].up)
            assert not is_there(link)
            command.say("nonsense\nplug")
            await asyncio.to_thread(command.heard, "plugged")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    command = Command(link)
    asyncio.run(scenario(command))
    assert link.is_symlink()
    assert command.ended() == 0
    assert not link.is_symlink()


def test_the_command_ends_on_sigterm_and_takes_its_link_away(link: Path) -> None:
    command = Command(link)
    command.process.send_signal(signal.SIGTERM)
    assert command.ended() == 0
    assert not link.is_symlink()
