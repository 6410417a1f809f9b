"""Gives the audit log's head away, at the start and then once a day, so that it can be kept on another machine."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from hq import outside
from hq.audit import Head
from hq.config import Audit
from hq.outside import TRAMPOLINE, NotTold
from hq.receiver import AGAIN_AFTER_S, Receiver, now_ms
from hq.store import Store
from terminal.contract.durable import DiskFailed

log = logging.getLogger(__name__)

WITHIN_S = 20.0
"""How long the command may take."""


class Heads:
    """Each head is an event for whoever watches, a line in the process log, and goes to the configured command."""

    def __init__(self, receiver: Receiver, config: Audit, emit: Callable[[str, dict[str, Any]], None]) -> None:
        self._receiver = receiver
        self._config = config
        self._emit = emit

    async def run(self) -> None:
        """Give heads away, for ever."""
        while True:
            try:
                await self._give(await self._receiver.on_disk(Store.audit_head))
                await asyncio.sleep(self._config.head_every_s)
            except DiskFailed:
                await asyncio.sleep(AGAIN_AFTER_S)

    async def _give(self, head: Head) -> None:
        log.info("audit: head %s", head)
        self._emit("audit-head", {"head": str(head)})
        if not self._config.head_command:
            return
        told = msgspec.json.encode({"utc_ms": now_ms(), "head": str(head)}) + b"\n"
        try:
            await outside.run((TRAMPOLINE, *self._config.head_command), told, WITHIN_S)
        except NotTold as error:
            log.warning("audit: head_command: %s", error)
            self._emit("audit-head-not-kept", {"head": str(head), "problem": str(error)})
