"""Orders and rosters on disk; part of the store, and of its transactions."""

from typing import Any

import apsw
import msgspec

from hq.orders import Order
from hq.units import Key
from terminal.contract.work import MOST_OFFICERS, Officer

SCHEMA = """
CREATE TABLE orders (realm TEXT NOT NULL, unit TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (realm, unit, id)) WITHOUT ROWID;
CREATE TABLE officers (realm TEXT NOT NULL, badge TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (realm, badge)) WITHOUT ROWID;
"""

NEWEST = 200
"""Of a car's orders so many are looked at; ids are UUIDs of version 7 and so in the order of their time."""


def put(db: apsw.Connection, order: Order) -> None:
    """The order as it is now."""
    values = (order.realm, order.unit, order.id, msgspec.json.encode(order))
    db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)", values)


def get(db: apsw.Connection, key: Key, order_id: str) -> Order | None:
    """The order of this car, as it was last."""
    body: Any = db.execute("SELECT body FROM orders WHERE realm = ? AND unit = ? AND id = ?", (*key, order_id)).get
    return None if body is None else msgspec.json.decode(body, type=Order)


def of_car(db: apsw.Connection, key: Key) -> list[Order]:
    """A car's newest orders, oldest first."""
    found: list[Any] = db.execute(
        "SELECT body FROM orders WHERE realm = ? AND unit = ? ORDER BY id DESC LIMIT ?", (*key, NEWEST)
    ).fetchall()
    return [msgspec.json.decode(body, type=Order) for (body,) in reversed(found)]


def newest(db: apsw.Connection) -> list[Order]:
    """All cars' newest orders, oldest first."""
    found: list[Any] = db.execute("SELECT body FROM orders ORDER BY id DESC LIMIT ?", (NEWEST,)).fetchall()
    return [msgspec.json.decode(body, type=Order) for (body,) in reversed(found)]


def find(db: apsw.Connection, beginning: str) -> list[Order]:
    """The orders whose id begins so; two at most, which is one too many."""
    found: list[Any] = db.execute(
        "SELECT body FROM orders WHERE substr(id, 1, ?) = ? LIMIT 2", (len(beginning), beginning)
    ).fetchall()
    return [msgspec.json.decode(body, type=Order) for (body,) in found]


def put_officer(db: apsw.Connection, realm: str, officer: Officer) -> None:
    """An officer of a realm."""
    db.execute("INSERT OR REPLACE INTO officers VALUES (?, ?, ?)", (realm, officer.badge, msgspec.json.encode(officer)))


def drop_officer(db: apsw.Connection, realm: str, badge: str) -> None:
    """No officer of this realm any more."""
    db.execute("DELETE FROM officers WHERE realm = ? AND badge = ?", (realm, badge))


def officers(db: apsw.Connection, realm: str) -> tuple[Officer, ...]:
    """Who may be crew in this realm."""
    found: Any = db.execute("SELECT body FROM officers WHERE realm = ? ORDER BY badge LIMIT ?", (realm, MOST_OFFICERS))
    return tuple(msgspec.json.decode(body, type=Officer) for (body,) in found)
