"""Track points on disk and on the line, and that what matters fits one TCP segment."""

from uuid import UUID

import msgspec
import pytest

from terminal.contract import topics
from terminal.contract.identity import new_id
from terminal.contract.messages import (
    Point,
    Who,
    decode_track,
)
from terminal.contract.topics import Lane
from terminal.contract.work import MOST_CREW
from terminal.uplink import track
from terminal.uplink.outbox import Row

SEGMENT_BYTES = 1400
"""1500 of Ethernet without IPv6 and TCP with its options (72), and a TLS 1.3 record's frame (22)."""
PUBLISH_BYTES = 1 + 2 + 2 + 2 + 1
"""Fixed header, topic length, packet identifier, no properties (MQTT 5, section 3.3)."""

PLAIN = Who(unit="LJ-101", call_sign="Ljubljana 101", vehicle="V1", crew=("1234", "5678"))
LONGEST = Who(unit="W" * 32, call_sign="Љ" * 32, vehicle="Ђ" * 32, crew=("9" * 12,) * MOST_CREW)
"""As long as unit.toml lets it be."""


def on_wire(lane: Lane, payload: bytes) -> int:
    return PUBLISH_BYTES + len(topics.up("R" * 32, "W" * 32, lane)) + len(payload)


def point(**fields: object) -> Point:
    known: dict[str, object] = {"lat_e7": 460_500_000, "lon_e7": 145_000_000, "speed_cmps": 1389, "track_cdeg": 9000}
    return Point(**({"seq": 0, "id": UUID(new_id()).bytes, "utc_ms": 1_780_000_000_000} | known | fields))  # type: ignore[arg-type]


def rows(points: list[Point], who: Who = PLAIN, first: int = 1) -> list[Row]:
    return [
        Row(seq, str(UUID(bytes=one.id)), Lane.TRACK, track.row_body(who, one)) for seq, one in enumerate(points, first)
    ]


def test_a_batch_carries_the_points_with_their_places() -> None:
    points = [point(flags=flags) for flags in range(5)]
    payload, count = track.batch("outbox-1", rows(points, first=7), late=True)
    batch = decode_track(payload)
    assert (count, batch.outbox, batch.who, batch.late) == (5, "outbox-1", PLAIN, True)
    assert batch.points == tuple(msgspec.structs.replace(one, seq=seq) for seq, one in enumerate(points, 7))


def test_a_batch_is_of_one_sender() -> None:
    """The crew changed between two points: each is told with those who were there then."""
    other = msgspec.structs.replace(PLAIN, crew=("9999",))
    mixed = rows([point()] * 2) + rows([point()] * 3, other, first=3)
    assert track.batch("o", mixed, late=False)[1] == 2
    assert decode_track(track.batch("o", mixed[2:], late=False)[0]).who == other


def test_a_batch_holds_at_most_so_many_points() -> None:
    assert track.batch("o", rows([point()] * 100), late=False)[1] == track.MOST_POINTS


def test_a_row_that_cannot_be_read_ends_a_batch_and_never_begins_one(caplog: pytest.LogCaptureFixture) -> None:
    good = rows([point()] * 3)
    bad = Row(2, new_id(), Lane.TRACK, b"\xc1")
    assert track.batch("o", [good[0], bad, good[2]], late=False)[1] == 1
    assert not caplog.records
    assert track.batch("o", [bad, good[2]], late=False) == (b"", 0)
    assert "point 2 cannot be read" in caplog.text


@pytest.mark.promise("P-SEND-03")
@pytest.mark.parametrize("who", [PLAIN, LONGEST])
def test_the_biggest_batch_fits_one_segment(who: Who) -> None:
    extreme = point(
        utc_ms=2**43, lat_e7=-900_000_000, lon_e7=-1_800_000_000, speed_cmps=70_000, track_cdeg=35_999, flags=255
    )
    payload, count = track.batch(new_id(), rows([extreme] * track.MOST_POINTS, who, first=2**40), late=True)
    assert on_wire(Lane.TRACK, payload) <= SEGMENT_BYTES
    assert len(payload) > track.MOST_BYTES - 60, "and it is filled"
    assert count > track.MOST_POINTS // 2


def test_a_usual_batch_is_full() -> None:
    payload, count = track.batch(new_id(), rows([point()] * track.MOST_POINTS, first=100_000), late=False)
    assert count == track.MOST_POINTS
    assert on_wire(Lane.TRACK, payload) <= SEGMENT_BYTES
