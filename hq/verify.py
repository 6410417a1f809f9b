"""`patrola hq verify` and `patrola hq log`: read the audit log of a store, live or copied; nothing is written to it."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import apsw
import msgspec

from hal.errors import PatrolaError
from hq import audit
from hq.audit import Broken, Entry, Head
from terminal.contract import durable

FOUND_WRONG = 1


class NotReadable(PatrolaError, ValueError):
    """There is no audit log to read."""


def head_hash(text: str) -> bytes:
    """The hash in a head as it is printed, with or without its number; raises ValueError."""
    found = bytes.fromhex(text.rpartition(":")[2])
    if len(found) != len(audit.BEGINNING.hash):
        raise ValueError(text)
    return found


def verify(path: Path, from_seq: int, kept: bytes | None) -> int:
    """Walk the log from an entry on, and look for a head that was kept; 0 when all of it holds."""
    with reading(path) as db:
        try:
            newest = _checked(db, from_seq, kept)
        except Broken as broken:
            print(f"patrola hq: {path}: {broken}", file=sys.stderr)
            return FOUND_WRONG
    print(f"entries {from_seq} to {newest.seq} follow from one another, and the messages that they name are unchanged")
    if kept is None:
        print("whether newer ones were cut off, only a head that was kept elsewhere shows: --head HASH")
    print(f"head {newest}")
    return 0


def show(path: Path, from_seq: int, *, as_json: bool) -> int:
    """Print the log from an entry on, without judging it."""
    with reading(path) as db:
        for entry in audit.entries(db, from_seq - 1):
            told = {"seq": entry.seq, **msgspec.to_builtins(entry.fact), "hash": entry.hash.hex()}
            print(json.dumps(told, ensure_ascii=False) if as_json else _summary(told))
    return 0


def _checked(db: apsw.Connection, from_seq: int, kept: bytes | None) -> Head:
    before = newest = _before(db, from_seq)
    found_kept = before.seq > 0 and kept == before.hash
    for entry in audit.walk(audit.entries(db, before.seq), before):
        _check_message(db, entry)
        found_kept = found_kept or entry.hash == kept
        newest = entry.head
    if newest == audit.BEGINNING:
        raise Broken("there is no entry, and the first one is written with the log itself: all were cut off")
    if kept is not None and not found_kept:
        raise Broken(
            f"no entry from {from_seq} to {newest.seq} has the head that was kept: some were cut off or changed"
        )
    return newest


def _before(db: apsw.Connection, from_seq: int) -> Head:
    """The head that the walk begins from; that of a later entry than the first is taken as it stands."""
    if from_seq == 1:
        return audit.BEGINNING
    for entry in audit.entries(db, from_seq - 2, at_once=1):
        if entry.seq == from_seq - 1:
            return entry.head
        break
    raise Broken(f"entry {from_seq - 1} is missing, from which {from_seq} should follow")


def _check_message(db: apsw.Connection, entry: Entry) -> None:
    fact = entry.fact
    if fact.message:
        stored: Any = db.execute("SELECT body FROM messages WHERE id = ?", (UUID(fact.message).bytes,)).get
        if stored is None or audit.digest(bytes(stored)) != fact.digest:
            happened = "is gone" if stored is None else "was changed"
            raise Broken(f"entry {entry.seq} names message {fact.message} of {fact.unit}, which {happened}")


@contextlib.contextmanager
def reading(path: Path) -> Iterator[apsw.Connection]:
    """The store at `path`, which may be in use, or a copy where nothing can be written; raises NotReadable."""
    try:
        db = _opened(path)
    except apsw.Error as error:
        raise NotReadable(str(path), f"cannot be read: {error}", "name a store, and copy its -wal file too") from error
    try:
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").get:
            raise NotReadable(str(path), "has no audit log", "name headquarters' store; a newer program may have one")
        yield db
    except apsw.Error as error:
        raise durable.failed(path, error) from error
    finally:
        db.close()


def _opened(path: Path) -> apsw.Connection:
    name = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        return _tried(name)
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        # Where nothing can be written there is no place for the index of the log; without a log none is needed.
        log = path.with_name(path.name + "-wal")
        if not path.exists() or (log.exists() and log.stat().st_size):
            raise
        return _tried(name + "&immutable=1")


def _tried(name: str) -> apsw.Connection:
    db = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        db.pragma("busy_timeout", durable.DURABLE["busy_timeout"])
        db.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.Error:
        db.close()
        raise
    return db


def add_arguments(verify_parser: argparse.ArgumentParser, log_parser: argparse.ArgumentParser) -> None:
    """The options of both."""
    for one in (verify_parser, log_parser):
        one.add_argument("--store", type=Path, metavar="FILE", help="a copy of the store; default: that of hq.toml")
        one.add_argument("--from", dest="from_seq", type=_seq, default=1, metavar="SEQ", help="the first entry")
    verify_parser.add_argument(
        "--head", type=head_hash, metavar="HASH", help="a head that was kept elsewhere: one of the entries must have it"
    )


def _seq(text: str) -> int:
    seq = int(text)
    if seq < 1:
        raise ValueError(text)
    return seq


def _summary(told: dict[str, Any]) -> str:
    named = ("utc_ms", "seq", "what", "hash", "digest", "message")
    at = datetime.fromtimestamp(told["utc_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"{told['seq']:6} {at} {told['what']:20} " + " ".join(str(told[key]) for key in told if key not in named)
