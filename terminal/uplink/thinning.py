"""What the outbox gives up when it is full: receipted messages, the oldest track, the oldest events; an alarm never."""

from collections.abc import Callable, Sequence

import apsw

from terminal.contract.topics import Lane

BLOCK = 500
"""So many of the oldest messages go at once, so that one account of them stands for many."""

GIVEN_UP = (Lane.TRACK, Lane.EVENT)
"""The lanes that may be thinned, in this order."""

Ranges = tuple[tuple[int, int], ...]


def used_bytes(db: apsw.Connection) -> int:
    """The database's size without the pages that are free to be used again."""
    pages = int(db.pragma("page_count")) - int(db.pragma("freelist_count"))
    return pages * int(db.pragma("page_size"))


def thin(db: apsw.Connection, most_bytes: int, number_of: Callable[[Lane], int]) -> dict[Lane, Ranges]:
    """Delete by the rule until the database is within its bound; the places given up, which had no receipt."""
    if used_bytes(db) <= most_bytes:
        return {}
    db.execute("DELETE FROM messages WHERE receipted_s IS NOT NULL AND lane != ?", (number_of(Lane.ALARM),))
    return {lane: dropped for lane in GIVEN_UP if (dropped := _drop_blocks(db, most_bytes, number_of(lane)))}


def _drop_blocks(db: apsw.Connection, most_bytes: int, lane: int) -> Ranges:
    seqs: list[int] = []
    while used_bytes(db) > most_bytes and (block := _drop_oldest(db, lane)):
        seqs += block
    return runs(seqs)


def _drop_oldest(db: apsw.Connection, lane: int) -> list[int]:
    # An account of what was given up must itself arrive.
    oldest = db.execute(
        "SELECT seq FROM messages WHERE lane = ? AND id NOT IN (SELECT id FROM accounts) ORDER BY seq LIMIT ?",
        (lane, BLOCK),
    )
    seqs = [int(seq) for (seq,) in oldest]
    db.executemany("DELETE FROM messages WHERE lane = ? AND seq = ?", [(lane, seq) for seq in seqs])
    return seqs


def runs(seqs: Sequence[int]) -> Ranges:
    """Ascending places as runs, first and last of each."""
    found: list[tuple[int, int]] = []
    for seq in seqs:
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return tuple(found)
