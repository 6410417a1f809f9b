"""What a bearer beside the brokers is: something that takes 124 bytes to headquarters and brings as many back.

To add one, for TETRA or a satellite: a class like this in a file beside this one, a section for its settings in
terminal/config.py, and a line in terminal/core/assemble.py; headquarters' end is in docs/architecture.md. When a
message goes, how often, what it costs at most and what a receipt proves is decided once for all of them, in
terminal/core/carrying.py; signing and reading is `Carrier`'s.
"""

from typing import Protocol

from msgspec import Struct

from terminal.core.carrying import Carrying


class Bearer(Protocol):
    """Its `name` stands on the alarm's rungs and in the journal; nothing waits for it, and it may hang."""

    name: str

    async def send(self, capsule: bytes) -> None:
        """Hand a capsule to the network, and return once it took it; PatrolaError if it did not."""

    async def receive(self) -> bytes:
        """The next capsule that came, whoever sent it; PatrolaError ends nothing, and it is asked again."""


class Beside(Struct, frozen=True):
    """A bearer, and how it is used."""

    bearer: Bearer
    rules: Carrying
