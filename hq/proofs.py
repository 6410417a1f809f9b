"""When each car's alarm chain was last proved: an alarm was stored, answered, and the car confirmed the answer."""

from collections.abc import Mapping
from typing import Any

import apsw

from hq.units import Key

SCHEMA = """
CREATE TABLE proofs (realm TEXT NOT NULL, unit TEXT NOT NULL, awaited INTEGER, alarm_ms INTEGER NOT NULL,
    proved_ms INTEGER, PRIMARY KEY (realm, unit)) WITHOUT ROWID;
"""
"""`awaited` is the revision of what the car is told with which it would prove the alarm of `alarm_ms`."""


def answered(db: apsw.Connection, unit: Key, revision: int, alarm_ms: int) -> None:
    """An alarm that came then was answered, and the car is told so in this revision."""
    db.execute(
        "INSERT INTO proofs (realm, unit, awaited, alarm_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (realm, unit) DO UPDATE SET awaited = excluded.awaited, alarm_ms = excluded.alarm_ms",
        (*unit, revision, alarm_ms),
    )


def confirmed(db: apsw.Connection, unit: Key, revision: int) -> Mapping[Key, int]:
    """The car shows this revision: the time of the alarm that is proved by that, if there is one."""
    found: Any = db.execute(
        "UPDATE proofs SET proved_ms = alarm_ms, awaited = NULL"
        " WHERE realm = ? AND unit = ? AND awaited <= ? RETURNING proved_ms",
        (*unit, revision),
    ).get
    return {} if found is None else {unit: int(found)}


def proved(db: apsw.Connection) -> dict[Key, int]:
    """The time of each car's newest alarm that went all the way and back, Unix milliseconds."""
    found: Any = db.execute("SELECT realm, unit, proved_ms FROM proofs WHERE proved_ms IS NOT NULL").fetchall()
    return {(realm, unit): proved_ms for realm, unit, proved_ms in found}
