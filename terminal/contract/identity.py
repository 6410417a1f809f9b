"""Identifiers: UUIDv7 for messages, the incident of a press, names that may stand in a topic."""

import hashlib
import re
import secrets
import time
from functools import lru_cache
from uuid import UUID

NAME = re.compile(r"[A-Z0-9_-]{1,32}")
"""What a realm or a unit may be called: safe in an MQTT topic, a file name and a certificate."""


def new_id(unix_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562): unique whatever the clock says, and in order of time where it is right."""
    milliseconds = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    value = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return str(_versioned(value, 7))


def incident_of_press(board_id: str, boot_nonce: int, number: int) -> str:
    """The incident that this press of this button leads to, by whatever way it is reported: a UUIDv8."""
    digest = hashlib.sha256(f"{board_id}/{boot_nonce}/{number}".encode()).digest()
    return str(_versioned(int.from_bytes(digest[:16]), 8))


@lru_cache(maxsize=8)
def message_of_call(incident: str, kind: str) -> str:
    """The message that tells of the call for help that this incident is named after, in whichever incident it does."""
    return identity_of(f"{incident}/{kind}".encode())


def identity_of(content: bytes) -> str:
    """What this very content is known by, each time that it comes: a UUIDv8."""
    return str(_versioned(int.from_bytes(hashlib.sha256(content).digest()[:16]), 8))


def new_incident() -> str:
    """The incident of a trigger that has no number of its own: a random UUIDv4."""
    return str(_versioned(secrets.randbits(128), 4))


def digest_of_ids(ids: list[str]) -> str:
    """What a receipt says of the messages it names: 16 hex digits of SHA-256 over their ids, in order of place."""
    joined = b"".join(UUID(message_id).bytes for message_id in ids)
    return hashlib.sha256(joined).hexdigest()[:16]


def _versioned(value: int, version: int) -> UUID:
    value = value & ~(0xF << 76) | version << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
