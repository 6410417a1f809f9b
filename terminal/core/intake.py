"""The one way into the loop: telemetry keeps only its newest, edges and commands keep their order, none is dropped.

An edge or a command turns the loop at once and takes the telemetry along; telemetry alone waits for a common turn.
"""

import asyncio
from collections import deque
from typing import cast

from msgspec.structs import replace

from hal.readings import AnyReading, SignalValue, VehicleSignals
from terminal.core.channels import CHANNELS, TELEMETRY_TURN_S
from terminal.core.inputs import Input

Slot = tuple[type[AnyReading], str]
"""Kind and source: what a newer reading replaces."""


class Intake:
    """Filled by drivers, sockets and the line; emptied by the loop. Everything in the loop's own thread."""

    def __init__(self) -> None:
        self._queue: deque[Input] = deque()
        self._latest: dict[Slot, AnyReading] = {}
        self._arrived = asyncio.Event()
        self._turn: asyncio.TimerHandle | None = None

    def put(self, told: Input) -> None:
        """Take one input; returns at once."""
        channel = CHANNELS.get(cast(type[AnyReading], type(told)))
        if channel is not None and channel.latest_wins:
            self._replace(cast(AnyReading, told))
            self._turn = self._turn or asyncio.get_running_loop().call_later(TELEMETRY_TURN_S, self._arrived.set)
        else:
            self._queue.append(told)
            self._arrived.set()

    def _replace(self, reading: AnyReading) -> None:
        slot = (type(reading), reading.source)
        before = self._latest.get(slot)
        if isinstance(reading, VehicleSignals) and isinstance(before, VehicleSignals):
            if _is_edge(before.signals, reading.signals):
                self._queue.append(before)
                self._arrived.set()
            else:
                reading = replace(reading, signals=before.signals | reading.signals)
        self._latest[slot] = reading

    async def take(self) -> list[Input]:
        """Wait until there is something, and give all of it: edges and commands first, in their order."""
        await self._arrived.wait()
        self._arrived.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        taken: list[Input] = [*self._queue, *self._latest.values()]
        self._queue.clear()
        self._latest.clear()
        return taken


def _is_edge(before: dict[str, SignalValue], after: dict[str, SignalValue]) -> bool:
    """Whether a signal that has no values in between changed: both values count, not the newest alone."""
    return any(isinstance(value, bool | str) and before.get(path, value) != value for path, value in after.items())
