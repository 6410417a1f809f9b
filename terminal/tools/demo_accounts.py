"""Was anything lost, was anything stored twice: the car's account on disk held against headquarters' store."""

from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from terminal.contract.topics import Lane


class Account(Struct, frozen=True):
    """One lane: messages that the car committed, those that headquarters has, those that the car still holds."""

    sent: int
    stored: int
    waiting: int
    lost: int
    twice: int


def compare(outbox: Path, store: Path) -> dict[Lane, Account]:
    """Every lane's account; both files must be at rest."""
    if not (outbox.exists() and store.exists()):
        return {}
    car, hq = (apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE) for path in (outbox, store))
    try:
        outbox_id = car.execute("SELECT value FROM facts WHERE name = 'outbox'").get
        return {lane: _account(car, hq, outbox_id, number, lane) for number, lane in enumerate(Lane)}
    finally:
        car.close()
        hq.close()


def _account(car: apsw.Connection, hq: apsw.Connection, outbox_id: Any, number: int, lane: Lane) -> Account:
    committed: Any = car.execute("SELECT next_seq - 1 FROM lanes WHERE lane = ?", (number,)).get
    claims: Any = hq.execute(
        "SELECT seq, id FROM places JOIN accounts ON number = account WHERE outbox = ? AND lane = ?", (outbox_id, lane)
    ).fetchall()
    held: Any = car.execute("SELECT seq FROM messages WHERE lane = ? AND receipted_s IS NULL", (number,)).fetchall()
    stored = {seq for seq, _ in claims}
    waiting = {seq for (seq,) in held} - stored
    return Account(
        sent=int(committed),
        stored=len(stored),
        waiting=len(waiting),
        lost=int(committed) - len(stored | waiting),
        twice=len(claims) - len(stored),
    )
