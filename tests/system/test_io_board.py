"""The I/O board over a pty: no press lost, none invented, whatever happens to the line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from drivers import io_board
from drivers.simulated_board import Board, Event, PluggedBoard
from firmware import frame
from hal.clock import SystemClock
from hal.errors import SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import ButtonBoard
from hal.readings import AnyReading, ButtonHealth, ButtonState, LightbarState, PowerState, Press, SourceHealth
from hal.supervision import Supervisor

DEADLINE_S = 20


class Bench:
    """A simulated board, the driver under supervision, and all that either of them told."""

    def __init__(self, link: Path, **settings: object) -> None:
        self.readings: list[AnyReading] = []
        self.events: list[Event] = []
        self.plugged = PluggedBoard(Board("B-1", 0xC0FFEE), link, self.events.append)
        self.board = self.plugged.board
        self.driver = driver(link, **settings)
        self.supervisor = Supervisor(self.driver, self.readings.append, SystemClock())

    @property
    def presses(self) -> list[Press]:
        return [one.latched for one in self.readings if isinstance(one, ButtonState) and one.latched]

    def last(self, kind: type[AnyReading]) -> AnyReading | None:
        return next((one for one in reversed(self.readings) if isinstance(one, kind)), None)

    def button(self) -> ButtonState:
        found = self.last(ButtonState)
        return found if isinstance(found, ButtonState) else ButtonState(source="", mono_ns=0)

    def is_up(self) -> bool:
        found = self.last(SourceHealth)
        return isinstance(found, SourceHealth) and found.up


def driver(link: Path, **settings: object) -> ButtonBoard:
    return io_board.build("board", io_board.Settings(device=link, **settings), SystemClock())


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():  # noqa: ASYNC110 - what is awaited happens behind a pty and sets no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def bench(link: Path, plug: bool = True, **settings: object) -> AsyncIterator[Bench]:
    made = Bench(link, **settings)
    if plug:
        made.plugged.plug()
    task = asyncio.create_task(made.supervisor.run())
    try:
        if plug:
            await until(made.is_up)
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        made.plugged.unplug()


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "board"


def run(scenario: Callable[[Bench], Awaitable[None]], link: Path, **settings: object) -> None:
    async def scene() -> None:
        async with bench(link, **settings) as made:
            await scenario(made)

    asyncio.run(scene())


def test_it_is_a_button_board(link: Path) -> None:
    assert isinstance(driver(link), ButtonBoard)


def test_a_press_comes_with_its_name_and_is_held_until_stored(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = b.board.press()
        await until(lambda: b.presses)
        assert b.presses == [press] == [Press("B-1", 0xC0FFEE, 1)]
        assert b.board.latched == [1]
        b.driver.confirm_stored(press)
        await until(lambda: b.button().latched is None and not b.board.latched)
        assert b.presses == [press]

    run(scenario, link)


def test_stored_is_repeated_until_the_board_lets_go(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = b.board.press()
        await until(lambda: b.presses)
        hear, deaf = b.board.hear, []
        b.board.hear = lambda data: deaf.append(data) or []  # type: ignore[method-assign]  # a board that hears nothing
        b.driver.confirm_stored(press)
        await until(lambda: b"".join(deaf).count(b"$STORED") >= 3)
        b.board.hear = hear  # type: ignore[method-assign]
        await until(lambda: not b.board.latched)
        assert b.presses == [press]

    run(scenario, link)


def test_letting_go_of_the_button_changes_nothing(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = b.board.press()
        b.board.release()
        await until(lambda: b.presses == [press])
        assert b.board.latched == [1]

    run(scenario, link)


def test_every_one_of_several_presses_is_told_and_confirmed_by_itself(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        first, second, third = (b.board.press() for _ in range(3))
        await until(lambda: third in b.presses)
        assert b.presses == [first, second, third]
        b.driver.confirm_stored(second)
        await until(lambda: b.board.latched == [1, 3])
        b.driver.confirm_stored(third)
        await until(lambda: b.board.latched == [1])
        await until(lambda: b.button().latched == first)

    run(scenario, link)


def test_a_press_while_disconnected_is_told_once_the_board_is_back(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.plugged.unplug()
        await until(lambda: not b.is_up())
        press = b.board.press()
        b.plugged.plug()
        await until(lambda: b.presses == [press])
        assert b.is_up()

    run(scenario, link)


def test_a_press_still_latched_is_told_again_after_reopening(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = b.board.press()
        await until(lambda: b.presses == [press])
        b.plugged.unplug()
        await until(lambda: not b.is_up())
        b.plugged.plug()
        await until(lambda: b.presses == [press, press])

    run(scenario, link)


def test_a_press_confirmed_while_the_board_was_away_is_let_go_of_and_not_told_again(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        press = b.board.press()
        await until(lambda: b.presses == [press])
        b.plugged.unplug()
        await until(lambda: not b.is_up())
        b.driver.confirm_stored(press)
        b.plugged.plug()
        await until(lambda: not b.board.latched)
        assert b.presses == [press]

    run(scenario, link)


def test_a_restarted_core_is_told_a_press_that_its_predecessor_did_not_store(link: Path) -> None:
    async def scenario() -> None:
        plugged = PluggedBoard(Board("B-1"), link, lambda _: None)
        plugged.plug()
        press = plugged.board.press()
        assert await first_press(driver(link)) == press
        assert await first_press(driver(link)) == press
        plugged.unplug()

    asyncio.run(scenario())


async def first_press(source: ButtonBoard) -> Press | None:
    async with asyncio.timeout(DEADLINE_S), aclosing(source.readings()) as readings:
        async for reading in readings:
            if isinstance(reading, ButtonState) and reading.latched:
                return reading.latched
    return None


def test_a_rebooted_board_counts_under_a_new_nonce(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        before = b.board.press()
        await until(lambda: b.presses == [before])
        b.driver.confirm_stored(before)
        await until(lambda: not b.board.latched)
        b.plugged.reboot()
        after = b.board.press()
        await until(lambda: after in b.presses)
        assert after.number == before.number
        assert after != before
        b.driver.confirm_stored(before)
        b.driver.confirm_stored(after)
        await until(lambda: not b.board.latched)

    run(scenario, link)


def test_a_press_after_a_reboot_whose_hello_was_lost_is_not_taken_for_an_old_one(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        before = b.board.press()
        await until(lambda: b.presses == [before])
        b.board.boot()
        b.board.lines.clear()
        after = b.board.press()
        await until(lambda: after in b.presses)
        assert set(b.presses) == {before, after}

    run(scenario, link)


def test_a_stored_of_another_boot_does_not_unlatch(link: Path) -> None:
    board = Board("B-1", 1)
    board.press()
    assert board.hear(frame.encode("STORED", "00000002", 1)) == []
    assert board.latched == [1]
    assert board.hear(frame.encode("STORED", "00000001", 1))
    assert board.latched == []


def test_noise_does_not_press_and_does_not_hide_a_press(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        told = len(b.readings)
        for noise in (os.urandom(3000), b"$PRESS 00C0FFEE 9 1*0000\n", b"$" * 400, b"$STATE 00C0FFEE ok 7", b"\n\n"):
            b.plugged.send(noise)
            await asyncio.sleep(0)
        for odd in (("PRESS", "zz", 1, 2), ("STATE", "00C0FFEE", "fine", "-", 1, "00"), ("PRESS", 1), ("WHAT",)):
            b.plugged.send(frame.encode(*odd))
        press = b.board.press()
        await until(lambda: press in b.presses)
        assert b.presses == [press]
        assert not [one for one in b.readings[told:] if isinstance(one, SourceHealth)]

    run(scenario, link)


@pytest.mark.parametrize("health", [ButtonHealth.CUT, ButtonHealth.SHORT, ButtonHealth.STUCK])
def test_a_fault_of_the_circuit_is_told_and_its_end_too(link: Path, health: ButtonHealth) -> None:
    async def scenario(b: Bench) -> None:
        b.board.set_health(health)
        await until(lambda: b.button().health == health)
        b.board.set_health(ButtonHealth.OK)
        await until(lambda: b.button().health == ButtonHealth.OK)

    run(scenario, link)


def test_what_does_not_change_is_not_told(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.set_input("lightbar", True)
        for _ in range(5):
            b.board.release()
            b.plugged.flush()
        b.board.set_health(ButtonHealth.CUT)
        await until(lambda: b.button().health == ButtonHealth.CUT)
        assert len([one for one in b.readings if isinstance(one, ButtonState)]) == 2
        assert b.last(LightbarState) is None

    run(scenario, link)


def test_only_inputs_that_are_wired_are_told(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.board.set_input("lightbar", True)
        b.board.set_input("siren", True)
        b.board.set_input("ignition", True)
        await until(lambda: getattr(b.last(PowerState), "ignition_on", None))
        await until(lambda: getattr(b.last(LightbarState), "lights_on", None))
        assert getattr(b.last(LightbarState), "siren_on", True) is None

    run(scenario, link, wired=("lightbar", "ignition"))


def test_the_lamp_shows_the_rung_also_after_the_board_was_away(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.driver.show_rung("received")
        await until(lambda: b.board.rung == "received")
        b.plugged.unplug()
        await until(lambda: not b.is_up())
        b.plugged.reboot()
        b.driver.show_rung("acknowledged")
        b.plugged.plug()
        await until(lambda: b.board.rung == "acknowledged")

    run(scenario, link)


def test_a_lamp_frame_lost_to_noise_is_made_good(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        b.driver.show_rung("received")
        await until(lambda: b.board.rung == "received")
        b.board.rung = "what noise made of it"
        await until(lambda: b.board.rung == "received")

    run(scenario, link, beat_s=0.1)


def test_a_rung_that_no_frame_can_carry_is_refused_at_once(link: Path) -> None:
    with pytest.raises(ValueError, match="no frame can carry"):
        driver(link).show_rung("two words")


def test_core_beats_while_all_is_quiet(link: Path) -> None:
    async def scenario(b: Bench) -> None:
        heard: list[bytes] = []
        b.board.hear = lambda data: heard.append(data) or []  # type: ignore[method-assign]  # only listens
        await until(lambda: b"".join(heard).count(frame.encode("BEAT")) >= 3)

    run(scenario, link, beat_s=0.1)


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
        plugged = PluggedBoard(Board("B-1"), link, lambda _: None)
        plugged.plug()
        readings = driver(link).readings()
        await anext(readings)
        plugged.unplug()
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
        os.write(host, frame.encode("HELLO", "B-9", "00000001", "x"))
        os.write(host, frame.encode("STATE", "00000001", "ok", "-", 1, "00"))
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
            command.say("press")
            named = command.heard("press")
            press = Press("SIM-1", int(str(named["boot_nonce"])), 1)
            await until(lambda: press in [getattr(one, "latched", None) for one in told])
            source.show_rung("stored")
            source.confirm_stored(press)
            assert await asyncio.to_thread(command.heard, "stored") == {
                "event": "stored",
                "boot_nonce": press.boot_nonce,
                "number": 1,
            }
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
