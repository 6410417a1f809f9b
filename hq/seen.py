"""Notes in the audit log what holds up nobody: to whom alarms were shown, and which steps of an escalation failed."""

import asyncio
from collections import deque
from functools import partial

from hq import noting, taking
from hq.audit import Fact
from hq.incidents import Incident, Key
from hq.moment import Moment
from hq.receiver import AGAIN_AFTER_S, Receiver, now_ms
from terminal.contract.durable import DiskFailed

MOST_WAITING = 10_000
"""Facts that wait for a disk; of more the oldest are lost."""


class Seen:
    """What waits for the disk; whoever brings it does not."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._waiting: deque[Fact] = deque(maxlen=MOST_WAITING)
        self._known: set[tuple[Key, Moment | None, int, str, str]] = set()
        self._changed = asyncio.Event()

    def shown(self, key: Key, by: str, how: str) -> None:
        """This incident was written to the connection of somebody who watches under this name."""
        incident = self._receiver.incidents.get(key)
        if incident is not None and self._is_news(incident, by, how):
            self.note(noting.shown(incident, by, how, now_ms()))

    def note(self, fact: Fact) -> None:
        """Put this into the log once the disk takes it."""
        self._waiting.append(fact)
        self._changed.set()

    def _is_news(self, incident: Incident, by: str, how: str) -> bool:
        """Whether it is not known yet: what is called out again and again is noted once for each press."""
        if len(self._known) > MOST_WAITING:
            self._known.clear()
        one = (incident.key, incident.since, incident.signals, by, how)
        is_news = one not in self._known
        self._known.add(one)
        return is_news

    async def run(self) -> None:
        """Write what waits, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            facts = list(self._waiting)
            self._waiting.clear()
            try:
                await self._receiver.on_disk(partial(taking.note, facts=facts))
            except DiskFailed:
                self._waiting = deque((*facts, *self._waiting), MOST_WAITING)
                await asyncio.sleep(AGAIN_AFTER_S)
                self._changed.set()
