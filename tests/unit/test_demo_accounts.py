"""The demonstration's account notices what was lost or stored twice, and knows what still waits in the car."""

from pathlib import Path

import apsw
import pytest

from hq.store import Store
from terminal.contract.topics import Lane
from terminal.tools.demo_accounts import Account, compare
from terminal.uplink.outbox import Entry, Limits, Outbox
from tests.unit.hq_scene import duty, store_at, take


@pytest.fixture
def car(tmp_path: Path) -> Path:
    return tmp_path / "car.db"


def committed(car: Path, store: Store, *, arrives: int) -> None:
    """Three events in the car, of which the first so many arrive."""
    outbox = Outbox.open(car, Limits(most_bytes=1_000_000))
    for seq in (1, 2, 3):
        publication = duty(seq, outbox=outbox.id)
        outbox.commit([Entry(publication.arrivals[0].id, Lane.EVENT, b"{}")])
        if seq <= arrives:
            take(store, publication)
    outbox.close()


def account(tmp_path: Path, car: Path, store: Store) -> Account:
    store.close()
    return compare(car, tmp_path / "hq.db")[Lane.EVENT]


def test_what_has_not_arrived_waits_in_the_car(tmp_path: Path, car: Path) -> None:
    store = store_at(tmp_path)
    committed(car, store, arrives=2)
    assert account(tmp_path, car, store) == Account(sent=3, stored=2, waiting=1, lost=0, twice=0)


def test_what_is_neither_here_nor_there_is_lost(tmp_path: Path, car: Path) -> None:
    store = store_at(tmp_path)
    committed(car, store, arrives=1)
    db = apsw.Connection(str(car))
    db.execute("DELETE FROM messages WHERE seq = 3")
    db.close()
    assert account(tmp_path, car, store) == Account(sent=3, stored=1, waiting=1, lost=1, twice=0)


def test_a_place_with_two_messages_is_counted(tmp_path: Path, car: Path) -> None:
    store = store_at(tmp_path)
    committed(car, store, arrives=3)
    outbox = Outbox.open(car, Limits(most_bytes=1_000_000))
    take(store, duty(2, outbox=outbox.id))
    outbox.close()
    assert account(tmp_path, car, store).twice == 1
