"""SMS through a modem at headquarters: what came stays in it until it is on disk."""

import asyncio
import contextlib
import logging

from drivers import modem_manager
from hal.clock import SystemClock
from hal.errors import PatrolaError
from hal.ports import Messaging, ShortMessage
from hal.readings import AnyReading, SourceHealth
from hal.supervision import Supervisor
from hq import sms
from hq.gateway import Emit, GatewaySettings, Take
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Malformed

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0


class Settings(GatewaySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`device` are the settings of driver modem_manager."""

    device: modem_manager.Settings = modem_manager.Settings()


def build(name: str, settings: Settings, take: Take, emit: Emit) -> "SmsModem":
    """The gateway, which has opened nothing yet."""
    return SmsModem(name, modem_manager.build(name, settings.device, SystemClock()), take, emit)


class SmsModem:
    """One modem, supervised like any source."""

    def __init__(self, name: str, modem: Messaging, take: Take, emit: Emit) -> None:
        self.name = name
        self._modem = modem
        self._given = take
        self._emit = emit

    async def open(self) -> None:
        """A modem that is not there yet is waited for."""

    async def run(self) -> None:
        """Read the modem, and take what comes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(Supervisor(self._modem, self._told, SystemClock()).run())
            group.create_task(self._take())

    async def send(self, to: str, capsule: bytes) -> None:
        """As an SMS, in the form in which that number wrote."""
        await self._modem.send_message(*sms.content(to, capsule))

    def _told(self, reading: AnyReading) -> None:
        if isinstance(reading, SourceHealth):
            fields = {"gateway": self.name, "problem": reading.problem, "remedy": reading.remedy}
            self._emit("gateway-up" if reading.up else "gateway-down", fields)

    async def _take(self) -> None:
        while True:
            message = await self._modem.next_message()
            try:
                await self._took(message)
            except Exception:
                # One message that breaks something must not take the next with it.
                log.exception("%s: an SMS could not be taken; report this as a defect", self.name)

    async def _took(self, message: ShortMessage) -> None:
        to = sms.address(message.number, is_text=not message.data)
        while True:
            try:
                await self._given(sms.capsule(message.data, message.text), to)
            except DiskFailed:
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            except Malformed:
                log.info("%s: an SMS that is no capsule was deleted", self.name)
            with contextlib.suppress(PatrolaError):
                await self._modem.let_go(message)
            return
