"""The ways back to cars on disk; part of the store, and of its transactions."""

from typing import Any

import apsw

from hq.incidents import Key
from hq.routes import Back, Route, learnt

SCHEMA = """
CREATE TABLE IF NOT EXISTS routes (
    number INTEGER PRIMARY KEY, realm TEXT NOT NULL, unit TEXT NOT NULL, incident TEXT NOT NULL, gateway TEXT NOT NULL,
    address TEXT NOT NULL, named TEXT NOT NULL, tail BLOB NOT NULL, proved INTEGER NOT NULL,
    told INTEGER NOT NULL, UNIQUE (realm, unit, incident, gateway));
"""
"""`named` is what the car calls the incident, `address` the gateway's own word for where it is."""

MOST_ROUTES = 1000
"""The newest; where a car was answered is personal, and kept no longer than it may be needed."""


def learn(db: apsw.Connection, key: Key, back: Back, *, is_new: bool) -> Route:
    """The way back to this incident's car after one more of its capsules."""
    found: Any = db.execute(
        "SELECT gateway, address, named, tail, proved, told FROM routes"
        " WHERE realm = ? AND unit = ? AND incident = ? AND gateway = ?",
        (*key, back.gateway),
    ).fetchone()
    route = learnt(None if found is None else _route(*found), back, is_new=is_new)
    db.execute(
        "INSERT OR REPLACE INTO routes (realm, unit, incident, gateway, address, named, tail, proved, told)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*key, back.gateway, route.back.to, back.incident, back.tail, route.is_proved, route.told),
    )
    db.execute(
        "DELETE FROM routes WHERE number NOT IN (SELECT number FROM routes ORDER BY number DESC LIMIT ?)",
        (MOST_ROUTES,),
    )
    return route


def told(db: apsw.Connection, key: Key, gateway: str, revision: int) -> None:
    """By this gateway the car knows what people did, up to this revision."""
    db.execute(
        "UPDATE routes SET told = max(told, ?) WHERE realm = ? AND unit = ? AND incident = ? AND gateway = ?",
        (revision, *key, gateway),
    )


def every(db: apsw.Connection) -> list[tuple[Key, Route]]:
    """All of them, the newest last."""
    rows: Any = db.execute(
        "SELECT realm, unit, incident, gateway, address, named, tail, proved, told FROM routes ORDER BY number"
    ).fetchall()
    return [((realm, unit, incident), _route(*rest)) for realm, unit, incident, *rest in rows]


def _route(gateway: str, address: str, named: str, tail: bytes, proved: int, told: int) -> Route:
    return Route(Back(gateway, address, named, bytes(tail)), bool(proved), told)
