"""What headquarters has on disk: every message once, its places, incidents, positions. Synchronous, one thread."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
import msgspec
from msgspec import Struct

from hq.incidents import Incident
from terminal.contract import durable
from terminal.contract.identity import new_id
from terminal.contract.messages import Place, Point
from terminal.contract.topics import Lane

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    realm TEXT NOT NULL,
    unit TEXT NOT NULL,
    lane TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE points (
    id BLOB PRIMARY KEY,
    realm TEXT NOT NULL,
    unit TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    utc_ms INTEGER,
    lat_e7 INTEGER NOT NULL,
    lon_e7 INTEGER NOT NULL,
    speed_cmps INTEGER,
    track_cdeg INTEGER,
    flags INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE places (
    outbox TEXT NOT NULL,
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (outbox, lane, seq, id)
) WITHOUT ROWID;
CREATE TABLE dropped (outbox TEXT NOT NULL, lane TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (outbox, lane, first)) WITHOUT ROWID;
CREATE TABLE incidents (incident TEXT PRIMARY KEY, unit TEXT NOT NULL, open INTEGER NOT NULL, body BLOB NOT NULL)
    WITHOUT ROWID;
CREATE TABLE revisions (realm TEXT NOT NULL, unit TEXT NOT NULL, revision INTEGER NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (realm, unit)) WITHOUT ROWID;
"""


class Arrival(Struct, frozen=True, kw_only=True):
    """One message of one car, as it arrived; a track point carries its `point`."""

    realm: str
    unit: str
    lane: Lane
    id: str
    place: Place | None
    body: bytes = b""
    point: Point | None = None
    late: bool = False


class Outcome(Struct, frozen=True):
    """What storing a batch came to: ids that were new, outboxes in which two messages claim one place."""

    new: frozenset[str]
    clashes: frozenset[str]


class Store:
    """One open store; `epoch` names it, and changes when it was restored from a backup."""

    def __init__(self, db: apsw.Connection, path: Path, problem: str) -> None:
        self._db = db
        self._path = path
        self.problem = problem
        with db:
            db.execute("INSERT OR IGNORE INTO facts VALUES ('epoch', ?)", (new_id(),))

    @classmethod
    def open(cls, path: Path, *, vfs: str | None = None) -> "Store":
        """Open or begin the store at `path`; raises DiskFailed."""
        db, problem = durable.open_database(path, SCHEMA, SCHEMA_VERSION, vfs=vfs)
        try:
            return cls(db, path, problem)
        except apsw.Error as error:
            durable.shut(db)
            raise durable.failed(path, error) from error

    @property
    def epoch(self) -> str:
        """Which life of this store it is."""
        return str(self._db.execute("SELECT value FROM facts WHERE name = 'epoch'").get)

    def new_epoch(self) -> str:
        """Say that this store may lack what it once had; cars then send again what they still hold."""
        epoch = new_id()
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO facts VALUES ('epoch', ?)", (epoch,))
        return epoch

    def commit(self, arrivals: Sequence[Arrival], incidents: Sequence[Incident], now_ms: int) -> Outcome:
        """Put a batch, and the incidents as it left them, on disk in one transaction; raises DiskFailed."""
        try:
            with self._db:
                new = frozenset(one.id for one in arrivals if self._stored(one, now_ms))
                clashes = frozenset(
                    one.place.outbox for one in arrivals if one.place and self._clashes(one.id, one.place)
                )
                for incident in incidents:
                    self._put(incident)
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error
        return Outcome(new, clashes)

    def _stored(self, one: Arrival, now_ms: int) -> bool:
        """Store one message unless it is there; whether it was new."""
        message_id = UUID(one.id).bytes
        if one.point is None:
            self._db.execute(
                "INSERT OR IGNORE INTO messages (id, realm, unit, lane, received_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
                (message_id, one.realm, one.unit, one.lane, now_ms, one.body),
            )
        else:
            p = one.point
            self._db.execute(
                "INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    message_id,
                    one.realm,
                    one.unit,
                    now_ms,
                    p.utc_ms,
                    p.lat_e7,
                    p.lon_e7,
                    p.speed_cmps,
                    p.track_cdeg,
                    p.flags,
                ),
            )
        return self._db.changes() > 0

    def _clashes(self, message_id: str, place: Place) -> bool:
        """Note the place; whether another message claims it too."""
        here = (place.outbox, place.lane, place.seq)
        self._db.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?)", (*here, UUID(message_id).bytes))
        return bool(
            self._db.execute("SELECT count(*) > 1 FROM places WHERE outbox = ? AND lane = ? AND seq = ?", here).get
        )

    def note_dropped(self, outbox: str, lane: Lane, ranges: Sequence[tuple[int, int]]) -> None:
        """The car gave these places up; they are no gap any more."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO dropped VALUES (?, ?, ?, ?)",
                [(outbox, lane, first, last) for first, last in ranges],
            )

    def gaps(self, outbox: str, lane: Lane) -> list[tuple[int, int]]:
        """Places of this account, up to its last, that are neither here nor given up."""
        here = (outbox, lane)
        known: list[Any] = self._db.execute(
            "SELECT seq, seq FROM places WHERE outbox = ? AND lane = ?"
            " UNION SELECT first, last FROM dropped WHERE outbox = ? AND lane = ? ORDER BY 1",
            here + here,
        ).fetchall()
        gaps, expected = [], 1
        for first, last in known:
            if first > expected:
                gaps.append((expected, first - 1))
            expected = max(expected, last + 1)
        return gaps

    def save_incident(self, incident: Incident) -> None:
        """Put an incident on disk after a person acted on it; raises DiskFailed."""
        try:
            with self._db:
                self._put(incident)
        except apsw.Error as error:
            raise durable.failed(self._path, error) from error

    def _put(self, incident: Incident) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?)",
            (incident.incident, incident.unit, incident.is_open, msgspec.json.encode(incident)),
        )

    def incidents(self) -> list[Incident]:
        """Every incident, as it was last."""
        found = self._db.execute("SELECT body FROM incidents")
        return [msgspec.json.decode(body, type=Incident) for (body,) in found]

    def revision(self, realm: str, unit: str, *, advance: bool = False) -> int:
        """The revision of what this car is told; `advance` it whenever that changes."""
        with self._db:
            if advance:
                self._db.execute(
                    "INSERT INTO revisions (realm, unit, revision) VALUES (?, ?, 1)"
                    " ON CONFLICT (realm, unit) DO UPDATE SET revision = revision + 1",
                    (realm, unit),
                )
            found: Any = self._db.execute(
                "SELECT revision FROM revisions WHERE realm = ? AND unit = ?", (realm, unit)
            ).get
        return int(found or 0)

    def confirm(self, realm: str, unit: str, revision: int) -> None:
        """The car shows what it was told in this revision."""
        with self._db:
            self._db.execute(
                "UPDATE revisions SET confirmed = max(confirmed, ?) WHERE realm = ? AND unit = ?",
                (revision, realm, unit),
            )

    def confirmed(self, realm: str, unit: str) -> int:
        """The newest revision that the car has confirmed."""
        found: Any = self._db.execute("SELECT confirmed FROM revisions WHERE realm = ? AND unit = ?", (realm, unit)).get
        return int(found or 0)

    def count(self) -> dict[str, int]:
        """How many messages and points are here."""
        counts: dict[str, Any] = {
            table: self._db.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608 - two fixed names
            for table in ("messages", "points")
        }
        return {table: int(number) for table, number in counts.items()}

    def close(self) -> None:
        """Close the file."""
        durable.shut(self._db)
