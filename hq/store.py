"""What headquarters has on disk: every message once, accounts, incidents, cars. Synchronous, for one thread."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
import msgspec
from msgspec import Struct

from hq import accounts, audit, order_store, press_store, proofs, route_store
from hq.accounts import Gap
from hq.arrivals import Account, Arrival
from hq.arrivals import Key as ArrivalKey
from hq.audit import Fact, Head, What
from hq.incidents import Incident
from hq.incidents import Key as IncidentKey
from hq.orders import Order
from hq.press_store import Press
from hq.routes import Back, Route
from hq.units import Key as UnitKey
from hq.units import LastKnown
from terminal.contract import dead_zones, durable
from terminal.contract.dead_zones import DeadZones
from terminal.contract.identity import identity_of, new_id
from terminal.contract.messages import Point, Who
from terminal.contract.topics import Lane
from terminal.contract.work import Officer

SCHEMA_VERSION = 9
CERTIFICATES = """
CREATE TABLE certificates (realm TEXT NOT NULL, unit TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (realm, unit, number)) WITHOUT ROWID;
"""
EVENT_TYPE = "iif(json_valid(CAST(body AS TEXT)), json_extract(CAST(body AS TEXT), '$.type'), '')"
"""A car's own words, which must not stop the store by being nested deeper than SQLite reads."""
RAISED_MS = "json_extract(body, '$.raised_ms')"
READING = f"""
CREATE INDEX IF NOT EXISTS open_incidents ON incidents (realm, unit) WHERE json_extract(body, '$.cleared_by') IS NULL;
CREATE INDEX IF NOT EXISTS ended_incidents ON incidents (realm, unit, json_extract(body, '$.told_revision'))
    WHERE json_extract(body, '$.cleared_by') IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_by_type ON messages ({EVENT_TYPE}, number) WHERE lane = 'event';
"""
"""What is asked for every day must not take longer with all that there ever was."""
BY_TIME = f"CREATE INDEX IF NOT EXISTS incidents_by_time ON incidents ({RAISED_MS});"
"""A question that reads them all would keep what is written meanwhile in the log, which grows with it."""
UPGRADES = {
    1: audit.SCHEMA,
    2: CERTIFICATES,
    3: proofs.SCHEMA,
    4: order_store.SCHEMA,
    5: press_store.SCHEMA + press_store.OF_INCIDENTS,
    6: READING,
    7: BY_TIME,
    8: route_store.SCHEMA,
}
"""Version to what makes the next one of it."""
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
    + audit.SCHEMA
    + CERTIFICATES
    + proofs.SCHEMA
    + order_store.SCHEMA
    + press_store.SCHEMA
    + route_store.SCHEMA
    + READING
    + BY_TIME
)


class Kept(Struct, frozen=True):
    """What keeping a batch came to: what was new, with the id that it is stored under (its own, unless another
    message had it), and accounts in which two messages claim one place."""

    new: dict[ArrivalKey, str]
    clashes: frozenset[Account]


class Store:
    """One open store; `epoch` names it, and changes when it was restored from a backup.

    What changes it is to stand in a `transaction`. Everything raises DiskFailed.
    """

    def __init__(self, db: apsw.Connection, path: Path, problem: str) -> None:
        self._db = db
        self._path = path
        self.problem = problem
        with durable.transaction(db):
            db.execute("INSERT OR IGNORE INTO facts VALUES ('epoch', ?)", (new_id(),))
            if self.audit_head() == audit.BEGINNING:
                self.note(self._beginning())

    @classmethod
    def open(cls, path: Path, *, vfs: str | None = None) -> "Store":
        """Open or begin the store at `path`; raises DiskFailed."""
        db, problem = durable.open_database(path, SCHEMA, SCHEMA_VERSION, upgrades=UPGRADES, vfs=vfs)
        try:
            return cls(db, path, problem)
        except apsw.Error as error:
            durable.shut(db)
            raise durable.failed(path, error) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it on disk at the end, or nothing."""
        with durable.failing(self._path), durable.transaction(self._db):
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

    def _beginning(self) -> Fact:
        told = f"epoch {self.epoch}" + (f"; the store before it {self.problem}" if self.problem else "")
        return Fact(what=What.LOG_BEGUN, utc_ms=time.time_ns() // 1_000_000, text=told)

    def put_order(self, order: Order) -> None:
        """A job or text of a car as it is now."""
        order_store.put(self._db, order)

    def order(self, unit: UnitKey, order_id: str) -> Order | None:
        """This car's job or text, as it was last."""
        return order_store.get(self._db, unit, order_id)

    def orders(self, unit: UnitKey | None = None) -> list[Order]:
        """The newest jobs and texts of a car, or of all, oldest first."""
        with durable.failing(self._path):
            return order_store.newest(self._db) if unit is None else order_store.of_car(self._db, unit)

    def find_order(self, beginning: str) -> list[Order]:
        """Those whose id begins so; two at most."""
        return order_store.find(self._db, beginning)

    def put_officer(self, realm: str, officer: Officer) -> None:
        """Someone who may be crew in this realm."""
        order_store.put_officer(self._db, realm, officer)

    def drop_officer(self, realm: str, badge: str) -> None:
        """Nobody any more."""
        order_store.drop_officer(self._db, realm, badge)

    def officers(self, realm: str) -> tuple[Officer, ...]:
        """Who may be crew in this realm."""
        with durable.failing(self._path):
            return order_store.officers(self._db, realm)

    def note(self, *facts: Fact) -> None:
        """Add these to the audit log."""
        audit.append(self._db, facts)

    def audit_head(self) -> Head:
        """The newest entry of the audit log."""
        with durable.failing(self._path):
            return audit.head(self._db)

    def keep(self, arrivals: Sequence[Arrival], now_ms: int) -> Kept:
        """Store each message unless its id is there, and note its place."""
        stored = ((one.key, self._stored_as(one, now_ms)) for one in arrivals)
        new = {key: stored_as for key, stored_as in stored if stored_as}
        return Kept(new, accounts.claim(self._db, arrivals))

    def _stored_as(self, one: Arrival, now_ms: int) -> str:
        """Under which id it is here now; "" if it was here before."""
        if one.point is not None:
            return one.id if self._is_new_point(one.point, one, now_ms) else ""
        kept_as = one.kept_as or one.id
        if self._is_new(kept_as, one, now_ms):
            return kept_as
        there = "SELECT 1 FROM messages WHERE id = ? AND realm = ? AND unit = ? AND lane = ?"
        if self._db.execute(there, (UUID(kept_as).bytes, *one.key[:3])).get is not None:
            return ""
        other = identity_of("/".join(one.key).encode())
        return other if self._is_new(other, one, now_ms) else ""

    def _is_new(self, message_id: str, one: Arrival, now_ms: int) -> bool:
        self._db.execute(
            "INSERT OR IGNORE INTO messages (id, realm, unit, lane, received_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
            (UUID(message_id).bytes, one.realm, one.unit, one.lane, now_ms, one.body),
        )
        return self._db.changes() > 0

    def _is_new_point(self, point: Point, one: Arrival, now_ms: int) -> bool:
        sender = self._sender(one.realm, msgspec.structs.replace(one.who, unit=one.unit))
        values = (point.utc_ms, point.lat_e7, point.lon_e7, point.speed_cmps, point.track_cdeg, point.flags)
        self._db.execute(
            "INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (UUID(one.id).bytes, sender, now_ms, one.late, *values),
        )
        return self._db.changes() > 0

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

    def settled(self, press: Press, incident: str) -> bool:
        """Whether the press is news, and is in this incident from now on."""
        return press_store.settled(self._db, press, incident)

    def home(self, press: Press) -> str | None:
        """The incident in which the press is; None if it never came."""
        return press_store.home(self._db, press)

    def learn_route(self, key: IncidentKey, back: Back, *, is_new: bool) -> Route:
        """The way back to this incident's car after one more of its capsules, which was news or was not."""
        return route_store.learn(self._db, key, back, is_new=is_new)

    def told_by(self, key: IncidentKey, gateway: str, revision: int) -> None:
        """By this gateway the car knows what people did, up to this revision."""
        route_store.told(self._db, key, gateway, revision)

    def routes(self) -> list[tuple[IncidentKey, Route]]:
        """Every way back to a car, the newest last."""
        return route_store.every(self._db)

    def incidents(self, most_ended: int) -> list[Incident]:
        """Those that are open, and of each car so many that ended last."""
        of_all = "SELECT body FROM incidents WHERE json_extract(body, '$.cleared_by')"
        found: list[tuple[Any, ...]] = self._db.execute(f"{of_all} IS NULL").fetchall()
        for unit in self._db.execute("SELECT DISTINCT realm, unit FROM revisions").fetchall():
            found += self._db.execute(
                f"{of_all} IS NOT NULL AND realm = ? AND unit = ?"
                " ORDER BY json_extract(body, '$.told_revision') DESC LIMIT ?",
                (*unit, most_ended),
            ).fetchall()
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

    def put_certificates(self, unit: UnitKey, certificates: Sequence[bytes]) -> None:
        """The certificates (DER) that this car's signatures are checked with, oldest first."""
        self._db.execute("DELETE FROM certificates WHERE realm = ? AND unit = ?", unit)
        rows = [(*unit, number, one) for number, one in enumerate(certificates)]
        self._db.executemany("INSERT INTO certificates VALUES (?, ?, ?, ?)", rows)

    def certificates(self) -> list[tuple[UnitKey, bytes]]:
        """All cars' certificates, each car's oldest first."""
        rows = self._db.execute("SELECT realm, unit, body FROM certificates ORDER BY realm, unit, number")
        return [((realm, unit), body) for realm, unit, body in rows]

    def advance_revision(self, unit: UnitKey) -> int:
        """What this car is told has changed: its new revision."""
        advanced: Any = self._db.execute(
            "INSERT INTO revisions (realm, unit, revision) VALUES (?, ?, 1)"
            " ON CONFLICT (realm, unit) DO UPDATE SET revision = revision + 1 RETURNING revision",
            unit,
        ).get
        return int(advanced)

    def confirm(self, unit: UnitKey, revision: int) -> Mapping[UnitKey, int]:
        """The car shows what it was told in this revision; the alarm that is proved by that, and when it came."""
        self._db.execute(
            "UPDATE revisions SET confirmed = max(confirmed, ?) WHERE realm = ? AND unit = ?", (revision, *unit)
        )
        return proofs.confirmed(self._db, unit, revision)

    def answer(self, unit: UnitKey, revision: int, alarm_ms: int) -> None:
        """This revision tells the car how an alarm that came then was answered."""
        proofs.answered(self._db, unit, revision, alarm_ms)

    def proved(self) -> dict[UnitKey, int]:
        """When each car's newest alarm came that went all the way and back."""
        return proofs.proved(self._db)

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
