"""What headquarters has on disk: every message once, accounts, incidents, cars. Synchronous, for one thread."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
import msgspec
from msgspec import Struct

from hq import accounts
from hq.accounts import Gap
from hq.arrivals import Account, Arrival
from hq.incidents import Incident
from hq.incidents import Key as IncidentKey
from hq.units import Key as UnitKey
from hq.units import LastKnown
from terminal.contract import dead_zones, durable
from terminal.contract.dead_zones import DeadZones
from terminal.contract.identity import new_id
from terminal.contract.messages import Point, Who
from terminal.contract.topics import Lane

SCHEMA_VERSION = 1
SCHEMA = (
    """
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
CREATE TABLE senders (number INTEGER PRIMARY KEY, realm TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (realm, body));
CREATE TABLE points (
    id BLOB PRIMARY KEY,
    sender INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    late INTEGER NOT NULL,
    utc_ms INTEGER,
    lat_e7 INTEGER NOT NULL,
    lon_e7 INTEGER NOT NULL,
    speed_cmps INTEGER,
    track_cdeg INTEGER,
    flags INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX points_of_sender ON points (sender, utc_ms);
CREATE TABLE incidents (realm TEXT NOT NULL, unit TEXT NOT NULL, incident TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (realm, unit, incident)) WITHOUT ROWID;
CREATE TABLE units (realm TEXT NOT NULL, unit TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (realm, unit)) WITHOUT ROWID;
CREATE TABLE revisions (realm TEXT NOT NULL, unit TEXT NOT NULL, revision INTEGER NOT NULL,
    confirmed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (realm, unit)) WITHOUT ROWID;
"""
    + accounts.SCHEMA
)


class Kept(Struct, frozen=True):
    """What keeping a batch came to: ids that were new, accounts in which two messages claim one place."""

    new: frozenset[str]
    clashes: frozenset[Account]


class Store:
    """One open store; `epoch` names it, and changes when it was restored from a backup.

    What changes it is to stand in a `transaction`. Everything raises DiskFailed.
    """

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

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it on disk at the end, or nothing."""
        with durable.failing(self._path), self._db:
            yield

    @property
    def epoch(self) -> str:
        """Which life of this store it is."""
        return str(self._db.execute("SELECT value FROM facts WHERE name = 'epoch'").get)

    def new_epoch(self) -> str:
        """Say that this store may lack what it once had; cars then send again what they still hold."""
        epoch = new_id()
        self._db.execute("INSERT OR REPLACE INTO facts VALUES ('epoch', ?)", (epoch,))
        self._db.execute("UPDATE revisions SET confirmed = 0")
        return epoch

    def keep(self, arrivals: Sequence[Arrival], now_ms: int) -> Kept:
        """Store each message unless its id is there, and note its place."""
        new = frozenset(one.id for one in arrivals if self._is_new(one, now_ms))
        return Kept(new, accounts.claim(self._db, arrivals))

    def _is_new(self, one: Arrival, now_ms: int) -> bool:
        message_id = UUID(one.id).bytes
        if one.point is not None:
            self._keep_point(message_id, one.point, one, now_ms)
        else:
            self._db.execute(
                "INSERT OR IGNORE INTO messages (id, realm, unit, lane, received_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
                (message_id, one.realm, one.unit, one.lane, now_ms, one.body),
            )
        return self._db.changes() > 0

    def _keep_point(self, message_id: bytes, point: Point, one: Arrival, now_ms: int) -> None:
        sender = self._sender(one.realm, msgspec.structs.replace(one.who, unit=one.unit))
        values = (point.utc_ms, point.lat_e7, point.lon_e7, point.speed_cmps, point.track_cdeg, point.flags)
        self._db.execute(
            "INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (message_id, sender, now_ms, one.late, *values),
        )

    def _sender(self, realm: str, who: Who) -> int:
        """The number under which points name the car and crew that sent them."""
        sender = (realm, msgspec.json.encode(who))
        self._db.execute("INSERT OR IGNORE INTO senders (realm, body) VALUES (?, ?)", sender)
        found: Any = self._db.execute("SELECT number FROM senders WHERE realm = ? AND body = ?", sender).get
        return int(found)

    def give_up(self, account: Account, lane: Lane, ranges: Sequence[tuple[int, int]]) -> None:
        """The car gave these places up; they are no gap any more."""
        accounts.give_up(self._db, account, lane, ranges)

    def gaps(self) -> list[Gap]:
        """Places that are neither here nor given up, although later ones are here."""
        with durable.failing(self._path):
            return accounts.gaps(self._db)

    def put_incident(self, incident: Incident) -> None:
        """The incident as it is now."""
        body = msgspec.json.encode(incident)
        self._db.execute("INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?)", (*incident.key, body))

    def incident(self, key: IncidentKey) -> Incident | None:
        """The incident as it was last."""
        body: Any = self._db.execute(
            "SELECT body FROM incidents WHERE realm = ? AND unit = ? AND incident = ?", key
        ).get
        return None if body is None else msgspec.json.decode(body, type=Incident)

    def incidents(self) -> list[Incident]:
        """Every incident, as it was last."""
        found = self._db.execute("SELECT body FROM incidents")
        return [msgspec.json.decode(body, type=Incident) for (body,) in found]

    def put_unit(self, last: LastKnown) -> None:
        """What is known of a car now."""
        self._db.execute("INSERT OR REPLACE INTO units VALUES (?, ?, ?)", (*last.key, msgspec.json.encode(last)))

    def units(self) -> list[LastKnown]:
        """What was known of each car last."""
        return [msgspec.json.decode(body, type=LastKnown) for (body,) in self._db.execute("SELECT body FROM units")]

    def put_zones(self, zones: DeadZones) -> None:
        """What was learnt of dead zones."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES ('dead zones', ?)", (dead_zones.encode(zones),))

    def zones(self) -> DeadZones:
        """What was learnt of dead zones before."""
        kept: Any = self._db.execute("SELECT value FROM facts WHERE name = 'dead zones'").get
        return dead_zones.decode(kept)

    def advance_revision(self, unit: UnitKey) -> None:
        """What this car is told has changed."""
        self._db.execute(
            "INSERT INTO revisions (realm, unit, revision) VALUES (?, ?, 1)"
            " ON CONFLICT (realm, unit) DO UPDATE SET revision = revision + 1",
            unit,
        )

    def confirm(self, unit: UnitKey, revision: int) -> None:
        """The car shows what it was told in this revision."""
        self._db.execute(
            "UPDATE revisions SET confirmed = max(confirmed, ?) WHERE realm = ? AND unit = ?", (revision, *unit)
        )

    def revisions(self, unit: UnitKey) -> tuple[int, int]:
        """The revision of what this car is told, and the newest one that it confirmed; 0 for none."""
        with durable.failing(self._path):
            found: Any = self._db.execute(
                "SELECT revision, confirmed FROM revisions WHERE realm = ? AND unit = ?", unit
            ).get
        return (int(found[0]), int(found[1])) if found is not None else (0, 0)

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
