"""What the outbox promises: a place for each message, and that only a true receipt takes one out."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import pytest

from terminal.contract.durable import DiskFailed
from terminal.contract.identity import digest_of_ids, new_id
from terminal.contract.messages import StateConfirmed, StoredRange, Thinned, Who, decode_event, encode
from terminal.contract.topics import Lane
from terminal.uplink.outbox import CHECKPOINT_PAGES, PAGE_BYTES, PURGE_EVERY, Entry, Limits, Outbox, Row
from tests.system.faulty_disk import faulty

WHO = Who(unit="LJ-101")
ROOMY = Limits(most_bytes=10_000_000)
NEVER = 1 << 60
NO_DATABASE = b"no database at all" * 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "car" / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox.open(path, ROOMY)
    yield opened
    opened.close()


def entry(lane: Lane = Lane.EVENT, body: bytes = b"{}") -> Entry:
    return Entry(new_id(), lane, body)


def entries(count: int, lane: Lane = Lane.EVENT, size: int = 2) -> list[Entry]:
    return [entry(lane, b"x" * size) for _ in range(count)]


def receipt(rows: list[Row]) -> StoredRange:
    return StoredRange(rows[0].seq, rows[-1].seq, digest_of_ids([row.id for row in rows]))


def ids(rows: list[Row]) -> list[str]:
    return [row.id for row in rows]


def counted_anew(outbox: Outbox) -> dict[Lane, int]:
    return {lane: len(outbox.pending(lane, limit=1_000_000)) for lane in Lane}


def test_each_lane_has_its_own_places_from_one(outbox: Outbox) -> None:
    assert outbox.commit([entry(Lane.ALARM), entry(Lane.EVENT), entry(Lane.EVENT)]) == [1, 1, 2]
    assert outbox.counts() == {Lane.ALARM: 1, Lane.EVENT: 2, Lane.TRACK: 0}


def test_what_waits_is_counted_after_reopening_and_after_a_commit_that_failed(path: Path) -> None:
    with closing(Outbox.open(path, ROOMY)) as outbox:
        outbox.commit(entries(2, Lane.TRACK))
        outbox.commit([entry(Lane.ALARM)])
        with pytest.raises(ValueError, match="badly formed"):
            outbox.commit([entry(Lane.TRACK), Entry("no id", Lane.TRACK, b"")])
        assert outbox.counts() == {Lane.ALARM: 1, Lane.EVENT: 0, Lane.TRACK: 2}
    with closing(Outbox.open(path, ROOMY)) as outbox:
        assert outbox.counts() == {Lane.ALARM: 1, Lane.EVENT: 0, Lane.TRACK: 2}


def test_what_waits_is_counted_whatever_becomes_of_it(outbox: Outbox) -> None:
    assert outbox.forget_receipts("first") == 0
    outbox.commit([entry(Lane.ALARM), entry(), *entries(3, Lane.TRACK)])
    alarm_receipt = [receipt(outbox.pending(Lane.ALARM))]
    for happened in (
        lambda: outbox.settle(Lane.TRACK, [receipt(outbox.pending(Lane.TRACK)[:2])]),
        lambda: outbox.settle(Lane.ALARM, alarm_receipt),
        lambda: outbox.settle(Lane.ALARM, alarm_receipt),
        lambda: outbox.settle(Lane.EVENT, [receipt(outbox.pending(Lane.EVENT))]),
        lambda: outbox.forget_receipts("second"),
        lambda: outbox.settle(Lane.ALARM, alarm_receipt),
        outbox.renew_identity,
    ):
        happened()
        assert outbox.counts() == counted_anew(outbox)


def confirmed() -> Entry:
    message = StateConfirmed(id=new_id(), who=WHO, revision=7, epoch="E")
    return Entry(message.id, Lane.EVENT, encode(message))


@pytest.mark.promise("P-KIND-05")
def test_what_the_crew_sees_waiting_is_moved_by_no_alarm_and_by_nothing_that_confirms_one(path: Path) -> None:
    with closing(Outbox.open(path, ROOMY)) as outbox:
        outbox.forget_receipts("first")
        outbox.commit([entry(), *entries(2, Lane.TRACK)])
        assert outbox.shown_pending() == 3
        outbox.commit([entry(Lane.ALARM), confirmed(), confirmed()])
        assert outbox.shown_pending() == 3
        outbox.settle(Lane.EVENT, [receipt(outbox.pending(Lane.EVENT)[1:2])])
        assert (outbox.shown_pending(), outbox.counts()[Lane.EVENT]) == (3, 2)
    with closing(Outbox.open(path, ROOMY)) as outbox:
        assert outbox.shown_pending() == 3
        outbox.forget_receipts("second")
        assert (outbox.shown_pending(), outbox.counts()[Lane.EVENT]) == (3, 3)
        outbox.settle(Lane.EVENT, [receipt(outbox.pending(Lane.EVENT))])
        assert outbox.shown_pending() == 2


def test_an_entry_committed_again_keeps_its_one_place(outbox: Outbox) -> None:
    one = entry()
    assert outbox.commit([one]) == outbox.commit([one]) == [1]
    assert outbox.commit([entry()]) == [2]


def test_what_was_committed_is_there_after_reopening(outbox: Outbox, path: Path) -> None:
    one, born = entry(Lane.ALARM, b"help"), outbox.id
    outbox.commit([one], {"emergency": b"pressed"})
    outbox.close()
    again = Outbox.open(path, ROOMY)
    assert (again.id, again.problem, again.load_state()) == (born, "", b"pressed")
    assert again.pending(Lane.ALARM) == [Row(1, one.id, Lane.ALARM, b"help")]
    again.close()


def test_states_are_kept_by_name_and_the_last_one_counts(outbox: Outbox) -> None:
    outbox.commit([], {"duty": b"1"})
    outbox.commit([], {"duty": b"2"})
    assert (outbox.load_state("duty"), outbox.load_state()) == (b"2", None)


def test_pending_goes_on_after_a_place(outbox: Outbox) -> None:
    made = entries(5)
    outbox.commit(made)
    assert ids(outbox.pending(Lane.EVENT, after=2, limit=2)) == [one.id for one in made[2:4]]


@pytest.mark.promise("P-RECEIPT-02")
@pytest.mark.parametrize("lane", list(Lane))
def test_a_receipt_takes_out_what_it_names_and_no_more(outbox: Outbox, lane: Lane) -> None:
    outbox.commit(entries(5, lane))
    rows = outbox.pending(lane)
    assert outbox.settle(lane, [receipt(rows[1:3])]) == ids(rows[1:3])
    assert outbox.pending(lane) == [rows[0], *rows[3:]]
    assert outbox.settle(lane, [receipt(rows[1:3])]) == []


@pytest.mark.promise("P-RECEIPT-05")
def test_a_receipt_for_other_messages_at_these_places_settles_nothing(outbox: Outbox) -> None:
    outbox.commit(entries(3))
    foreign = StoredRange(1, 3, digest_of_ids([new_id() for _ in range(3)]))
    assert outbox.settle(Lane.EVENT, [foreign]) == []
    assert outbox.counts()[Lane.EVENT] == 3


@pytest.mark.promise("P-RECEIPT-05")
@pytest.mark.parametrize(("first", "last"), [(0, 2), (1, 9), (-5, 3), (3, 1), (1, 1 << 70), (1 << 70, 1 << 70)])
def test_a_receipt_for_places_that_are_not_there_settles_nothing(outbox: Outbox, first: int, last: int) -> None:
    outbox.commit(entries(3))
    rows = outbox.pending(Lane.EVENT)
    assert outbox.settle(Lane.EVENT, [StoredRange(first, last, digest_of_ids(ids(rows)))]) == []
    assert outbox.counts()[Lane.EVENT] == 3


def test_what_is_left_of_a_partly_settled_batch_settles_when_it_is_sent_again(outbox: Outbox) -> None:
    outbox.commit(entries(5, Lane.TRACK))
    rows = outbox.pending(Lane.TRACK)
    outbox.settle(Lane.TRACK, [receipt(rows[:3])])
    outbox.settle(Lane.TRACK, [receipt(rows)])
    left = outbox.pending(Lane.TRACK)
    assert outbox.settle(Lane.TRACK, [receipt(left)]) == ids(rows[3:])
    assert outbox.counts()[Lane.TRACK] == 0


def test_places_are_not_given_again_after_a_receipt(outbox: Outbox, path: Path) -> None:
    outbox.commit(entries(3, Lane.TRACK))
    outbox.settle(Lane.TRACK, [receipt(outbox.pending(Lane.TRACK))])
    outbox.close()
    again = Outbox.open(path, ROOMY)
    assert again.commit([entry(Lane.TRACK)]) == [4]
    again.close()


@pytest.mark.promise("P-RECEIPT-07")
def test_another_epoch_brings_back_what_is_still_held(outbox: Outbox) -> None:
    outbox.commit([entry(Lane.ALARM), entry(), entry(Lane.TRACK)])
    assert outbox.forget_receipts("first") == 0
    for lane in Lane:
        outbox.settle(lane, [receipt(outbox.pending(lane))])
    assert outbox.forget_receipts("first") == 0
    assert outbox.forget_receipts("second") == 2
    assert outbox.counts() == {Lane.ALARM: 1, Lane.EVENT: 1, Lane.TRACK: 0}


def test_what_has_its_receipt_is_known_until_another_epoch(outbox: Outbox) -> None:
    outbox.commit(entries(2, Lane.ALARM))
    rows = outbox.pending(Lane.ALARM)
    outbox.forget_receipts("a")
    outbox.settle(Lane.ALARM, [receipt(rows[:1])], "a")
    assert outbox.receipted(Lane.ALARM) == ids(rows[:1])
    outbox.forget_receipts("b")
    assert outbox.receipted(Lane.ALARM) == []


@pytest.mark.promise("P-RECEIPT-07")
def test_a_late_receipt_of_an_epoch_that_is_over_neither_settles_nor_brings_it_back(outbox: Outbox) -> None:
    outbox.commit([entry()])
    late = receipt(outbox.pending(Lane.EVENT))
    for epoch in ("first", "second", "first"):
        outbox.forget_receipts(epoch)
    assert outbox.epoch == "second"
    assert outbox.settle(Lane.EVENT, [late], "first") == []
    assert outbox.settle(Lane.EVENT, [late], "second") != []


def test_receipts_are_kept_as_long_as_was_said_and_no_longer(path: Path) -> None:
    for keep_s, held in ((3600.0, 1), (-10.0, 0)):
        outbox = Outbox.open(path, Limits(most_bytes=10_000_000, keep_receipted_s=keep_s))
        outbox.commit([entry()])
        outbox.settle(Lane.EVENT, [receipt(outbox.pending(Lane.EVENT))])
        assert outbox.forget_receipts("first" if held else "second") == 0
        assert outbox.forget_receipts(f"after {keep_s}") == held
        outbox.close()
        path.unlink()


def test_a_renewed_outbox_numbers_all_that_it_holds_from_one_and_owes_it(outbox: Outbox) -> None:
    for lane in (Lane.EVENT, Lane.TRACK):
        outbox.commit(entries(5, lane))
        rows = outbox.pending(lane)
        outbox.settle(lane, [receipt(rows[1:3])])
    before, events, points = outbox.id, 5, outbox.pending(Lane.TRACK)
    assert outbox.renew_identity() == outbox.id != before
    assert [row.seq for row in outbox.pending(Lane.EVENT)] == list(range(1, events + 1))
    assert [(row.seq, row.id) for row in outbox.pending(Lane.TRACK)] == list(enumerate(ids(points), 1))
    assert outbox.commit([entry(), entry(Lane.TRACK)]) == [6, 4]


def test_what_was_given_up_is_told_of_the_outbox_that_it_was_in(path: Path) -> None:
    outbox = Outbox.open(path, Limits(most_bytes=100_000))
    before = outbox.id
    outbox.commit(entries(700, Lane.TRACK, size=200))
    outbox.renew_identity()
    (told,) = outbox.pending(Lane.EVENT)
    message = decode_event(told.body)
    assert isinstance(message, Thinned)
    assert (told.seq, message.outbox, message.dropped[0][0]) == (1, before, 1)
    assert before != outbox.id
    outbox.close()


@pytest.mark.promise("P-DISK-11")
def test_a_full_outbox_gives_up_the_oldest_track_and_says_which(path: Path) -> None:
    outbox = Outbox.open(path, Limits(most_bytes=200_000))
    outbox.commit([entry(Lane.ALARM)])
    for _ in range(40):
        outbox.commit(entries(50, Lane.TRACK, size=100))
    told = [decode_event(row.body) for row in outbox.pending(Lane.EVENT)]
    dropped = [runs for message in told if isinstance(message, Thinned) for runs in message.dropped]
    left = [row.seq for row in outbox.pending(Lane.TRACK, limit=5000)]
    assert sorted([seq for first, last in dropped for seq in range(first, last + 1)] + left) == list(range(1, 2001))
    assert min(left) > max(last for _, last in dropped)
    assert outbox.counts()[Lane.ALARM] == 1
    assert path.stat().st_size < 400_000
    outbox.close()


@pytest.mark.promise("P-DISK-08", "P-DISK-11")
def test_an_alarm_does_not_wait_for_what_must_go_for_its_sake(path: Path) -> None:
    outbox = Outbox.open(path, Limits(most_bytes=200_000))
    outbox.commit(entries(1000, Lane.TRACK, size=100))
    before = outbox.counts()[Lane.TRACK]
    outbox.commit(entries(100, Lane.ALARM, size=1000))
    assert outbox.counts()[Lane.TRACK] == before
    outbox.commit([entry(Lane.EVENT)])
    assert outbox.counts()[Lane.TRACK] < before
    assert outbox.counts()[Lane.ALARM] == 100
    outbox.close()


@pytest.mark.promise("P-DISK-11")
def test_events_go_after_the_track_but_neither_alarms_nor_accounts_of_what_went(path: Path) -> None:
    outbox = Outbox.open(path, Limits(most_bytes=100_000))
    outbox.commit(entries(50, Lane.ALARM, size=1000))
    outbox.commit(entries(20, Lane.TRACK, size=1000))
    for _ in range(20):
        outbox.commit(entries(20, Lane.EVENT, size=1000))
    counts = outbox.counts()
    assert counts == counted_anew(outbox)
    assert (counts[Lane.ALARM], counts[Lane.TRACK]) == (50, 0)
    told = [msgspec.json.decode(row.body) for row in outbox.pending(Lane.EVENT, limit=999) if row.body[:1] == b"{"]
    assert {message["lane"] for message in told} == {"track", "event"}
    places = [seq for message in told for first, last in message["dropped"] for seq in range(first, last + 1)]
    assert len(places) == len(set(places)) + 20, "20 places of each lane have the same numbers"
    outbox.close()


@pytest.mark.promise("P-DISK-07")
def test_a_damaged_outbox_is_kept_beside_and_a_new_one_begun(path: Path) -> None:
    path.parent.mkdir()
    for number in (1, 2):
        path.write_bytes(b"no database" * 500)
        outbox = Outbox.open(path, ROOMY)
        assert f"corrupt-{number}" in outbox.problem
        assert outbox.commit([entry()]) == [1]
        outbox.close()
        assert (path.parent / f"outbox.db.corrupt-{number}").read_bytes().startswith(b"no database")


@pytest.mark.promise("P-DISK-07")
def test_damage_inside_a_page_is_found_on_opening(outbox: Outbox, path: Path) -> None:
    outbox.commit(entries(500, size=100))
    outbox.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(4096))
    again = Outbox.open(path, ROOMY)
    assert "was damaged" in again.problem
    again.close()


def test_a_second_core_is_told_who_holds_the_outbox(outbox: Outbox, path: Path) -> None:
    with pytest.raises(DiskFailed, match=rf"outbox\.db: process {os.getpid()} \(.+\) holds it; stop the other one"):
        Outbox.open(path, ROOMY)
    outbox.commit([entry()])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskFailed, match="file"):
        Outbox.open(tmp_path / "file" / "outbox.db", ROOMY)


@pytest.mark.promise("P-DISK-06")
def test_space_is_reserved_beside_the_outbox(path: Path) -> None:
    outbox = Outbox.open(path, Limits(most_bytes=10_000_000, reserve_bytes=100_000))
    assert path.with_name("outbox.db.reserve").stat().st_size == 100_000
    outbox.close()


@pytest.mark.promise("P-RECEIPT-06")
def test_what_is_owed_is_kept_count_of_through_everything(path: Path) -> None:
    outbox = Outbox.open(path, Limits(most_bytes=100_000))

    def counted() -> dict[Lane, int]:
        return {lane: len(outbox.pending(lane, limit=10_000)) for lane in Lane}

    def check() -> None:
        assert outbox.counts() == counted()

    check()
    for round_number in range(4):
        made = [entry(lane, b"x" * 80) for lane in Lane for _ in range(200)]
        outbox.commit(made)
        check()
        outbox.commit(made[:3])
        check()
        for lane in Lane:
            rows = outbox.pending(lane, limit=40)
            if len(rows) == 40:
                outbox.settle(lane, [receipt(rows[:30]), receipt(rows[:30]), receipt(rows[35:])])
            check()
        outbox.forget_receipts(f"epoch {round_number}")
        check()
        usual = outbox._db.limit(apsw.SQLITE_LIMIT_LENGTH, 5000)
        with pytest.raises(DiskFailed):
            outbox.commit([entry(), entry()], {"emergency": b"x" * 6000})
        outbox._db.limit(apsw.SQLITE_LIMIT_LENGTH, usual)
        check()
    outbox.renew_identity()
    check()
    outbox.close()


def test_a_reserve_that_a_killed_process_left_unfinished_is_taken_anew(path: Path) -> None:
    path.parent.mkdir()
    reserve = path.with_name("outbox.db.reserve")
    reserve.touch()
    Outbox.open(path, Limits(most_bytes=10_000_000, reserve_bytes=100_000)).close()
    assert reserve.stat().st_size == 100_000


def test_a_database_of_another_program_is_named_and_not_touched(path: Path) -> None:
    path.parent.mkdir()
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE recipes (name)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(DiskFailed, match="is a database of another program; move it away"):
        Outbox.open(path, ROOMY)
    assert path.read_bytes() == before


@pytest.mark.promise("P-TIME-02")
def test_what_is_kept_after_its_receipt_is_timed_by_operation_over_restarts(path: Path) -> None:
    limits = Limits(most_bytes=10_000_000, keep_receipted_s=100)
    with closing(Outbox.open(path, limits)) as outbox:
        outbox.commit([entry()])
        outbox.settle(Lane.EVENT, [receipt(outbox.pending(Lane.EVENT))])
        outbox._opened_s -= 90
        settle_enough_to_purge(outbox)
        assert outbox.forget_receipts("a") == 0
    with closing(Outbox.open(path, limits)) as outbox:
        assert held(outbox) == 1, "ninety seconds of a hundred"
        outbox._opened_s -= 20
        settle_enough_to_purge(outbox)
        assert held(outbox) == 0


def settle_enough_to_purge(outbox: Outbox) -> None:
    outbox.commit(entries(PURGE_EVERY, Lane.TRACK))
    outbox.settle(Lane.TRACK, [receipt(outbox.pending(Lane.TRACK, limit=PURGE_EVERY))])


def held(outbox: Outbox) -> int:
    """Events that have a receipt and are still here."""
    return int(outbox._db.execute("SELECT count(*) FROM messages WHERE receipted_s IS NOT NULL").get)


def test_no_commit_waits_while_a_long_log_is_taken_into_the_database(outbox: Outbox, path: Path) -> None:
    log, begun = path.with_name(path.name + "-wal"), path.stat().st_size
    for _ in range(4):
        outbox.commit(entries(CHECKPOINT_PAGES // 2, size=PAGE_BYTES))
    assert log.stat().st_size > CHECKPOINT_PAGES * PAGE_BYTES
    assert path.stat().st_size == begun
    outbox.tidy()
    assert path.stat().st_size > CHECKPOINT_PAGES * PAGE_BYTES
    kept = log.stat().st_size
    outbox.commit([entry(Lane.ALARM)])
    assert log.stat().st_size == kept


def problem_of(path: Path, vfs: str | None = None) -> str:
    with closing(Outbox.open(path, ROOMY, vfs=vfs)) as outbox:
        return outbox.problem


@pytest.mark.promise("P-DISK-07")
def test_damage_is_told_of_whenever_a_new_outbox_can_at_last_be_begun(tmp_path: Path) -> None:
    counting = faulty(NEVER, apsw.FullError, for_good=False)
    Outbox.open(tmp_path / "count.db", ROOMY, vfs=counting.name).close()
    counting.unregister()
    assert counting.operations > 10
    for fails_at in range(1, counting.operations + 1):
        path = tmp_path / f"{fails_at}.db"
        path.write_bytes(NO_DATABASE)
        disk = faulty(fails_at, apsw.FullError, for_good=True)
        try:
            told = problem_of(path, disk.name)
        except DiskFailed:
            told = problem_of(path)
        disk.unregister()
        assert "was damaged" in told, fails_at
        assert path.with_name(f"{path.name}.corrupt-1").read_bytes() == NO_DATABASE
        assert problem_of(path) == ""
