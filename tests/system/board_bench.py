"""A board's firmware behind a pty, the driver on the other end, and what each told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from drivers import io_board
from drivers.simulated_board import Event, SimulatedBoard, press_of
from firmware import frame
from firmware.latch import from_record
from hal.clock import SystemClock
from hal.ports import ButtonBoard
from hal.readings import (
    AnyReading,
    ButtonState,
    Press,
    SourceHealth,
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


def run(scenario: Callable[[Bench], Awaitable[None]], link: Path, **settings: object) -> None:
    async def scene() -> None:
        async with bench(link, **settings) as made:
            await scenario(made)

    asyncio.run(scene())


def is_there(link: Path) -> bool:
    return link.is_symlink()
