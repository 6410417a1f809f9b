"""A writer with a defect in it."""

import asyncio
from collections.abc import Callable
from typing import Any

from terminal.uplink.outbox import Outbox
from terminal.uplink.writer import Writer


class BrokenOnce(Writer):
    """Its first call fails in a way that nobody foresaw."""

    broken = True

    def submit(self, call: Callable[[Outbox], Any], *, urgent: bool = False) -> "asyncio.Future[Any]":
        if self.broken:
            self.broken = False
            failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            failed.set_exception(RuntimeError("a defect"))
            return failed
        return super().submit(call, urgent=urgent)
