"""In which incident each press is: where it was told first, whatever its car, that forgot it in a crash, says later."""

from typing import Any, NamedTuple

import apsw

from hq.marks import Mark

SCHEMA = """
CREATE TABLE presses (realm TEXT NOT NULL, unit TEXT NOT NULL, press TEXT NOT NULL, mark TEXT NOT NULL,
    incident TEXT NOT NULL, PRIMARY KEY (realm, unit, press, mark)) WITHOUT ROWID;
"""
"""A press is the tail (hex) of its message's id; what is signed less well says nothing of where another one is."""

OF_INCIDENTS = """
INSERT OR IGNORE INTO presses SELECT realm, unit, press.value,
    ifnull(json_extract(CAST(body AS TEXT), '$.signature'), 'unchecked'), incident
    FROM incidents, json_each(CAST(body AS TEXT), '$.presses') AS press;
"""
"""Those of a store that had no such table."""


class Press(NamedTuple):
    """One press of one car, by the signature of what tells of it."""

    realm: str
    unit: str
    tail: str
    mark: Mark


def settled(db: apsw.Connection, press: Press, incident: str) -> bool:
    """Whether the press is news, and is in this incident from now on."""
    db.execute("INSERT OR IGNORE INTO presses VALUES (?, ?, ?, ?, ?)", (*press, incident))
    return db.changes() > 0


def home(db: apsw.Connection, press: Press) -> str | None:
    """The incident in which the press is; None if it never came."""
    found: Any = db.execute(
        "SELECT incident FROM presses WHERE realm = ? AND unit = ? AND press = ? AND mark = ?", press
    ).get
    return None if found is None else str(found)
