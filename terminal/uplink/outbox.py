"""The car's account with headquarters on disk: every message has its place, and only a receipt takes it out.

Synchronous, for one thread. A commit that raised may be there all the same; making it again is harmless.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import apsw
from msgspec import Struct

from terminal.contract import durable
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import StateConfirmed, StoredRange, Thinned, Who, encode
from terminal.contract.topics import Lane
from terminal.uplink import thinning
from terminal.uplink.reserve import Reserve
from terminal.uplink.thinning import Ranges

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs (epoch TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE lanes (lane INTEGER PRIMARY KEY, next_seq INTEGER NOT NULL);
CREATE TABLE accounts (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE messages (
    lane INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL,
    receipted_s INTEGER,
    PRIMARY KEY (lane, seq)
) WITHOUT ROWID;
CREATE INDEX unreceipted ON messages (lane, seq) WHERE receipted_s IS NULL;
"""
BIRTH = """
INSERT INTO facts VALUES ('outbox', '{born}');
INSERT INTO lanes VALUES {lanes};
"""
LANE_NUMBERS = {lane: number for number, lane in enumerate(Lane)}

PLACE = """
INSERT INTO messages SELECT :lane, next_seq, :id, :body, NULL FROM lanes
    WHERE lane = :lane AND NOT EXISTS (SELECT 1 FROM messages WHERE id = :id) RETURNING seq
"""
"""Gives a message the next place of its lane, unless it has one: an alarm waits for each statement."""

ANSWERS = -1
"""Stands for a lane where messages are counted: events that only answer headquarters."""
IS_ANSWER = "substr({row}.body, 1, {length}) = x'{text}'"
WAITING = """
PRAGMA temp_store = memory;
CREATE TEMP TABLE waiting (lane INTEGER PRIMARY KEY, messages INTEGER NOT NULL);
INSERT INTO waiting SELECT l.lane, count(m.seq)
    FROM main.lanes l LEFT JOIN main.messages m ON m.lane = l.lane AND m.receipted_s IS NULL GROUP BY l.lane;
INSERT INTO waiting SELECT {answers}, count(*) FROM main.messages m
    WHERE m.lane = {events} AND m.receipted_s IS NULL AND {m_is_answer};
CREATE TEMP TRIGGER came AFTER INSERT ON main.messages WHEN new.receipted_s IS NULL
    BEGIN UPDATE waiting SET messages = messages + 1
        WHERE lane = new.lane OR lane = {answers} AND {new_is_answer}; END;
CREATE TEMP TRIGGER went AFTER DELETE ON main.messages WHEN old.receipted_s IS NULL
    BEGIN UPDATE waiting SET messages = messages - 1
        WHERE lane = old.lane OR lane = {answers} AND {old_is_answer}; END;
CREATE TEMP TRIGGER changed AFTER UPDATE OF receipted_s ON main.messages
    BEGIN UPDATE waiting SET messages = messages + (new.receipted_s IS NULL) - (old.receipted_s IS NULL)
        WHERE lane = new.lane OR lane = {answers} AND {new_is_answer}; END;
"""
"""How many messages of each lane have no receipt, kept by SQLite in memory: after an outage counting them anew takes
longer than the commit of an alarm."""

NO_STATES: Mapping[str, bytes] = MappingProxyType({})

PAGE_BYTES = 1024
"""A commit writes whole pages, so small ones wear the card less; tests/bench/bench_outbox.py measures it."""
CHECKPOINT_PAGES = 1000
"""Pages of the log from which on it is taken into the database (sqlite.org/wal.html#automatic_checkpoint)."""
PURGE_EVERY = 512
"""Settlements between looks for receipts that need not be kept any longer."""
MOST_PLACES = 100_000
"""Of one receipt; no batch is so long, and a bad receipt must not keep the disk busy."""


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
    """`most_bytes` bounds the file; `reserve_bytes` are kept on a full disk for alarms.

    `keep_receipted_s` is time of operation, not of the calendar.
    """

    most_bytes: int
    keep_receipted_s: float = 7 * 86400
    reserve_bytes: int = 0


Thin = Callable[[str, Lane, Ranges, str], Entry]
"""Makes the event that tells headquarters which places of which outbox were given up, and why."""


class Outbox:
    """One open outbox; `id` is born with the database, `problem` says what had to be repaired."""

    def __init__(self, db: apsw.Connection, path: Path, limits: Limits, thinned: Thin | None, problem: str) -> None:
        self._db = db
        self._path = path
        self._limits = limits
        self._thinned = thinned or account_of
        self._reserve = Reserve(path, limits.reserve_bytes)
        self._settled = PURGE_EVERY
        self.problem = problem
        self.id = str(self._fact("outbox"))
        self._db.execute(_waiting())
        self._log_pages = 0
        # In the place of SQLite's own, which would have whoever commits wait for a checkpoint.
        self._db.set_wal_hook(self._grown)
        self._opened_s = time.monotonic()
        self._operated_before_s = int(str(self._fact("operated_s") or 0))

    @classmethod
    def open(cls, path: Path, limits: Limits, thinned: Thin | None = None, *, vfs: str | None = None) -> "Outbox":
        """Open or begin the outbox at `path`; raises DiskFailed."""
        db, problem = durable.open_database(
            path, SCHEMA + _birth(), SCHEMA_VERSION, page_bytes=PAGE_BYTES, exclusive=True, vfs=vfs
        )
        try:
            outbox = cls(db, path, limits, thinned, problem)
        except apsw.Error as error:
            with contextlib.suppress(apsw.Error):
                durable.shut(db)
            raise durable.failed(path, error) from error
        outbox._reserve.keep()
        return outbox

    def _fact(self, name: str) -> object:
        return self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).get

    @contextlib.contextmanager
    def _transaction(self, at_disk: Callable[[], None] = durable.nothing) -> Iterator[None]:
        with durable.failing(self._path), durable.transaction(self._db, at_disk):
            yield

    def _grown(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def tidy(self) -> None:
        """Take a log that has grown long into the database: several syncs, for which no commit should have to wait.

        A disk that refuses has it tried again after the next commit, and what is stored stays in the log.
        """
        if self._log_pages >= CHECKPOINT_PAGES:
            self._log_pages = 0
            with contextlib.suppress(apsw.Error):
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def commit(
        self,
        entries: Sequence[Entry],
        states: Mapping[str, bytes] = NO_STATES,
        at_disk: Callable[[], None] = durable.nothing,
    ) -> list[int]:
        """Put the entries, and states by name, on disk in one transaction; the entries' places. Raises DiskFailed.

        An entry whose id is there already keeps its place. An alarm may use the reserve of a full disk, and leaves it
        to the next other commit to see what must go for its sake. `at_disk` is called when only the disk is waited for.
        """
        urgent = any(entry.lane is Lane.ALARM for entry in entries)
        try:
            seqs = self._committed(entries, states, at_disk, thins=not urgent)
        except durable.DiskFull:
            if not (urgent and self._reserve.give_up()):
                raise
            return self._committed(entries, states, at_disk, thins=True)
        if not urgent:
            self._reserve.keep()
        return seqs

    def _committed(
        self, entries: Sequence[Entry], states: Mapping[str, bytes], at_disk: Callable[[], None], *, thins: bool
    ) -> list[int]:
        with self._transaction(at_disk):
            seqs = [self._placed(entry) for entry in entries]
            for name, state in states.items():
                self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (f"state {name}", state))
            if thins:
                self._thin()
        return seqs

    def _placed(self, entry: Entry) -> int:
        lane, message_id = LANE_NUMBERS[entry.lane], UUID(entry.id).bytes
        seq = self._db.execute(PLACE, {"lane": lane, "id": message_id, "body": entry.body}).get
        if seq is None:
            return int(self._db.execute("SELECT seq FROM messages WHERE id = ?", (message_id,)).get)
        self._db.execute("UPDATE lanes SET next_seq = ? WHERE lane = ?", (seq + 1, lane))
        return int(seq)

    def _thin(self) -> None:
        for lane, dropped in thinning.thin(self._db, self._limits.most_bytes, LANE_NUMBERS.__getitem__).items():
            account = self._thinned(self.id, lane, dropped, "the outbox was full")
            self._placed(account)
            self._db.execute("INSERT INTO accounts VALUES (?)", (UUID(account.id).bytes,))

    def load_state(self, name: str = "emergency") -> bytes | None:
        """The state that was committed last under this name."""
        with durable.failing(self._path):
            found = self._fact(f"state {name}")
        return found if isinstance(found, bytes) else None

    @property
    def epoch(self) -> str:
        """Headquarters' store, as this outbox knows it; "" before it was ever heard of."""
        with durable.failing(self._path):
            return str(self._fact("epoch") or "")

    def pending(self, lane: Lane, after: int = 0, limit: int = 64) -> list[Row]:
        """Messages that have no receipt, in order of place."""
        with durable.failing(self._path):
            found: list[Any] = self._db.execute(
                "SELECT seq, id, body FROM messages"
                " WHERE lane = ? AND seq > ? AND receipted_s IS NULL ORDER BY seq LIMIT ?",
                (LANE_NUMBERS[lane], after, limit),
            ).fetchall()
        return [Row(seq, str(UUID(bytes=message_id)), lane, body) for seq, message_id, body in found]

    def receipted(self, lane: Lane) -> list[str]:
        """The ids of messages that are still held although they have their receipt."""
        return self._ids("SELECT id FROM messages WHERE lane = ? AND receipted_s IS NOT NULL", lane)

    def unreceipted(self, lane: Lane) -> list[str]:
        """The ids of messages that have no receipt."""
        return self._ids("SELECT id FROM messages WHERE lane = ? AND receipted_s IS NULL", lane)

    def _ids(self, question: str, lane: Lane) -> list[str]:
        with durable.failing(self._path):
            found: list[Any] = self._db.execute(question, (LANE_NUMBERS[lane],)).fetchall()
        return [str(UUID(bytes=message_id)) for (message_id,) in found]

    def counts(self) -> dict[Lane, int]:
        """How many messages of each lane have no receipt."""
        count = "SELECT messages FROM waiting WHERE lane = ?"
        with durable.failing(self._path):
            return {lane: int(self._db.execute(count, (number,)).get) for lane, number in LANE_NUMBERS.items()}

    def shown_pending(self) -> int:
        """How many messages have no receipt, as the crew may see it: a silent alarm must not move this.

        So neither alarms count, each of which is shown for itself, nor what confirms that they were answered.
        """
        counts = self.counts()
        with durable.failing(self._path):
            answers = int(self._db.execute("SELECT messages FROM waiting WHERE lane = ?", (ANSWERS,)).get)
        return counts[Lane.EVENT] + counts[Lane.TRACK] - answers

    def settle(self, lane: Lane, ranges: Sequence[StoredRange], epoch: str | None = None) -> list[str]:
        """Take a receipt: the ids of messages that it names and that had none, all of which headquarters has.

        A range counts only if its digest is that of our own ids: a cloned card's receipts are not ours. One whose
        messages are partly gone says nothing; what is left of it is sent and receipted again. A receipt of an
        `epoch` that is not the present one says nothing either.
        """
        if epoch not in (None, self.epoch):
            return []
        ids: list[str] = []
        with self._transaction():
            for stored in _believable(ranges):
                ids += self._settled_range(lane, stored)
            self._purge_sometimes(len(ids))
        self._reserve.keep()
        return ids

    def _settled_range(self, lane: Lane, stored: StoredRange) -> list[str]:
        places = stored.last - stored.first + 1
        place = (LANE_NUMBERS[lane], stored.first, stored.last)
        found: list[Any] = self._db.execute(
            "SELECT id, receipted_s FROM messages WHERE lane = ? AND seq BETWEEN ? AND ? ORDER BY seq", place
        ).fetchall()
        ids = [str(UUID(bytes=message_id)) for message_id, _ in found]
        if len(ids) != places or digest_of_ids(ids) != stored.digest:
            return []
        self._receipt(lane, place)
        return [message_id for message_id, (_, receipted_s) in zip(ids, found, strict=True) if receipted_s is None]

    def _receipt(self, lane: Lane, place: tuple[int, int, int]) -> None:
        if lane is Lane.TRACK:
            self._db.execute("DELETE FROM messages WHERE lane = ? AND seq BETWEEN ? AND ?", place)
            return
        mark = "UPDATE messages SET receipted_s = ? WHERE lane = ? AND seq BETWEEN ? AND ? AND receipted_s IS NULL"
        self._db.execute(mark, (self._operated_s(), *place))

    def forget_receipts(self, epoch: str) -> int:
        """Headquarters has a store of this epoch: what an earlier one receipted has no receipt now; how many.

        An epoch that is over stays over: a receipt that comes late does not bring it back.
        """
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO epochs VALUES (?)", (epoch,))
            if not self._db.changes():
                return 0
            first = self._fact("epoch") is None
            self._db.execute("INSERT OR REPLACE INTO facts VALUES ('epoch', ?)", (epoch,))
            return 0 if first else self._unreceipt()

    def _unreceipt(self) -> int:
        self._db.execute("UPDATE messages SET receipted_s = NULL WHERE receipted_s IS NOT NULL")
        return int(self._db.changes())

    def renew_identity(self) -> str:
        """Take a new outbox id and new places for all that is held, since another card has the old ones.

        All of it is sent again, with a receipt or without: the new account has no gaps then, and headquarters may
        yet lose what it has and ask for it.
        """
        renewed = new_id()
        with self._transaction():
            self._db.execute("UPDATE facts SET value = ? WHERE name = 'outbox'", (renewed,))
            self._unreceipt()
            for number in LANE_NUMBERS.values():
                self._renumber(number)
        self.id = renewed
        return renewed

    def _renumber(self, lane: int) -> None:
        held = self._db.execute("SELECT seq FROM messages WHERE lane = ? ORDER BY seq", (lane,)).fetchall()
        # Downwards and in order, so that no message takes a place that is still another's.
        moves = [(seq, lane, old) for seq, (old,) in enumerate(held, 1) if seq != old]
        self._db.executemany("UPDATE messages SET seq = ? WHERE lane = ? AND seq = ?", moves)
        self._db.execute("UPDATE lanes SET next_seq = ? WHERE lane = ?", (len(held) + 1, lane))

    def _purge_sometimes(self, settled: int) -> None:
        self._settled += settled
        if self._settled >= PURGE_EVERY:
            self._settled = 0
            now_s = self._operated_s()
            self._db.execute("INSERT OR REPLACE INTO facts VALUES ('operated_s', ?)", (now_s,))
            self._db.execute("DELETE FROM messages WHERE receipted_s < ?", (now_s - self._limits.keep_receipted_s,))
            self._db.execute("DELETE FROM accounts WHERE id NOT IN (SELECT id FROM messages)")

    def _operated_s(self) -> int:
        """How long this outbox has been open in all its life: no wall clock can step it; a crash may forget some."""
        return self._operated_before_s + int(time.monotonic() - self._opened_s)

    def close(self) -> None:
        """Close the file."""
        durable.shut(self._db)


def _birth() -> str:
    """What makes new tables an outbox with an account of its own: in one transaction, so that none is without."""
    return BIRTH.format(born=new_id(), lanes=",".join(f"({number}, 1)" for number in LANE_NUMBERS.values()))


def _waiting() -> str:
    """The statements of WAITING, for messages as they are encoded."""
    begins = encode(StateConfirmed(id="", who=Who(unit=""), revision=0)).split(b",")[0]
    is_answer = {
        f"{row}_is_answer": IS_ANSWER.format(row=row, length=len(begins), text=begins.hex())
        for row in ("m", "new", "old")
    }
    return WAITING.format(answers=ANSWERS, events=LANE_NUMBERS[Lane.EVENT], **is_answer)


def account_of(outbox: str, lane: Lane, dropped: Ranges, reason: str) -> Entry:
    """The event that says what was given up; its sender is whoever the line vouches for."""
    message = Thinned(id=new_id(), who=Who(unit=""), outbox=outbox, lane=lane, dropped=dropped, reason=reason)
    return Entry(message.id, Lane.EVENT, encode(message))


def _believable(ranges: Iterable[StoredRange]) -> Iterator[StoredRange]:
    left = MOST_PLACES
    for stored in ranges:
        places = stored.last - stored.first + 1
        if stored.first >= 1 and 0 < places <= left and stored.last < 1 << 63:
            left -= places
            yield stored
