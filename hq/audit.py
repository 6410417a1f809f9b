"""The log of who saw and did what: entries are only ever added, each bound to all before it by SHA-256.

    hash(n) = SHA-256(hash(n - 1), n as 8 bytes, the entry's JSON as it was written); hash(0) is 32 zero bytes

Whoever may write the file can compute all of it anew; only a hash that was kept elsewhere shows that.
"""

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import apsw
import msgspec
from msgspec import Struct

SCHEMA = "CREATE TABLE audit (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL);"


class What(StrEnum):
    """What can happen."""

    LOG_BEGUN = "log-begun"
    STORE_RESTORED = "store-restored"
    ALARM_RAISED = "alarm-raised"
    ALARM_SIGNALLED = "alarm-signalled"
    ALARM_CANCELLED = "alarm-cancelled"
    ALARM_OPENED_AGAIN = "alarm-opened-again"
    ALARM_SHOWN = "alarm-shown"
    ALARM_ESCALATED = "alarm-escalated"
    ESCALATION_FAILED = "escalation-failed"
    ALARM_ACKNOWLEDGED = "alarm-acknowledged"
    ALARM_CLEARED = "alarm-cleared"


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened; `utc_ms` is headquarters' own clock.

    `by` is who saw or did it, `text` the reason or problem; `message` is the car's message that told it, and `digest`
    the SHA-256 of that message as it is stored.
    """

    what: What
    utc_ms: int
    realm: str = ""
    unit: str = ""
    incident: str = ""
    by: str = ""
    text: str = ""
    message: str = ""
    digest: str = ""


class Head(Struct, frozen=True):
    """An entry's number and its hash, which speaks for all entries up to it."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


class Entry(Struct, frozen=True):
    """One row of the log, as it is on disk."""

    seq: int
    body: bytes
    hash: bytes

    @property
    def head(self) -> Head:
        """Its number and hash."""
        return Head(self.seq, self.hash)

    @property
    def fact(self) -> Fact:
        """What it tells; raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body, type=Fact)


BEGINNING = Head(0, bytes(32))


def follower(before: Head, body: bytes) -> Entry:
    """The entry with this body that follows another."""
    seq = before.seq + 1
    return Entry(seq, body, hashlib.sha256(before.hash + seq.to_bytes(8, "big") + body).digest())


def digest(body: bytes) -> str:
    """What an entry says of a stored message."""
    return hashlib.sha256(body).hexdigest()


def head(db: apsw.Connection) -> Head:
    """The newest entry's."""
    found: Any = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").get
    return BEGINNING if found is None else Head(int(found[0]), bytes(found[1]))


def append(db: apsw.Connection, facts: Iterable[Fact]) -> None:
    """Add these to the log, in the transaction that is open."""
    newest: Head | None = None
    for fact in facts:
        entry = follower(newest or head(db), msgspec.json.encode(fact))
        db.execute("INSERT INTO audit VALUES (?, ?, ?)", (entry.seq, entry.body, entry.hash))
        newest = entry.head


def entries(db: apsw.Connection, after_seq: int = 0, at_once: int = 1000) -> Iterator[Entry]:
    """All entries after this one; the database is held for no longer than it takes to read `at_once` of them."""
    query = "SELECT seq, body, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
    while rows := _rows(db, query, after_seq, at_once):
        yield from rows
        after_seq = rows[-1].seq


def _rows(db: apsw.Connection, query: str, after_seq: int, at_once: int) -> list[Entry]:
    found: Any = db.execute(query, (after_seq, at_once)).fetchall()
    return [Entry(seq, bytes(body), bytes(of_all)) for seq, body, of_all in found]


class Broken(ValueError):
    """The log is not what was written; the text names the first link that does not hold."""


def walk(found: Iterable[Entry], before: Head = BEGINNING) -> Iterator[Entry]:
    """These entries, each once it is known to follow from the one before; raises Broken at the first that does not."""
    for entry in found:
        if entry.seq != before.seq + 1:
            raise Broken(f"entry {before.seq + 1} is missing: {entry.seq} comes after {before.seq}")
        if follower(before, entry.body) != entry:
            raise Broken(f"entry {entry.seq} does not follow from {before.seq}: one of the two was changed")
        yield entry
        before = entry.head
