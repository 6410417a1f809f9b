"""The audit log: who saw and did what, and that no entry of it can be changed, lost, added or moved unseen."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hq import acts, audit, incidents, noting, taking, verify
from hq.audit import BEGINNING, Broken, Entry, What
from hq.store import Store
from hq.taking import Taken
from terminal.contract.durable import DiskFailed
from terminal.contract.identity import new_id
from terminal.contract.messages import AlarmCancelled, AlarmMoved, AlarmSignalled, Who
from terminal.contract.topics import Lane
from tests.unit.hq_scene import LJUBLJANA, NOW_MS, UNIT, duty, published, raised, store_at, take, track

BY, OTHER = "Dispatcher 7", "Dispatcher 8"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = store_at(tmp_path)
    yield opened
    opened.close()


def log_of(store: Store) -> list[audit.Fact]:
    return [entry.fact for entry in audit.walk(audit.entries(store._db))]


def key_of(taken: Taken) -> incidents.Key:
    return next(iter(taken.incidents))


def act(store: Store, key: incidents.Key, step: Callable[[incidents.Incident], incidents.Incident]) -> None:
    taking.act(store, key, step, NOW_MS)


def take_it(by: str) -> Callable[[incidents.Incident], incidents.Incident]:
    return partial(acts.acknowledged, by=by, now_ms=NOW_MS + 1)


def clear_it(by: str) -> Callable[[incidents.Incident], incidents.Incident]:
    return partial(acts.cleared, by=by, reason="patrol is safe", now_ms=NOW_MS + 2)


def history(store: Store) -> incidents.Key:
    """An alarm from its press to its end and its reopening, with tracks and events around it."""
    alarm = raised()
    taken = take(store, track(1, 2), alarm, duty(1))
    key = key_of(taken)
    taking.note(store, [noting.shown(taken.incidents[key], OTHER, "alarm-raised", NOW_MS)])
    act(store, key, take_it(BY))
    cancelled = AlarmCancelled(id=new_id(), who=Who(unit=UNIT), incident=key[2])
    moved = AlarmMoved(id=new_id(), who=Who(unit=UNIT), incident=key[2], position=LJUBLJANA)
    take(store, published(Lane.ALARM, cancelled), published(Lane.ALARM, moved), alarm)
    act(store, key, clear_it(OTHER))
    again = AlarmSignalled(id=new_id(), who=Who(unit=UNIT), incident=key[2], signal=2)
    take(store, published(Lane.ALARM, again))
    taking.new_epoch(store, NOW_MS)
    return key


def test_who_saw_and_did_what_is_told_once_and_in_order(store: Store) -> None:
    key = history(store)
    facts = log_of(store)
    assert [(fact.what, fact.by) for fact in facts] == [
        (What.LOG_BEGUN, ""),
        (What.ALARM_RAISED, ""),
        (What.ALARM_SHOWN, OTHER),
        (What.ALARM_ACKNOWLEDGED, BY),
        (What.ALARM_CANCELLED, ""),
        (What.ALARM_CLEARED, OTHER),
        (What.ALARM_SIGNALLED, ""),
        (What.ALARM_OPENED_AGAIN, ""),
        (What.STORE_RESTORED, ""),
    ]
    assert {(fact.realm, fact.unit, fact.incident) for fact in facts[1:-1]} == {key}
    assert facts[5].text == "patrol is safe"


def test_an_alarm_is_told_once_however_its_car_repeats_it_and_writes_its_id(store: Store) -> None:
    alarm = raised(id=new_id().upper())
    assert take(store, alarm, alarm).incidents
    take(store, alarm)
    assert [fact.what for fact in log_of(store)] == [What.LOG_BEGUN, What.ALARM_RAISED]


def test_what_was_not_done_is_not_told(store: Store) -> None:
    key = key_of(take(store, raised()))
    act(store, key, take_it(BY))
    before = len(log_of(store))
    act(store, key, take_it(BY.upper()))
    with pytest.raises(incidents.NotPossible):
        act(store, key, take_it(OTHER))
    assert len(log_of(store)) == before


@pytest.mark.promise("P-HQ-05")
def test_a_deed_and_its_entry_are_on_disk_together_or_not_at_all(store: Store) -> None:
    key = key_of(take(store, raised()))
    store._db.execute("CREATE TEMP TRIGGER bad BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(DiskFailed, match="no room"):
        act(store, key, take_it(BY))
    known = store.incident(key)
    assert known is not None
    assert known.acknowledged_by == ""
    with pytest.raises(DiskFailed, match="no room"):
        take(store, raised())
    assert store.count()["messages"] == 1


def test_a_log_goes_on_after_a_restart(store: Store, tmp_path: Path) -> None:
    history(store)
    head = store.audit_head()
    store.close()
    again = store_at(tmp_path)
    assert again.audit_head() == head
    history(again)
    assert verify.verify(tmp_path / "hq.db", 1, head.hash) == 0
    again.close()


def test_a_store_of_the_version_before_gets_a_log(tmp_path: Path) -> None:
    store_at(tmp_path).close()
    older = apsw.Connection(str(tmp_path / "hq.db"))
    for table in ("audit", "certificates", "proofs", "orders", "officers", "presses", "routes"):
        older.execute(f"DROP TABLE {table}")
    older.execute("PRAGMA user_version = 1")
    older.close()
    store = store_at(tmp_path)
    assert [fact.what for fact in log_of(store)] == [What.LOG_BEGUN]
    store.close()


TAMPERING = {
    "changed": (
        "UPDATE audit SET body = CAST(replace(CAST(body AS TEXT), 'Dispatcher 7', 'Dispatcher 9') AS BLOB)",
        "entry 4 does not follow",
    ),
    "deleted": ("DELETE FROM audit WHERE seq = 4", "entry 4 is missing"),
    "deleted and renumbered": (
        "DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4",
        "entry 4 does not follow",
    ),
    "begins later": ("DELETE FROM audit WHERE seq = 1", "entry 1 is missing"),
    "moved": (
        "UPDATE audit SET seq = 100 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5;"
        " UPDATE audit SET seq = 5 WHERE seq = 100",
        "entry 4 does not follow",
    ),
    "inserted": (
        "INSERT INTO audit SELECT seq + 100, body, hash FROM audit WHERE seq > 4;"
        " DELETE FROM audit WHERE seq BETWEEN 5 AND 99; UPDATE audit SET seq = seq - 99 WHERE seq > 100;"
        " INSERT INTO audit SELECT 5, body, hash FROM audit WHERE seq = 4",
        "entry 5 does not follow",
    ),
    "hashed anew without the rest": ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 9", "entry 9 does not follow"),
    "cut off": ("DELETE FROM audit WHERE seq > 6", "head that was kept"),
    "all of it cut off": ("DELETE FROM audit", "there is no entry"),
    "a message changed": ("UPDATE messages SET body = CAST(body || ' ' AS BLOB) WHERE lane = 'alarm'", "was changed"),
    "a message deleted": ("DELETE FROM messages WHERE lane = 'alarm'", "is gone"),
}


@pytest.mark.promise("P-HQ-05")
@pytest.mark.parametrize(("change", "said"), TAMPERING.values(), ids=TAMPERING)
def test_tampering_is_found(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, said: str
) -> None:
    history(store)
    kept = store.audit_head().hash
    path = tmp_path / "hq.db"
    assert verify.verify(path, 1, kept) == 0
    store._db.execute(change)
    assert verify.verify(path, 1, kept) == verify.FOUND_WRONG
    assert said in capsys.readouterr().err


@pytest.mark.promise("P-HQ-05")
def test_who_hashes_a_changed_entry_anew_has_to_write_all_that_follow_and_then_lacks_the_kept_head(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history(store)
    kept, path = store.audit_head().hash, tmp_path / "hq.db"
    entries = list(audit.entries(store._db))
    changed = audit.follower(entries[2].head, entries[3].body.replace(BY.encode(), OTHER.encode()))
    written = [changed]
    for entry in entries[4:]:
        written.append(audit.follower(written[-1].head, entry.body))
    for entry in written:
        store._db.execute("UPDATE audit SET body = ?, hash = ? WHERE seq = ?", (entry.body, entry.hash, entry.seq))
        found = verify.verify(path, 1, None)
        assert found == (0 if entry is written[-1] else verify.FOUND_WRONG)
        assert found == 0 or f"entry {entry.seq + 1} does not follow" in capsys.readouterr().err
    assert verify.verify(path, 1, None) == 0, "the whole is sound in itself"
    assert verify.verify(path, 1, kept) == verify.FOUND_WRONG


@pytest.mark.promise("P-HQ-05")
def test_what_only_a_kept_head_shows_is_said_to_who_has_none(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history(store)
    kept, path = store.audit_head().hash, tmp_path / "hq.db"
    assert verify.verify(path, 1, kept) == 0
    assert "cut off" not in capsys.readouterr().out
    store._db.execute("DELETE FROM audit WHERE seq > 6")
    assert verify.verify(path, 1, None) == 0
    assert "only a head that was kept elsewhere shows" in capsys.readouterr().out
    store._db.execute("DELETE FROM audit")
    assert verify.verify(path, 1, None) == verify.FOUND_WRONG


def test_a_copy_is_walked_without_being_touched_and_from_where_one_wants(store: Store, tmp_path: Path) -> None:
    history(store)
    copy = tmp_path / "copy" / "hq.db"
    copy.parent.mkdir()
    store._db.execute("VACUUM INTO ?", (str(copy),))
    before = copy.read_bytes()
    assert verify.verify(copy, 5, store.audit_head().hash) == 0
    assert verify.verify(copy, 1, bytes(range(32))) == verify.FOUND_WRONG
    assert copy.read_bytes() == before
    other = apsw.Connection(str(copy))
    other.execute("DELETE FROM audit WHERE seq = 2")
    other.close()
    assert verify.verify(copy, 4, None) == 0
    assert verify.verify(copy, 3, None) == verify.FOUND_WRONG


def test_what_is_no_store_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(verify.NotReadable, match=r"none\.db"):
        verify.verify(tmp_path / "none.db", 1, None)
    (tmp_path / "text.db").write_text("no database at all" * 100)
    with pytest.raises(verify.NotReadable, match=r"text\.db"):
        verify.verify(tmp_path / "text.db", 1, None)
    other = apsw.Connection(str(tmp_path / "other.db"))
    other.execute("CREATE TABLE others (x)")
    other.close()
    with pytest.raises(verify.NotReadable, match="no audit log"):
        verify.verify(tmp_path / "other.db", 1, None)


def test_the_log_is_told_as_json_lines_with_the_hashes(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history(store)
    assert verify.show(tmp_path / "hq.db", 8, as_json=True) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert store.audit_head().hash.hex() in last
    assert '"what": "store-restored"' in last


def chain(bodies: list[bytes]) -> list[Entry]:
    entries = [audit.follower(BEGINNING, b"{}")]
    for body in bodies:
        entries.append(audit.follower(entries[-1].head, body))
    return entries


CHAINS = st.lists(st.binary(max_size=20), min_size=1, max_size=8).map(chain)
ENTRIES = st.builds(Entry, st.integers(0, 12), st.binary(max_size=20), st.binary(min_size=32, max_size=32))


@pytest.mark.promise("P-HQ-05")
@given(CHAINS, st.data())
def test_whatever_is_done_to_the_log_is_found_while_its_head_is_known(
    entries: list[Entry], data: st.DataObject
) -> None:
    changed = list(entries)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        hashed_anew = st.builds(audit.follower, st.sampled_from(entries).map(lambda one: one.head), st.binary())
        piece = data.draw(st.lists(st.sampled_from(entries) | ENTRIES | hashed_anew, max_size=3))
        changed[at : at + data.draw(st.integers(0, 3))] = piece
    if data.draw(st.booleans()):
        changed = [Entry(seq, one.body, one.hash) for seq, one in enumerate(changed, 1)]
    try:
        whole = list(audit.walk(changed))
    except Broken:
        assert changed != entries
    else:
        # What was written after the known head is no change of what stood before it.
        assert whole[: len(entries)] == entries or entries[-1] not in whole


def test_a_head_is_read_as_it_is_printed() -> None:
    head = chain([b"a"])[-1].head
    assert verify.head_hash(str(head)) == verify.head_hash(head.hash.hex()) == head.hash
    for wrong in ("", "12:", "zz" * 32, "ab" * 31):
        with pytest.raises(ValueError):
            verify.head_hash(wrong)
