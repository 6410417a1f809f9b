"""Publications of cars, and a store to put them in."""

from pathlib import Path
from typing import Any
from uuid import UUID

from hq import arrivals, taking
from hq.arrivals import Publication
from hq.moment import Moment
from hq.store import Store
from hq.taking import Taken
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    AlarmRaised,
    DutyChanged,
    Place,
    Point,
    Position,
    TrackBatch,
    Who,
    encode,
)
from terminal.contract.topics import Lane, UpTopic

REALM, UNIT, OUTBOX = "LJ", "LJ-101", "0198c0de-0000-7000-8000-000000000001"
NOW_MS = 1_800_000_000_000
NOW = Moment("boot", 1_000_000, NOW_MS)
LJUBLJANA = Position(lat_deg=46.0569, lon_deg=14.5058, utc_ms=NOW_MS)


def store_at(folder: Path) -> Store:
    return Store.open(folder / "hq.db")


def published(lane: Lane, message: Any, unit: str = UNIT) -> Publication:
    return arrivals.read(UpTopic(REALM, unit, lane), encode(message))


def place(lane: Lane, seq: int, outbox: str = OUTBOX) -> Place:
    return Place(outbox, lane, seq)


def duty(seq: int | None = None, status: str = "available", unit: str = UNIT, outbox: str = OUTBOX) -> Publication:
    where = None if seq is None else place(Lane.EVENT, seq, outbox)
    return published(Lane.EVENT, DutyChanged(id=new_id(), who=Who(unit=unit), status=status, place=where), unit)


def raised(incident: str | None = None, unit: str = UNIT, **fields: Any) -> Publication:
    fields = {"id": new_id(), "who": Who(unit=unit), "position": LJUBLJANA} | fields
    return published(Lane.ALARM, AlarmRaised(incident=incident or new_incident(), **fields), unit)


def track(*seqs: int, unit: str = UNIT, outbox: str = OUTBOX, late: bool = False) -> Publication:
    points = tuple(
        Point(seq, UUID(new_id()).bytes, NOW_MS + seq, 460_569_000 + seq, 145_058_000, 1000, 9000) for seq in seqs
    )
    return published(Lane.TRACK, TrackBatch(outbox, Who(unit=unit), points, late), unit)


def take(store: Store, *batch: Publication) -> Taken:
    return taking.take(store, batch, [], NOW)
