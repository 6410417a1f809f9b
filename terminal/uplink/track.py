"""Track points as the outbox keeps them, one a row, and as the line carries them, many a message. Pure."""

import logging
from collections.abc import Sequence

import msgspec

from terminal.contract.messages import Point, TrackBatch, Who, encode
from terminal.uplink.outbox import Row

log = logging.getLogger(__name__)

MOST_POINTS = 24
MOST_BYTES = 1308
"""One TCP segment of 1400 bytes without the longest topic (84) and MQTT's head (8); a point takes 40 to 55 bytes."""

ARRAY_BYTES = 2
"""What the head of an array takes more when it is long (MessagePack, array 16)."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Who, Point]).decode


def row_body(who: Who, point: Point) -> bytes:
    """What the outbox keeps of a point: everything but its place."""
    return _encode((who, point))


def batch(outbox: str, rows: Sequence[Row], *, late: bool) -> tuple[bytes, int]:
    """The first rows as one message, and how many it holds: those of one sender, as many as are allowed and fit.

    It ends before a row that cannot be read; with such a row first it holds none.
    """
    points: list[Point] = []
    sender: Who | None = None
    left = MOST_BYTES
    for row in rows[:MOST_POINTS]:
        try:
            who, point = _decode(row.body)
        except msgspec.DecodeError as error:
            if not points:
                log.error("outbox: point %d cannot be read and is left out: %s", row.seq, error)  # noqa: TRY400
            break
        point = msgspec.structs.replace(point, seq=row.seq)
        if sender is None:
            left -= len(encode(TrackBatch(outbox=outbox, who=who, points=(), late=late))) + ARRAY_BYTES
        left -= len(_encode(point))
        if points and (who != sender or left < 0):
            break
        sender = who
        points.append(point)
    if sender is None:
        return b"", 0
    return encode(TrackBatch(outbox=outbox, who=sender, points=tuple(points), late=late)), len(points)
