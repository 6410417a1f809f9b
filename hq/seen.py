"""Notes in the audit log to whom alarms were shown; a slow disk holds up no watcher by it."""

import asyncio
import logging
from collections import deque
from functools import partial

from hq import noting, taking
from hq.audit import Fact
from hq.incidents import Key
from hq.receiver import AGAIN_AFTER_S, Receiver, now_ms
from terminal.contract.durable import DiskFailed

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Facts that wait for a disk; of more the oldest are lost, and the process log says so."""


class Seen:
    """What was shown since the last write."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._waiting: deque[Fact] = deque()
        self._changed = asyncio.Event()

    def shown(self, key: Key, by: str, how: str) -> None:
        """This incident was written to the connection of somebody who watches under this name."""
        incident = self._receiver.incidents.get(key)
        if incident is None:
            return
        if len(self._waiting) == MOST_WAITING:
            log.warning("store: it is not noted any more to whom alarms are shown, until the disk is back")
            self._waiting.popleft()
        self._waiting.append(noting.shown(incident, by, how, now_ms()))
        self._changed.set()

    async def run(self) -> None:
        """Write what was shown, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            facts = list(self._waiting)
            try:
                await self._receiver.on_disk(partial(taking.note, facts=facts))
            except DiskFailed:
                await asyncio.sleep(AGAIN_AFTER_S)
                self._changed.set()
                continue
            for _ in facts:
                self._waiting.popleft()
