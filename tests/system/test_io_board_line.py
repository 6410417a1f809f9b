"""The board's serial line when it is absent, refused, silent, of another version or full."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import frame
from hal.errors import SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import ButtonBoard
from hal.readings import (
    AnyReading,
    ButtonState,
)
from tests.system.board_bench import DEADLINE_S, HELLO, Bench, bench, driver, reading, until


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "board"


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


class Answering:
    """A board at the far end of a line, that says what it is when it is asked, unless it is dumb."""

    def __init__(self, host: int) -> None:
        os.set_blocking(host, False)
        self.asked = 0
        self.dumb = False
        self._host = host
        self._heard = frame.LineReader()
        asyncio.get_running_loop().add_reader(host, self._readable)

    def _readable(self) -> None:
        for word, _ in self._heard.feed(os.read(self._host, 4096)):
            self.asked += word == "ASK"
            if word == "ASK" and not self.dumb:
                self.say(*HELLO, frame.encode("STATE", "00000001", "ok", "-", 1, "000", 0))

    def say(self, *lines: bytes) -> None:
        os.write(self._host, b"".join(lines))


def test_a_line_that_fell_silent_is_opened_asked_and_heard_again(link: Path, host: int) -> None:
    """The same device all the time; what is left of a frame in it does not matter."""

    async def scenario() -> None:
        far = Answering(host)
        made = Bench(link, silent_after_s=0.3, beat_s=0.1)
        async with reading(made):
            for _ in range(2):
                await until(made.is_up)
                far.dumb = True
                await until(lambda: not made.is_up())
                asked = far.asked
                far.say(HELLO[0][:-4])
                await until(lambda asked=asked: far.asked > asked)
                far.dumb = False
            await until(made.is_up)

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
    """A loop that is busy for longer than a board may be silent hears what came meanwhile."""

    async def scenario() -> None:
        source = driver(link, beat_s=0.01, silent_after_s=0.02)
        task = asyncio.create_task(first(source))
        await asyncio.sleep(0)
        for number in range(20_000):
            source.show_rung(f"rung-{number}")
        os.write(host, b"".join(HELLO))
        os.write(host, frame.encode("STATE", "00000001", "ok", "-", 1, "000", 0))
        assert isinstance(await task, ButtonState)

    asyncio.run(scenario())
