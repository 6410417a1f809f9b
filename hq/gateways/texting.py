"""SMS at headquarters as one thing: what takes it in, what answers, and what is told when a person acts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hal.errors import ConfigError
from hal.ports import Messaging
from hq.config import Texting
from hq.gateways.intake import Intake, Reply
from hq.gateways.modem import ModemGateway
from hq.gateways.web import WebGateway
from hq.gateways.web_sending import WebSending
from hq.incidents import Incident


class TextGateways:
    """The configured ones; with none of them nothing runs."""

    def __init__(
        self, config: Texting, modem: Messaging | None, intake: Intake, emit: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._intake = intake
        self._modem = None if modem is None else ModemGateway(modem, intake, emit)
        self._sending = None if config.sending is None else WebSending(config.sending)
        self._web = None if config.gateway is None else WebGateway(config.gateway, intake, self._reply_to)
        if self._web is not None and self._sending is None and self._modem is None:
            remedy = "configure [sms.sending] or [sms.modem]"
            raise ConfigError("sms.gateway", "what comes through it could not be answered", remedy)

    def _reply_to(self, number: str, *, is_text: bool) -> Reply:
        way = self._sending or self._modem
        assert way is not None
        return way.reply_to(number, is_text=is_text)

    async def start(self) -> None:
        """Listen; raises ConfigError."""
        if self._web is not None:
            await self._web.start()

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        return [] if self._modem is None else self._modem.works()

    def acted(self, incident: Incident) -> None:
        """A person took or cleared an incident."""
        self._intake.acted(incident)

    def look(self) -> None:
        """Look whose car no broker reaches any more."""
        self._intake.look()

    async def close(self) -> None:
        """Stop listening and let go what is being sent."""
        await asyncio.gather(self._intake.close(), *([] if self._web is None else [self._web.close()]))
