"""Ports: what the rest of the terminal may ask of a device, one small Protocol per capability."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from msgspec import Struct

from hal.readings import AnyReading, Press, SelfTestItem


@runtime_checkable
class Source(Protocol):
    """Anything that yields readings.

    `readings` opens the device, yields until a recording ends, and raises `hal.errors.SourceError` when the
    device is missing, silent or gone; calling it again opens the device again. Closing the iterator frees it.
    """

    name: str

    def readings(self) -> AsyncIterator[AnyReading]: ...


@runtime_checkable
class ButtonBoard(Source, Protocol):
    """A source whose button stays latched until it is told that the press is on disk."""

    def confirm_stored(self, press: Press) -> None:
        """Tell the board that the press is on disk; returns at once, and is repeated until the board lets go."""

    def show_rung(self, rung: str) -> None:
        """Show how far the alarm has come on the button's own lamp."""


@runtime_checkable
class SignalSource(Source, Protocol):
    """A source that knows beforehand which vehicle signals (VSS) it may tell."""

    signals: frozenset[str]


@runtime_checkable
class SelfTesting(Source, Protocol):
    """A source whose device can test itself."""

    async def self_test(self) -> list[SelfTestItem]:
        """What it finds, the verdict last; SourceError when it cannot be asked. Its readings may be read meanwhile."""


class ShortMessage(Struct, frozen=True):
    """One SMS that came: who it says it is from, which proves nothing, and its 8-bit data or its text.

    `place` is the device's own name for it, by which it is let go; `told` the network's time, as the device writes it.
    """

    number: str
    data: bytes = b""
    text: str = ""
    place: str = ""
    told: str = ""


@runtime_checkable
class Messaging(Source, Protocol):
    """A source whose device sends and gets SMS, while its readings are read."""

    async def send_message(self, number: str, content: bytes | str) -> None:
        """Hand 8-bit data (at most 140 bytes) or a text (at most 160 characters) to the network.

        Returns once the network took it, which is not delivery; raises SourceError when it did not.
        """

    async def next_message(self) -> ShortMessage:
        """The next one that came, waiting for it; the same again after a restart until it is let go."""

    async def let_go(self, message: ShortMessage) -> None:
        """Make room in the device: this message has been dealt with."""
