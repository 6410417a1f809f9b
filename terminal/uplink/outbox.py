"""The car's account with headquarters on disk: every message has its place, and only a receipt takes it out.

Synchronous, for one thread. A commit that raised may be there all the same; making it again is harmless.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
from msgspec import Struct

from terminal.contract import durable
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import StoredRange
from terminal.contract.topics import Lane

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE lanes (lane INTEGER PRIMARY KEY, next_seq INTEGER NOT NULL);
CREATE TABLE messages (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL,
    receipted_s INTEGER,
    PRIMARY KEY (lane, seq)
) WITHOUT ROWID;
"""
LANE_NUMBERS = {lane: number for number, lane in enumerate(Lane)}

THINNED_BLOCK = 500
"""So many of the oldest messages go at once when the outbox is full."""
PURGE_EVERY = 512
"""Settlements between looks for receipts that need not be kept any longer."""


class Entry(Struct, frozen=True):
    """A message to commit; `body` is its wire form without a place, or a track point's row."""

    id: str
    lane: Lane
    body: bytes


class Row(Struct, frozen=True):
    """A committed message at its place."""

    seq: int
    id: str
    lane: Lane
    body: bytes


class Limits(Struct, frozen=True, kw_only=True):
    """`most_bytes` bounds the file; `reserve_bytes` are kept on a full disk for alarms."""

    most_bytes: int
    keep_receipted_s: float = 7 * 86400
    reserve_bytes: int = 0


Ranges = tuple[tuple[int, int], ...]
Thin = Callable[[Lane, Ranges, str], Entry]
"""Makes the event that tells headquarters which places were given up."""


class Outbox:
    """One open outbox; `id` is born with the database, `problem` says what had to be repaired."""

    def __init__(self, db: apsw.Connection, path: Path, limits: Limits, thinned: Thin | None, problem: str) -> None:
        self._db = db
        self._path = path
        self._limits = limits
        self._thinned = thinned
        self._settled = 0
        self.problem = problem
        self.id = self._born()

    @classmethod
    def open(cls, path: Path, limits: Limits, thinned: Thin | None = None, *, vfs: str | None = None) -> "Outbox":
        """Open or begin the outbox at `path`; raises DiskFailed."""
        db, problem = durable.open_database(path, SCHEMA, SCHEMA_VERSION, vfs=vfs)
        try:
            outbox = cls(db, path, limits, thinned, problem)
            outbox._purge()
        except apsw.Error as error:
            durable.shut(db)
            raise durable.failed(path, error) from error
        outbox._keep_reserve()
        return outbox

    def _born(self) -> str:
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('outbox', ?)", (new_id(),))
            for number in LANE_NUMBERS.values():
                self._db.execute("INSERT OR IGNORE INTO lanes VALUES (?, 1)", (number,))
        return str(self._fact("outbox"))

    def _fact(self, name: str) -> object:
        return self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).get

    def commit(self, entries: Sequence[Entry], state: bytes | None = None, name: str = "emergency") -> list[int]:
        """Put the entries, and a state under its name, on disk in one transaction; their places. Raises DiskFailed.

        An entry whose id is there already keeps its place.
        """
        try:
            return self._committed(entries, state, name)
        except apsw.FullError as error:
            if not (any(entry.lane is Lane.ALARM for entry in entries) and self._give_up_reserve()):
                raise durable.failed(self._path, error) from error
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error
        try:
            return self._committed(entries, state, name)
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error

    def _committed(self, entries: Sequence[Entry], state: bytes | None, name: str) -> list[int]:
        with self._db:
            seqs = [self._placed(entry) for entry in entries]
            if state is not None:
                self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (f"state {name}", state))
            self._thin()
        return seqs

    def _placed(self, entry: Entry) -> int:
        lane, message_id = LANE_NUMBERS[entry.lane], UUID(entry.id).bytes
        there = self._db.execute("SELECT seq FROM messages WHERE id = ?", (message_id,)).get
        if there is not None:
            return int(there)
        seq = int(
            self._db.execute("UPDATE lanes SET next_seq = next_seq + 1 WHERE lane = ? RETURNING next_seq", (lane,)).get
        )
        self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, NULL)", (lane, seq - 1, message_id, entry.body))
        return seq - 1

    def load_state(self, name: str = "emergency") -> bytes | None:
        """The state that was committed last under this name."""
        found = self._fact(f"state {name}")
        return found if isinstance(found, bytes) else None

    def pending(self, lane: Lane, after: int = 0, limit: int = 64) -> list[Row]:
        """Messages that have no receipt, in order of place."""
        found = self._db.execute(
            "SELECT seq, id, body FROM messages"
            " WHERE lane = ? AND seq > ? AND receipted_s IS NULL ORDER BY seq LIMIT ?",
            (LANE_NUMBERS[lane], after, limit),
        )
        return [Row(seq, str(UUID(bytes=message_id)), lane, body) for seq, message_id, body in found]

    def counts(self) -> dict[Lane, int]:
        """How many messages of each lane have no receipt."""
        rows = self._db.execute("SELECT lane, count(*) FROM messages WHERE receipted_s IS NULL GROUP BY lane")
        counted: list[Any] = rows.fetchall()
        found: dict[int, int] = dict(counted)
        return {lane: found.get(number, 0) for lane, number in LANE_NUMBERS.items()}

    def settle(self, lane: Lane, ranges: Sequence[StoredRange]) -> list[str]:
        """Take a receipt: the ids of messages that it names and that had none, all of which headquarters has.

        A range counts only if its digest is that of our own ids: a cloned card's receipts are not ours. One whose
        messages are partly gone says nothing; what is left of it is sent and receipted again.
        """
        ids: list[str] = []
        try:
            with self._db:
                for stored in ranges:
                    ids += self._settled_range(LANE_NUMBERS[lane], stored)
                self._purge_sometimes(len(ids))
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error
        self._keep_reserve()
        return ids

    def _settled_range(self, lane: int, stored: StoredRange) -> list[str]:
        place = (lane, stored.first, stored.last)
        found: list[Any] = self._db.execute(
            "SELECT id, receipted_s FROM messages WHERE lane = ? AND seq BETWEEN ? AND ? ORDER BY seq", place
        ).fetchall()
        ids = [str(UUID(bytes=message_id)) for message_id, _ in found]
        if len(ids) != stored.last - stored.first + 1 or digest_of_ids(ids) != stored.digest:
            return []
        if lane == LANE_NUMBERS[Lane.TRACK]:
            self._db.execute("DELETE FROM messages WHERE lane = ? AND seq BETWEEN ? AND ?", place)
        else:
            self._db.execute(
                "UPDATE messages SET receipted_s = ? WHERE lane = ? AND seq BETWEEN ? AND ? AND receipted_s IS NULL",
                (int(time.time()), *place),
            )
        return [message_id for message_id, (_, receipted_s) in zip(ids, found, strict=True) if receipted_s is None]

    def settle_ids(self, ids: Sequence[str]) -> int:
        """Take a receipt for alarms that headquarters got before they had a place; how many had none."""
        try:
            with self._db:
                for message_id in ids:
                    self._db.execute(
                        "UPDATE messages SET receipted_s = ? WHERE id = ? AND receipted_s IS NULL",
                        (int(time.time()), UUID(message_id).bytes),
                    )
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error
        return len(ids)

    def forget_receipts(self, epoch: str) -> int:
        """Headquarters has a store of this epoch: what another one receipted has no receipt now; how many."""
        known = self._fact("epoch")
        if known == epoch:
            return 0
        try:
            with self._db:
                self._db.execute("INSERT OR REPLACE INTO facts VALUES ('epoch', ?)", (epoch,))
                forgotten = 0 if known is None else self._unreceipt()
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error
        return forgotten

    def _unreceipt(self) -> int:
        self._db.execute("UPDATE messages SET receipted_s = NULL WHERE receipted_s IS NOT NULL")
        return int(self._db.changes())

    def renew_identity(self) -> str:
        """Take a new outbox id and new places for all that has no receipt, since another card has the old ones."""
        renewed = new_id()
        try:
            with self._db:
                self._db.execute("UPDATE facts SET value = ? WHERE name = 'outbox'", (renewed,))
                self._db.execute("DELETE FROM messages WHERE receipted_s IS NOT NULL")
                for number in LANE_NUMBERS.values():
                    self._renumber(number)
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error
        self.id = renewed
        return renewed

    def _renumber(self, lane: int) -> None:
        held = self._db.execute("SELECT id, body FROM messages WHERE lane = ? ORDER BY seq", (lane,)).fetchall()
        self._db.execute("DELETE FROM messages WHERE lane = ?", (lane,))
        for seq, (message_id, body) in enumerate(held, 1):
            self._db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, NULL)", (lane, seq, message_id, body))
        self._db.execute("UPDATE lanes SET next_seq = ? WHERE lane = ?", (len(held) + 1, lane))

    def _thin(self) -> None:
        """Over the bound, the oldest track points go first, then the oldest events, an alarm never."""
        if self._used_bytes() <= self._limits.most_bytes:
            return
        self._db.execute(
            "DELETE FROM messages WHERE receipted_s IS NOT NULL AND lane != ?", (LANE_NUMBERS[Lane.ALARM],)
        )
        for lane in (Lane.TRACK, Lane.EVENT):
            dropped = self._drop_oldest(lane)
            if dropped:
                if self._thinned is not None:
                    self._placed(self._thinned(lane, dropped, "the outbox was full"))
                return

    def _drop_oldest(self, lane: Lane) -> Ranges:
        number = LANE_NUMBERS[lane]
        seqs = [
            seq
            for (seq,) in self._db.execute(
                "SELECT seq FROM messages WHERE lane = ? ORDER BY seq LIMIT ?", (number, THINNED_BLOCK)
            )
        ]
        if seqs:
            self._db.execute("DELETE FROM messages WHERE lane = ? AND seq <= ?", (number, seqs[-1]))
        return _runs(seqs)

    def _used_bytes(self) -> int:
        pages = int(self._db.pragma("page_count")) - int(self._db.pragma("freelist_count"))
        return pages * int(self._db.pragma("page_size"))

    def _purge_sometimes(self, settled: int) -> None:
        self._settled += settled
        if self._settled >= PURGE_EVERY:
            self._settled = 0
            self._purge()

    def _purge(self) -> None:
        oldest_s = int(time.time() - self._limits.keep_receipted_s)
        self._db.execute("DELETE FROM messages WHERE receipted_s < ?", (oldest_s,))

    def _reserve(self) -> Path:
        return self._path.with_name(self._path.name + ".reserve")

    def _keep_reserve(self) -> None:
        """Take the reserve's space on the disk if it is not taken; a disk too full for it is no error here."""
        if not self._limits.reserve_bytes or self._reserve().exists():
            return
        try:
            with self._reserve().open("wb") as reserve:
                os.posix_fallocate(reserve.fileno(), 0, self._limits.reserve_bytes)
        except OSError:
            self._give_up_reserve()

    def _give_up_reserve(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            self._reserve().unlink()
            return True
        return False

    def close(self) -> None:
        """Close the file."""
        durable.shut(self._db)


def _runs(seqs: Sequence[int]) -> Ranges:
    runs: list[tuple[int, int]] = []
    for seq in seqs:
        if runs and runs[-1][1] == seq - 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return tuple(runs)
