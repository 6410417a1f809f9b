"""What cannot be stored is refused when it is read, with the reason, whoever sent it."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hq import arrivals
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    AlarmRaised,
    DutyChanged,
    Malformed,
    Place,
    Point,
    Thinned,
    TrackBatch,
    Who,
    encode,
)
from terminal.contract.topics import Lane, UpTopic
from tests.unit.hq_scene import NOW_MS, REALM, UNIT, raised, store_at, take, track

WHO = Who(unit=UNIT)


def read(lane: str, message: Any) -> arrivals.Publication:
    payload = message if isinstance(message, bytes) else encode(message)
    return arrivals.read(UpTopic(REALM, UNIT, lane), payload)


def at(lane: Lane, seq: int, outbox: str = "o") -> DutyChanged:
    return DutyChanged(id=new_id(), who=WHO, status="available", place=Place(outbox, lane, seq))


def batch(point: Point) -> TrackBatch:
    return TrackBatch("o", WHO, (point,))


GOOD = Point(1, UUID(new_id()).bytes, NOW_MS, 460_000_000, 140_000_000, 100, 200)
BAD: dict[str, tuple[str, Any]] = {
    "no JSON": (Lane.EVENT, b"\xff\x00"),
    "another lane's message": (Lane.EVENT, AlarmRaised(id=new_id(), who=WHO, incident=new_incident())),
    "an unknown lane": ("lane", at(Lane.EVENT, 1)),
    "an id that is none": (Lane.EVENT, DutyChanged(id="1", who=WHO, status="x")),
    "an incident that is no id": (Lane.ALARM, AlarmRaised(id=new_id(), who=WHO, incident="../../etc")),
    "an incident in capitals": (Lane.ALARM, AlarmRaised(id=new_id(), who=WHO, incident=new_incident().upper())),
    "a place in another lane": (Lane.EVENT, at(Lane.TRACK, 1)),
    "place 0": (Lane.EVENT, at(Lane.EVENT, 0)),
    "a place beyond all counting": (Lane.EVENT, at(Lane.EVENT, 2**63)),
    "an outbox with a long name": (Lane.EVENT, at(Lane.EVENT, 1, "o" * 65)),
    "a run that ends before it begins": (
        Lane.EVENT,
        Thinned(id=new_id(), who=WHO, lane=Lane.TRACK, dropped=((3, 2),), place=Place("o", Lane.EVENT, 1)),
    ),
    "a point beyond the pole": (Lane.TRACK, batch(msgspec.structs.replace(GOOD, lat_e7=900_000_001))),
    "a point beyond the date line": (Lane.TRACK, batch(msgspec.structs.replace(GOOD, lon_e7=-1_800_000_001))),
    "a point of a year beyond counting": (Lane.TRACK, batch(msgspec.structs.replace(GOOD, utc_ms=2**63))),
    "a point whose id has 15 bytes": (Lane.TRACK, batch(msgspec.structs.replace(GOOD, id=b"x" * 15))),
    "a batch that is cut off": (Lane.TRACK, encode(batch(GOOD))[:-3]),
}


@pytest.mark.parametrize(("lane", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_stored_is_refused(lane: str, message: Any) -> None:
    with pytest.raises(Malformed) as refused:
        read(lane, message)
    assert str(refused.value)


def test_what_can_be_stored_is_read_whole() -> None:
    assert len(read(Lane.TRACK, batch(GOOD)).arrivals) == 1
    assert track(1, 2).arrivals[1].point is not None
    assert raised().message is not None


def test_a_field_of_a_later_version_is_no_reason_to_refuse() -> None:
    told = msgspec.json.decode(encode(at(Lane.EVENT, 1))) | {"weather": "fog"}
    assert read(Lane.EVENT, msgspec.json.encode(told)).message is not None


@pytest.mark.promise("P-HQ-08")
@given(st.sampled_from(list(Lane)), st.binary(max_size=200))
def test_noise_is_refused_and_never_breaks_the_reader(lane: Lane, noise: bytes) -> None:
    try:
        read(lane, noise)
    except Malformed:
        return


integers = st.integers(-(2**70), 2**70)
points = st.builds(
    Point, integers, st.binary(min_size=16, max_size=16), integers | st.none(), integers, integers, integers, integers
)


@given(points)
def test_whatever_is_read_can_be_stored(tmp_path_factory: pytest.TempPathFactory, point: Point) -> None:
    try:
        publication = read(Lane.TRACK, msgspec.msgpack.encode(TrackBatch("o", WHO, (point,))))
    except (Malformed, OverflowError):
        return
    store = store_at(tmp_path_factory.mktemp("store"))
    take(store, publication)
    assert store.count()["points"] == 1
    store.close()
