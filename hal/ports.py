"""Ports: what the rest of the terminal may ask of a device, one small Protocol per capability."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

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
        """What it finds, the verdict last; SourceError when it cannot be asked. Not while its readings are read."""
