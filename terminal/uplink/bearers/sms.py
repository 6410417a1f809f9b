"""SMS through a modem: to headquarters' numbers in turn, as 8-bit data or, where a gateway passes none, as text."""

import contextlib
import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from hal.errors import ConfigError, SourceError
from hal.ports import Messaging, ShortMessage, Source
from terminal.contract.messages import Malformed
from terminal.contract.sms_text import as_text, from_text
from terminal.uplink.bearer import BearerSettings

log = logging.getLogger(__name__)

Number = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{3,15}$")]


class Form(StrEnum):
    """What headquarters' end can take."""

    DATA = "data"
    TEXT = "text"


class Settings(BearerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`modem` is the name of the source that sends, to headquarters' `numbers` in turn."""

    modem: str = "modem"
    numbers: Annotated[tuple[Number, ...], msgspec.Meta(min_length=1)]
    form: Form = Form.DATA

    @property
    def sends_by(self) -> str:
        """The modem."""
        return self.modem


def build(name: str, settings: Settings, sources: Mapping[str, Source]) -> "Sms":
    """SMS by this modem; raises ConfigError if it sends none."""
    modem = sources.get(settings.modem)
    if not isinstance(modem, Messaging):
        raise ConfigError(name, f"source {settings.modem} sends no SMS", "name one with driver modem_manager")
    return Sms(name, modem, settings.numbers, settings.form)


class Sms:
    """One modem; a message that could not be sent to one number goes to the next when it is repeated."""

    def __init__(self, name: str, modem: Messaging, numbers: tuple[str, ...], form: Form) -> None:
        self.name = name
        self._modem = modem
        self._numbers = numbers
        self._form = form
        self._turn = 0

    async def send(self, capsule: bytes) -> None:
        """To the number whose turn it is."""
        number = self._numbers[self._turn % len(self._numbers)]
        self._turn += 1
        await self._modem.send_message(number, capsule if self._form is Form.DATA else as_text(capsule))

    async def receive(self) -> bytes:
        """The next SMS that may be a capsule; the number that it says it is from proves nothing."""
        while True:
            message = await self._modem.next_message()
            with contextlib.suppress(SourceError):
                await self._modem.let_go(message)
            try:
                return content(message)
            except Malformed:
                log.info("%s: an SMS that is none of headquarters' was deleted", self._modem.name)


def content(message: ShortMessage) -> bytes:
    """The capsule in an SMS, whichever its form; raises Malformed."""
    return message.data or from_text(message.text.strip())
