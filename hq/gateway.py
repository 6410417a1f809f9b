"""What a gateway is: something that brings capsules of cars to headquarters beside the brokers, and takes answers.

To add one: a file in `gateways/`, or a module `patrola_gateway_WORD` anywhere on Python's path, with `Settings`, a
`GatewaySettings`, and

    def build(name: str, settings: Settings, take: Take, emit: Emit) -> Gateway

Its word is then a `kind` in hq.toml. What is stored, answered and told is decided once for all of them, in `intake.py`
and `telling.py`.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
from msgspec import Struct

from terminal.contract.capsule import MOST_BYTES
from terminal.contract.kinds import Kinds

Take = Callable[[bytes, str], Awaitable[object]]
"""Gives headquarters a capsule, and to where it is answered, which only its gateway understands.

Returns once it is on disk; raises Malformed for what is none and never will be, DiskFailed for what is to come again.
"""

Emit = Callable[[str, dict[str, Any]], None]
"""Tells whoever watches an event and its fields; where something is answered is personal, and in none of them."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class GatewaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the settings of every gateway begin with: what answers by it may cost, to what is new and to repeats.

    What comes by it is answered by the gateway `answers_by`, "" for itself. `takes_bytes` is what one answer by this
    kind may hold; 0 for a kind by which none goes.
    """

    takes_bytes: ClassVar[int] = MOST_BYTES

    most_per_incident: Count = 12
    most_per_hour: Count = 120
    most_repeats_per_incident: Count = 6
    most_repeats_per_hour: Count = 30
    answers_by: str = ""

    @property
    def answers(self) -> bool:
        """Whether it can answer by itself."""
        return self.takes_bytes > 0


class Gateway(Protocol):
    """Its `name` stands on the incident as the bearer; one that fails takes nothing else with it."""

    name: str

    async def open(self) -> None:
        """Begin before headquarters says that it is ready; raises ConfigError for what is not to be had."""

    async def run(self) -> None:
        """Give what comes to `take`, for ever; frees all when it is cancelled. PatrolaError or not, it is run again."""

    async def send(self, to: str, capsule: bytes) -> None:
        """Hand an answer to the network; PatrolaError if it took none."""


KINDS = Kinds("gateway", "hq.gateways", "patrola_gateway_", GatewaySettings)
