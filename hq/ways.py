"""The ways to somebody outside headquarters, as hq.toml describes them and as they are handed to a program."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

T = TypeVar("T", bound=Struct)


class Webhook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where notices are posted as JSON; the file's content is the bearer token. `ca` instead of the system's."""

    url: Annotated[str, Meta(pattern="^https?://[^/]+")]
    token_file: Path | None = None
    ca: Path | None = None


class Encryption(StrEnum):
    """How the line to the mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Mail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which server takes mail, from whom and to whom; the file's content is the user's password."""

    host: str
    sender: str
    to: Annotated[tuple[str, ...], Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    encryption: Encryption = Encryption.STARTTLS
    ca: Path | None = None
    user: str = ""
    password_file: Path | None = None


def handed(settings: Struct, notice: Struct) -> bytes:
    """What stands on the program's standard input."""
    return msgspec.json.encode([settings, notice], enc_hook=str)


def read(told: bytes, kind: type[T]) -> tuple[T, bytes]:
    """The settings and the notice, as JSON, that were handed to a program; raises msgspec.DecodeError."""
    settings, notice = msgspec.json.decode(told, type=tuple[Raw, Raw])
    return msgspec.json.decode(settings, type=kind, dec_hook=lambda path, value: path(value)), bytes(notice)
