"""Whenever the power goes, and whatever of the unsynced reached the card: what was confirmed is there, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.contract.durable import DiskFailed
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import StoredRange
from terminal.contract.topics import Lane
from terminal.uplink import outbox as module
from terminal.uplink.outbox import Entry, Limits, Outbox
from tests.system.power_cut import cut

LIMITS = Limits(most_bytes=50_000_000)
NEVER = 1 << 60
LANES = [Lane.ALARM, Lane.EVENT, Lane.TRACK]
ENTRIES = [Entry(new_id(), LANES[number % 3], b"body" * 200) for number in range(9)]
"""More than a page each, so that a commit is several writes."""


def work(path: Path, vfs: str) -> Iterator[str]:
    """Commit alarms, events and points; halfway two receipts come."""
    try:
        outbox = Outbox.open(path, LIMITS, vfs=vfs)
    except DiskFailed:
        return
    try:
        for number, entry in enumerate(ENTRIES):
            outbox.commit([entry], {"emergency": entry.id.encode()})
            yield entry.id
            if number == 5:
                settle(outbox, Lane.EVENT)
                outbox.forget_receipts("first")
    except DiskFailed:
        return
    finally:
        outbox.close()


def settle(outbox: Outbox, lane: Lane) -> None:
    rows = outbox.pending(lane)
    if rows:
        digest = digest_of_ids([row.id for row in rows])
        outbox.settle(lane, [StoredRange(rows[0].seq, rows[-1].seq, digest)])


def held(outbox: Outbox) -> list[str]:
    """Every id, receipted or not: after a new epoch all of them are owed."""
    outbox.forget_receipts("before")
    outbox.forget_receipts(new_id())
    return [row.id for lane in Lane for row in outbox.pending(lane, limit=1000)]


def check(path: Path, confirmed: set[str]) -> None:
    outbox = Outbox.open(path, LIMITS)
    assert outbox.problem == ""
    state = outbox.load_state()
    there = held(outbox)
    assert confirmed <= set(there)
    assert len(there) == len(set(there))
    stored = [entry.id for entry in ENTRIES if entry.id in there]
    assert stored == [entry.id for entry in ENTRIES[: len(stored)]], "commits are kept in order, without a hole"
    assert state == (stored[-1].encode() if stored else None), "an entry and its state are one transaction"
    seqs = outbox.commit(ENTRIES)
    assert seqs == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert sorted(held(outbox)) == sorted(entry.id for entry in ENTRIES)
    outbox.close()


def cut_everywhere(folder: Path, seeds: int) -> None:
    _, confirmed, operations = cut(work, folder / "whole", NEVER)
    assert len(confirmed) == len(ENTRIES)
    assert operations > 100
    for at in range(1, operations + 1):
        for seed in range(seeds):
            path, confirmed, _ = cut(work, folder / f"{at}-{seed}", at, seed)
            check(path, confirmed)


@pytest.mark.promise("P-DISK-03")
def test_the_outbox_survives_a_power_cut_at_every_operation(tmp_path: Path) -> None:
    cut_everywhere(tmp_path, 1)


@pytest.mark.promise("P-DISK-03")
@pytest.mark.long
def test_the_outbox_survives_many_power_cuts_at_every_operation(tmp_path: Path) -> None:
    cut_everywhere(tmp_path, 20)


@pytest.mark.promise("P-DISK-03")
def test_a_confirmed_commit_without_its_sync_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.durable.DURABLE, "synchronous", 1)
    with pytest.raises(AssertionError):
        cut_everywhere(tmp_path, 2)
