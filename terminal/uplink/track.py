"""Track points as the outbox keeps them, one a row, and as the line carries them, many a message. Pure."""

import logging
from collections.abc import Sequence

import msgspec

from terminal.contract.messages import Point, TrackBatch, Who, encode
from terminal.uplink.outbox import Row

log = logging.getLogger(__name__)

MOST_POINTS = 24
"""A point is 40 to 50 bytes: so many, with their frame and the sender, stay under 1300 bytes, one TCP segment."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Who, Point]).decode


def row_body(who: Who, point: Point) -> bytes:
    """What the outbox keeps of a point: everything but its place."""
    return _encode((who, point))


def batch(outbox: str, rows: Sequence[Row], *, late: bool) -> tuple[bytes, int]:
    """The first rows as one message, and how many it holds: those of one sender, at most `MOST_POINTS`.

    It ends before a row that cannot be read; with such a row first it holds none.
    """
    points: list[Point] = []
    sender: Who | None = None
    for row in rows[:MOST_POINTS]:
        try:
            who, point = _decode(row.body)
        except msgspec.DecodeError as error:
            if not points:
                log.error("outbox: point %d cannot be read and is left out: %s", row.seq, error)  # noqa: TRY400
            break
        if sender is not None and who != sender:
            break
        sender = who
        points.append(msgspec.structs.replace(point, seq=row.seq))
    if sender is None:
        return b"", 0
    return encode(TrackBatch(outbox=outbox, who=sender, points=tuple(points), late=late)), len(points)
