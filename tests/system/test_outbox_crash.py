"""Whatever the disk does at whichever operation: what was committed is there, once, and a retry does no harm."""

from pathlib import Path

import apsw
import pytest
from msgspec import Struct

from hq import arrivals, audit, taking
from hq.arrivals import Publication
from hq.moment import Moment
from hq.store import Store
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import digest_of_ids, new_id, new_incident
from terminal.contract.messages import AlarmRaised, DutyChanged, Place, StoredRange, Who, encode
from terminal.contract.topics import Lane, UpTopic
from terminal.uplink.outbox import Entry, Limits, Outbox
from tests.system.faulty_disk import FaultyDisk, faulty

LIMITS = Limits(most_bytes=50_000_000)
NEVER = 1 << 60
NOW = Moment("boot", 0, 0)
ERRORS = [apsw.IOError, apsw.FullError]


def entries(ids: list[str]) -> list[Entry]:
    lanes = [Lane.ALARM, Lane.EVENT, Lane.TRACK, Lane.TRACK]
    return [Entry(message_id, lanes[number % 4], b"body" * 50) for number, message_id in enumerate(ids)]


def fill(path: Path, ids: list[str], disk: FaultyDisk) -> set[str]:
    """Commit the ids one by one, settle some; the ids whose commit was confirmed."""
    confirmed: set[str] = set()
    try:
        outbox = Outbox.open(path, LIMITS, vfs=disk.name)
    except DiskFailed:
        return confirmed
    for number, entry in enumerate(entries(ids)):
        try:
            outbox.commit([entry], {"emergency": entry.id.encode()})
            confirmed.add(entry.id)
            if number == len(ids) // 2:
                rows = outbox.pending(Lane.EVENT)
                seen = [row.id for row in rows]
                outbox.settle(Lane.EVENT, [StoredRange(rows[0].seq, rows[-1].seq, digest_of_ids(seen))])
        except (DiskFailed, apsw.Error, IndexError):
            continue
    outbox.close()
    return confirmed


def everything(outbox: Outbox) -> list[str]:
    rows = [row.id for lane in Lane for row in outbox.pending(lane, limit=1000)]
    outbox.forget_receipts("first")
    outbox.forget_receipts("second")
    again = [row.id for lane in Lane for row in outbox.pending(lane, limit=1000)]
    assert set(rows) <= set(again)
    return again


def operations(tmp_path: Path, ids: list[str]) -> int:
    disk = faulty(NEVER, apsw.IOError, for_good=False)
    fill(tmp_path / "count.db", ids, disk)
    disk.unregister()
    return disk.operations


@pytest.mark.promise("P-DISK-01", "P-DISK-02")
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("error", ERRORS, ids=["io error", "disk full"])
def test_the_outbox_survives_a_failure_at_every_operation(
    tmp_path: Path, error: type[apsw.Error], for_good: bool
) -> None:
    ids = [new_id() for _ in range(8)]
    total = operations(tmp_path, ids)
    assert total > 30
    for fails_at in range(1, total + 1):
        path = tmp_path / f"{fails_at}.db"
        disk = faulty(fails_at, error, for_good=for_good)
        confirmed = fill(path, ids, disk)
        disk.unregister()
        outbox = Outbox.open(path, LIMITS)
        there = everything(outbox)
        assert outbox.problem == ""
        assert confirmed <= set(there), fails_at
        assert len(there) == len(set(there)), fails_at
        seqs = outbox.commit(entries(ids))
        assert sorted(everything(outbox)) == sorted(ids), fails_at
        assert outbox.commit(entries(ids)) == seqs
        outbox.close()


def publication(number: int, message_id: str) -> Publication:
    """Events, and at the even places alarms."""
    who, lane = Who(unit="LJ-101"), Lane.EVENT if number % 2 else Lane.ALARM
    place = Place("outbox", lane, (number + 1) // 2)
    message: Struct = DutyChanged(id=message_id, who=who, status="available", place=place)
    if lane is Lane.ALARM:
        message = AlarmRaised(id=message_id, who=who, incident=new_incident(), place=place)
    return arrivals.read(UpTopic("LJ", "LJ-101", lane), encode(message))


@pytest.mark.promise("P-RECEIPT-01", "P-RECEIPT-09")
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("error", ERRORS, ids=["io error", "disk full"])
def test_headquarters_store_survives_a_failure_at_every_operation(
    tmp_path: Path, error: type[apsw.Error], for_good: bool
) -> None:
    publications = [publication(number, new_id()) for number in range(1, 7)]

    def store_all(path: Path, disk: FaultyDisk) -> int:
        confirmed = 0
        try:
            store = Store.open(path, vfs=disk.name)
        except DiskFailed:
            return 0
        for one in publications:
            try:
                taking.take(store, [one], [], NOW)
                confirmed += 1
            except DiskFailed:
                continue
        store.close()
        return confirmed

    counting = faulty(NEVER, apsw.IOError, for_good=False)
    store_all(tmp_path / "count.db", counting)
    counting.unregister()
    for fails_at in range(1, counting.operations + 1):
        path = tmp_path / f"{fails_at}.db"
        disk = faulty(fails_at, error, for_good=for_good)
        confirmed = store_all(path, disk)
        disk.unregister()
        store = Store.open(path)
        assert store.problem == ""
        assert store.count()["messages"] >= confirmed, fails_at
        taking.take(store, publications, [], NOW)
        assert store.count()["messages"] == len(publications), fails_at
        assert store.gaps() == []
        told = [entry.fact.message for entry in audit.walk(audit.entries(store._db))]
        assert sorted(told[1:]) == sorted(one.arrivals[0].id for one in publications if one.lane is Lane.ALARM)
        store.close()
