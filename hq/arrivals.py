"""What a car's publication holds, as messages to store, and the receipts that answer them. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from hq.store import Arrival
from terminal.contract.identity import digest_of_ids
from terminal.contract.messages import (
    Alarm,
    AlarmMoved,
    Event,
    Place,
    Receipt,
    StoredRange,
    decode_alarm,
    decode_event,
    decode_track,
)
from terminal.contract.topics import Lane, UpTopic


class Publication(Struct, frozen=True):
    """One publication of one car: what is to be stored of it, and the message itself where it has a meaning here."""

    realm: str
    unit: str
    lane: Lane
    arrivals: tuple[Arrival, ...]
    message: Alarm | Event | None = None


def read(topic: UpTopic, payload: bytes) -> Publication:
    """What a publication on a lane holds; raises Malformed, or ValueError for an id that is none."""
    lane = Lane(topic.what)
    if lane is Lane.TRACK:
        return Publication(topic.realm, topic.unit, lane, _points(topic, payload))
    message: Alarm | Event = decode_alarm(payload) if lane is Lane.ALARM else decode_event(payload)
    UUID(message.id)
    if isinstance(message, AlarmMoved):
        return Publication(topic.realm, topic.unit, lane, (), message)
    arrival = Arrival(realm=topic.realm, unit=topic.unit, lane=lane, id=message.id, place=message.place, body=payload)
    return Publication(topic.realm, topic.unit, lane, (arrival,), message)


def _points(topic: UpTopic, payload: bytes) -> tuple[Arrival, ...]:
    track = decode_track(payload)
    return tuple(
        Arrival(
            realm=topic.realm,
            unit=topic.unit,
            lane=Lane.TRACK,
            id=str(UUID(bytes=point.id)),
            place=Place(track.outbox, Lane.TRACK, point.seq),
            point=point,
            late=track.late,
        )
        for point in track.points
    )


Account = tuple[str, str, str, Lane]
"""(realm, unit, outbox, lane)."""


def receipts(epoch: str, stored: Iterable[Arrival], clashes: frozenset[str]) -> list[tuple[str, str, Receipt]]:
    """The receipts for what has been stored, as (realm, unit, receipt); alarms by their ids too."""
    places: dict[Account, dict[int, str]] = defaultdict(dict)
    alarms: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in stored:
        if one.place is not None:
            places[one.realm, one.unit, one.place.outbox, one.lane][one.place.seq] = one.id
        if one.lane is Lane.ALARM:
            alarms[one.realm, one.unit].append(one.id)
    found = [
        (realm, unit, _receipt(epoch, outbox, lane, ids, clash=outbox in clashes))
        for (realm, unit, outbox, lane), ids in places.items()
    ]
    by_id = [(realm, unit, Receipt(epoch=epoch, ids=tuple(ids))) for (realm, unit), ids in alarms.items()]
    return by_id + found


def _receipt(epoch: str, outbox: str, lane: Lane, ids: dict[int, str], *, clash: bool) -> Receipt:
    return Receipt(epoch=epoch, outbox=outbox, lane=lane, stored=() if clash else _ranges(ids), clash=clash)


def _ranges(ids: dict[int, str]) -> tuple[StoredRange, ...]:
    runs: list[list[int]] = []
    for seq in sorted(ids):
        if runs and runs[-1][-1] == seq - 1:
            runs[-1].append(seq)
        else:
            runs.append([seq])
    return tuple(StoredRange(run[0], run[-1], digest_of_ids([ids[seq] for seq in run])) for run in runs)
