"""Run a source for ever: open it again after a failure, with back-off, one line down and one line back."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

from hal.clock import Clock
from hal.errors import PatrolaError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import Source
from hal.readings import AnyReading, Fault, SourceHealth

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0

FAULTS: dict[type[PatrolaError], Fault] = {
    SourceMissing: Fault.MISSING,
    SourceLost: Fault.LOST,
    SourceStale: Fault.SILENT,
    SourceRefused: Fault.REFUSED,
}


class Supervisor:
    """Feeds one source's readings to `deliver`, and a `SourceHealth` at every change, a recording's end included."""

    def __init__(self, source: Source, deliver: Callable[[AnyReading], None], clock: Clock) -> None:
        self._source = source
        self._deliver = deliver
        self._clock = clock
        self._up: bool | None = None
        self._pause_s = FIRST_PAUSE_S

    async def run(self) -> None:
        """Return when the source ends of its own accord; a failure is reported, waited out and tried again."""
        while True:
            try:
                await self._read()
            except PatrolaError as error:
                self._went_down(error)
            except Exception as error:
                # A driver's defect must not take the emergency button with it.
                log.exception("%s: driver failed", self._source.name)
                self._went_down(PatrolaError(self._source.name, f"driver failed: {error!r}", "report this as a defect"))
            else:
                self._went_down(PatrolaError(self._source.name, "the recording has ended"))
                return
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _read(self) -> None:
        async with aclosing(self._source.readings()) as readings:  # type: ignore[type-var]
            async for reading in readings:
                if self._up is not True:
                    self._came_up()
                self._deliver(reading)

    def _came_up(self) -> None:
        if self._up is False:
            log.info("%s: back", self._source.name)
        self._up, self._pause_s = True, FIRST_PAUSE_S
        self._deliver(SourceHealth(source=self._source.name, mono_ns=self._clock.mono_ns(), up=True))

    def _went_down(self, error: PatrolaError) -> None:
        if self._up is not False:
            log.warning("%s", error)
        self._up = False
        self._deliver(
            SourceHealth(
                source=self._source.name,
                mono_ns=self._clock.mono_ns(),
                up=False,
                problem=error.problem,
                remedy=error.remedy,
                fault=FAULTS.get(type(error), Fault.FAILED),
            )
        )
