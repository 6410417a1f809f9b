"""Of which kind a device's failure is comes with its error's class, so that a crew reads it in its own language."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hal.clock import SystemClock
from hal.errors import PatrolaError, SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.readings import AnyReading, Fault, SourceHealth
from hal.supervision import Supervisor


class Failing:
    """A source that fails at once."""

    name = "gnss"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def readings(self) -> AsyncIterator[AnyReading]:
        raise self._error
        yield


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (SourceMissing("gnss", "is not there"), Fault.MISSING),
        (SourceLost("gnss", "has gone"), Fault.LOST),
        (SourceStale("gnss", "says nothing"), Fault.SILENT),
        (SourceRefused("gnss", "may not be used"), Fault.REFUSED),
        (SourceError("gnss", "failed"), Fault.FAILED),
        (PatrolaError("gnss", "failed"), Fault.FAILED),
        (ZeroDivisionError(), Fault.FAILED),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else str(one),
)
def test_each_kind_of_failure_is_told(error: Exception, fault: Fault) -> None:
    async def promise() -> SourceHealth:
        told: asyncio.Queue[AnyReading] = asyncio.Queue()
        running = asyncio.create_task(Supervisor(Failing(error), told.put_nowait, SystemClock()).run())
        health = await told.get()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert isinstance(health, SourceHealth)
        return health

    assert asyncio.run(promise()).fault is fault
