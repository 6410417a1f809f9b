"""The typed model of hq.toml."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from terminal.contract.credentials import Credentials
from terminal.contract.mqtt import Broker
from terminal.contract.toml_model import load_model


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How headquarters speaks to cars; a car counts as silent after `unit_silent_after_s`."""

    heartbeat_every_s: float = 5.0
    unit_silent_after_s: float = 20.0
    attended_for_s: float = 60.0
    session_expiry_s: int = 86400
    longest_pause_s: float = 20.0


class Trusting(Credentials, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As whom headquarters signs, and whose signatures it believes.

    A unit that has shown a certificate of our CA signs from then on; `accept_unsigned` is about the others.
    """

    accept_unsigned: bool = True


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of hq.toml; `name` is this receiver's identity at the broker, its certificate's name."""

    name: str
    brokers: Annotated[tuple[Broker, ...], msgspec.Meta(min_length=1)]
    realms: tuple[str, ...] = ("+",)
    store: Path = Path("/var/lib/patrola-hq/store.db")
    socket: Path = Path("/run/patrola-hq/api.sock")
    line: Line = Line()
    trust: Trusting = Trusting()


def load(path: Path) -> Config:
    """The configuration in this file; ConfigError holds every error of it, a line each."""
    return load_model(path, Config)
