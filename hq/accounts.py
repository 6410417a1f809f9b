"""Each car's accounts on disk: who claimed which place, and which places are here or given up, as runs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import apsw
from msgspec import Struct

from hq.arrivals import Account, Arrival
from terminal.contract.topics import Lane

SCHEMA = """
CREATE TABLE accounts (
    number INTEGER PRIMARY KEY,
    realm TEXT NOT NULL,
    unit TEXT NOT NULL,
    outbox TEXT NOT NULL,
    clashed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (realm, unit, outbox)
);
CREATE TABLE places (
    account INTEGER NOT NULL,
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (account, lane, seq, id)
) WITHOUT ROWID;
CREATE TABLE runs (
    account INTEGER NOT NULL,
    lane TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (account, lane, first)
) WITHOUT ROWID;
"""
"""A unit's accounts are its own: what another car says, with whichever outbox, touches none of them."""


class Gap(Struct, frozen=True):
    """Places of one account that are neither here nor given up, although later ones are here."""

    realm: str
    unit: str
    outbox: str
    lane: Lane
    first: int
    last: int


def claim(db: apsw.Connection, arrivals: Iterable[Arrival]) -> frozenset[Account]:
    """Note the places of these messages; the accounts that two cards share, since two messages claimed one place."""
    by_account: dict[Account, list[Arrival]] = defaultdict(list)
    for one in arrivals:
        if one.account is not None:
            by_account[one.account].append(one)
    return frozenset(account for account, claimed in by_account.items() if _is_shared(db, account, claimed))


def _is_shared(db: apsw.Connection, account: Account, arrivals: Sequence[Arrival]) -> bool:
    number = _number(db, account)
    seqs: dict[Lane, list[int]] = defaultdict(list)
    clash = False
    for one in arrivals:
        assert one.place is not None
        here = (number, one.lane, one.place.seq, UUID(one.id).bytes)
        other = db.execute("SELECT 1 FROM places WHERE account = ? AND lane = ? AND seq = ? AND id != ?", here).get
        db.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?)", here)
        clash = clash or other is not None
        seqs[one.lane].append(one.place.seq)
    for lane, of_lane in seqs.items():
        for first, last in runs_of(of_lane):
            _cover(db, number, lane, first, last)
    if clash:
        # The car begins another account for all that it still holds; what this one lacks is no gap.
        db.execute("UPDATE accounts SET clashed = 1 WHERE number = ?", (number,))
    return bool(db.execute("SELECT clashed FROM accounts WHERE number = ?", (number,)).get)


def give_up(db: apsw.Connection, account: Account, lane: Lane, ranges: Iterable[tuple[int, int]]) -> None:
    """The car says that it had to give these places up; they are no gap any more."""
    number = _number(db, account)
    for first, last in ranges:
        _cover(db, number, lane, first, last)


def _number(db: apsw.Connection, account: Account) -> int:
    db.execute("INSERT OR IGNORE INTO accounts (realm, unit, outbox) VALUES (?, ?, ?)", account)
    found: Any = db.execute("SELECT number FROM accounts WHERE realm = ? AND unit = ? AND outbox = ?", account).get
    return int(found)


def _cover(db: apsw.Connection, account: int, lane: Lane, first: int, last: int) -> None:
    """These places are accounted for; runs that touch become one."""
    before = db.execute(
        "SELECT first, last FROM runs WHERE account = ? AND lane = ? AND first <= ? ORDER BY first DESC",
        (account, lane, last + 1),
    )
    touching = list(_touching(before, first))
    if touching:
        lowest = touching[-1][0]
        db.execute(
            "DELETE FROM runs WHERE account = ? AND lane = ? AND first BETWEEN ? AND ?",
            (account, lane, lowest, last + 1),
        )
        first, last = min(first, lowest), max(last, *(run[1] for run in touching))
    db.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (account, lane, first, last))


def _touching(before: Iterable[Any], first: int) -> Iterator[tuple[int, int]]:
    for run_first, run_last in before:
        if run_last < first - 1:
            return
        yield run_first, run_last


def runs_of(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """These places as runs, first and last of each."""
    runs: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if runs and runs[-1][1] >= seq - 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    return runs


def gaps(db: apsw.Connection) -> list[Gap]:
    """Every gap of every account; places begin at 1."""
    rows: Sequence[Any] = db.execute(
        "SELECT realm, unit, outbox, lane, before, first FROM"
        " (SELECT account, lane, first, lag(last, 1, 0) OVER (PARTITION BY account, lane ORDER BY first) AS before"
        "  FROM runs) JOIN accounts ON number = account"
        " WHERE first > before + 1 AND NOT clashed ORDER BY realm, unit, number, lane, first"
    ).fetchall()
    return [
        Gap(realm, unit, outbox, Lane(lane), before + 1, first - 1) for realm, unit, outbox, lane, before, first in rows
    ]
