"""Ends test alarms, so that a proof of the chain asks nothing of the desk; anything else is ended by people."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from math import inf

from hq.escalation import begin_of, is_test
from hq.incidents import Incident, Key, NotPossible
from hq.moment import Moment, waited_ms
from hq.receiver import Receiver


class Closing:
    """The tests that are open."""

    def __init__(self, receiver: Receiver, after_s: float, end: Callable[[Key], Awaitable[object]]) -> None:
        self._receiver = receiver
        self._after_s = after_s
        self._end = end
        self._open: dict[Key, Incident] = {}
        self._changed = asyncio.Event()
        self.changed(receiver.incidents.values())

    def changed(self, incidents: Iterable[Incident]) -> None:
        """These incidents are new, or not as they were."""
        for incident in incidents:
            if incident.is_open and is_test(incident):
                self._open[incident.key] = incident
                self._changed.set()
            else:
                self._open.pop(incident.key, None)

    async def run(self) -> None:
        """End each test when its time has come, for ever."""
        while True:
            self._changed.clear()
            now = self._receiver.moment()
            for key in [key for key, one in self._open.items() if self._left_s(one, now) <= 0]:
                await self._ended(key)
            soonest_s = min((self._left_s(one, now) for one in self._open.values()), default=inf)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if soonest_s == inf else max(soonest_s, 0.05)):
                    await self._changed.wait()

    def _left_s(self, incident: Incident, now: Moment) -> float:
        return self._after_s - waited_ms(begin_of(incident), now) / 1000

    async def _ended(self, key: Key) -> None:
        try:
            await self._end(key)
        except NotPossible:
            self._open.pop(key, None)
