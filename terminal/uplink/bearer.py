"""What a bearer beside the brokers is: something that takes a capsule to headquarters, and may bring answers back.

To add one, for TETRA or a satellite: a file in `bearers/`, or a module `patrola_bearer_WORD` anywhere on Python's path,
with `Settings`, a `BearerSettings`, and

    def build(name: str, settings: Settings, sources: Mapping[str, Source]) -> Bearer

which opens nothing yet, since `patrola config check` builds it too. Its word is then a `kind` in unit.toml;
docs/architecture.md says the same of headquarters' end. When a message goes, how often, what it costs at most and what
a receipt proves is decided once for all of them, in terminal/core/carrying.py; signing and reading is `Carrier`'s.
"""

from typing import ClassVar, Protocol

from msgspec import Struct

from terminal.contract.capsule import MOST_BYTES
from terminal.contract.kinds import Kinds
from terminal.core.carrying import Carrying


class BearerSettings(Carrying, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings of every bearer begin with, and what is so of its kind.

    `takes_bytes` is what one message of it may hold; one that `brings_answers` not is never listened to. What it has
    not taken `sends_within_s` may be on its way, and the next one is tried.
    """

    takes_bytes: ClassVar[int] = MOST_BYTES
    brings_answers: ClassVar[bool] = True
    sends_within_s: ClassVar[float] = 120.0

    @property
    def sends_by(self) -> str:
        """The name of the source, a `hal.ports.Messaging`, that is this bearer's alone; "" for none."""
        return ""


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
    rules: BearerSettings


KINDS = Kinds("bearer", "terminal.uplink.bearers", "patrola_bearer_", BearerSettings)
