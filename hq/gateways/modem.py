"""SMS through a modem at headquarters: what came stays in it until it is on disk."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from hal.clock import SystemClock
from hal.errors import PatrolaError
from hal.ports import Messaging, ShortMessage
from hal.readings import AnyReading, SourceHealth
from hal.supervision import Supervisor
from hq.gateways.intake import Intake, Reply
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Malformed
from terminal.contract.sms_text import as_text, from_text

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0


class ModemGateway:
    """One modem, supervised like any source."""

    def __init__(self, modem: Messaging, intake: Intake, emit: Callable[[str, dict[str, Any]], None]) -> None:
        self._modem = modem
        self._intake = intake
        self._emit = emit

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        return [Supervisor(self._modem, self._told, SystemClock()).run(), self._take()]

    def _told(self, reading: AnyReading) -> None:
        if isinstance(reading, SourceHealth):
            fields = {"source": reading.source, "problem": reading.problem, "remedy": reading.remedy}
            self._emit("modem-up" if reading.up else "modem-down", fields)

    async def _take(self) -> None:
        while True:
            message = await self._modem.next_message()
            try:
                await self._took(message)
            except Exception:
                # One message that breaks something must not take the next with it.
                log.exception("%s: an SMS could not be taken; report this as a defect", self._modem.name)

    def reply_to(self, number: str, *, is_text: bool) -> Reply:
        """The way back to this number, in the form in which it wrote."""

        async def reply(capsule: bytes) -> None:
            await self._modem.send_message(number, as_text(capsule) if is_text else capsule)

        return reply

    async def _took(self, message: ShortMessage) -> None:
        reply = self.reply_to(message.number, is_text=not message.data)
        while True:
            try:
                await self._intake.took(message.data or from_text(message.text.strip()), reply)
            except DiskFailed:
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            except Malformed:
                log.info("%s: an SMS that is no capsule was deleted", self._modem.name)
            with contextlib.suppress(PatrolaError):
                await self._modem.let_go(message)
            return
