"""`patrola simulate-board` as a process: what it is told and what it tells."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.simulated_board import Event, press_of
from hal.clock import SystemClock
from hal.readings import (
    ButtonHealth,
    SourceHealth,
)
from hal.supervision import Supervisor
from tests.system.board_bench import DEADLINE_S, driver, is_there, until


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "board"


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
