"""Does what the technician's self-test wants tried, off the loop, and tells what came of it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence

from hal.errors import PatrolaError
from hal.ports import SelfTesting, Source
from terminal.contract import pin
from terminal.core.channels import SYNCS_TRIED
from terminal.core.effects import CheckPin, MeasureDisk, TestBoards
from terminal.core.inputs import BoardsTested, DiskMeasured, PinChecked, Told
from terminal.core.workshop import BoardTest
from terminal.uplink.outbox import Outbox
from terminal.uplink.writer import OutboxFailed, Writer

TRIAL = "self-test"
"""The state in the outbox that is written anew each time."""


class Trying:
    """`do` returns at once; nothing of it is on the way of an alarm, but for one sync of the disk at most."""

    def __init__(self, verifier: str, writer: Writer, sources: Sequence[Source], tell: Callable[[Told], None]) -> None:
        self._verifier = verifier
        self._writer = writer
        self._boards = [source for source in sources if isinstance(source, SelfTesting)]
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, wanted: CheckPin | MeasureDisk | TestBoards) -> None:
        """Begin it."""
        match wanted:
            case CheckPin(code):
                self._start(self._check(code))
            case MeasureDisk():
                self._start(self._measure())
            case TestBoards():
                self._start(self._test())

    async def close(self) -> None:
        """Leave what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _check(self, code: str) -> None:
        fits = await asyncio.to_thread(pin.fits, code, self._verifier, pin.TECHNICIANS_COST)
        self._tell(PinChecked(fits))

    async def _measure(self) -> None:
        """Each sync is a job of its own, so that an alarm waits for one of them at most."""
        try:
            spans_ms = [await self._writer.submit(_synced_ms) for _ in range(SYNCS_TRIED)]
        except OutboxFailed as error:
            self._tell(DiskMeasured(None, str(error)))
        else:
            self._tell(DiskMeasured(max(spans_ms)))

    async def _test(self) -> None:
        tests = await asyncio.gather(*(_tested(board) for board in self._boards))
        self._tell(BoardsTested(tuple(tests)))

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _synced_ms(outbox: Outbox) -> float:
    """How long a small commit takes to reach the disk; in the writer's thread."""
    began_ns = time.monotonic_ns()
    outbox.commit((), {TRIAL: str(began_ns).encode()})
    return (time.monotonic_ns() - began_ns) / 1e6


async def _tested(board: SelfTesting) -> BoardTest:
    try:
        return BoardTest(name=board.name, items=tuple(await board.self_test()))
    except PatrolaError as error:
        return BoardTest(name=board.name, problem=error.problem, remedy=error.remedy)
