"""What a car's publication holds, as messages to store; whatever cannot be stored is refused here. Pure."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from hq import orders
from hq.marks import Mark, Weighed, unweighed
from hq.routes import Back
from terminal.contract.identity import identity_of
from terminal.contract.messages import (
    Alarm,
    AlarmMoved,
    AlarmRaised,
    Event,
    JobAnswered,
    Malformed,
    Place,
    Point,
    Position,
    TextRead,
    Thinned,
    TrackBatch,
    Who,
    decode_alarm,
    decode_event,
    decode_track,
)
from terminal.contract.topics import MQTT, Lane, UpTopic

Weigh = Callable[[UpTopic, bytes], Weighed]
Told = TypeVar("Told", Alarm, Event)

MOST_INTEGER = 2**62
"""SQLite keeps integers of 64 bits with a sign (sqlite.org/datatype3.html); so there is room to count on."""
MOST_LAT_E7 = 900_000_000
MOST_LON_E7 = 1_800_000_000
NOT_ON_EARTH = "expected a latitude within 90 and a longitude within 180 degrees"
LONGEST_NAME = 64
"""Of an outbox; ours are UUIDs of 36 characters."""


class Account(NamedTuple):
    """One outbox of one car, as the broker vouches for the car."""

    realm: str
    unit: str
    outbox: str


Key = tuple[str, str, Lane, str]
"""(realm, unit, lane, the id that it is kept under)."""


class Arrival(Struct, frozen=True, kw_only=True):
    """One message of one car, as it arrived; a track point carries its `point`.

    Under `kept_as` it does not stand where the message that it may only pretend to be belongs; "" is its own id. One
    that is not `credible` claims no place, and nobody is told that it is here.
    """

    realm: str
    unit: str
    lane: Lane
    id: str
    place: Place | None
    who: Who
    body: bytes = b""
    point: Point | None = None
    late: bool = False
    kept_as: str = ""
    credible: bool = True
    bearer: str = MQTT

    @property
    def key(self) -> "Key":
        """What it is known by: the id that one car gave it on one lane says nothing of another's."""
        return (self.realm, self.unit, self.lane, self.kept_as or self.id)

    @property
    def account(self) -> Account | None:
        """Where its place is; None while it has none."""
        return None if self.place is None or not self.credible else Account(self.realm, self.unit, self.place.outbox)


class Publication(Struct, frozen=True):
    """One publication of one car: what is to be stored of it, and the message itself where it has a meaning here.

    `back` is where it is answered, beside what goes down by the brokers.
    """

    realm: str
    unit: str
    lane: Lane
    arrivals: tuple[Arrival, ...]
    message: Alarm | Event | None = None
    mark: Mark = Mark.UNCHECKED
    credible: bool = True
    bearer: str = MQTT
    back: Back | None = None


def read(topic: UpTopic, payload: bytes, weigh: Weigh = unweighed) -> Publication:
    """What a publication on a lane holds, and what its signature says of it; raises Malformed."""
    try:
        lane = Lane(topic.what)
        if lane is Lane.TRACK:
            return Publication(topic.realm, topic.unit, lane, _points(topic, decode_track(payload)))
        if lane is Lane.EVENT:
            event = _on_earth(decode_event(payload))
            return Publication(topic.realm, topic.unit, lane, _arrivals(topic, lane, event, payload), event)
        weighed = weigh(topic, payload)
        alarm = _on_earth(decode_alarm(weighed.body))
        arrivals = tuple(
            replace(one, kept_as=_kept_as(one.id, weighed), credible=weighed.credible)
            for one in _arrivals(topic, lane, alarm, payload)
        )
        return Publication(topic.realm, topic.unit, lane, arrivals, alarm, weighed.mark, weighed.credible)
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed(str(error)) from error


def _kept_as(message_id: str, weighed: Weighed) -> str:
    """Its own id for what its car has signed; what says the same with less proof is each time kept beside it."""
    if weighed.mark in (Mark.VERIFIED, Mark.UNCHECKED):
        return message_id
    return identity_of(f"{message_id}/{weighed.mark}".encode() if weighed.credible else weighed.body)


def _on_earth(message: Told) -> Told:
    """The message without the places in it that are none: an alarm counts wherever its car believes to be."""
    position = getattr(message, "position", None)
    if isinstance(position, Position) and not _is_on_earth(position.lat_deg, position.lon_deg):
        if isinstance(message, AlarmMoved):
            raise Malformed(NOT_ON_EARTH)
        message = replace(message, position=None)
    if isinstance(message, AlarmRaised):
        way = tuple(point for point in message.track if _is_on_earth(*point[1:]))
        return message if way == message.track else replace(message, track=way)
    return message


def _is_on_earth(lat_deg: float, lon_deg: float) -> bool:
    return abs(lat_deg) <= 90 and abs(lon_deg) <= 180


def _arrivals(topic: UpTopic, lane: Lane, message: Alarm | Event, payload: bytes) -> tuple[Arrival, ...]:
    message_id = str(UUID(message.id))
    if lane is Lane.ALARM:
        _check_incident(getattr(message, "incident", ""))
    if isinstance(message, Thinned):
        _check_given_up(message)
    if isinstance(message, JobAnswered | TextRead):
        orders.order_id(message)
    if isinstance(message, AlarmMoved):
        return ()
    if message.place is not None:
        _check_place(message.place, lane)
    arrival = Arrival(
        realm=topic.realm,
        unit=topic.unit,
        lane=lane,
        id=message_id,
        place=message.place,
        who=message.who,
        body=payload,
    )
    return (arrival,)


def _points(topic: UpTopic, track: TrackBatch) -> tuple[Arrival, ...]:
    return tuple(
        Arrival(
            realm=topic.realm,
            unit=topic.unit,
            lane=Lane.TRACK,
            id=str(UUID(bytes=point.id)),
            place=_check_place(Place(track.outbox, Lane.TRACK, point.seq), Lane.TRACK),
            who=track.who,
            point=_check_point(point),
            late=track.late,
        )
        for point in track.points
    )


def _check_incident(incident: str) -> None:
    if str(UUID(incident)) != incident:
        raise Malformed("expected an incident id as a lower-case UUID")


def _check_place(place: Place, lane: Lane) -> Place:
    if place.lane is not lane or not 1 <= place.seq <= MOST_INTEGER or len(place.outbox) > LONGEST_NAME:
        raise Malformed(f"expected a place in lane {lane}, from 1 on, of an outbox of {LONGEST_NAME} characters")
    return place


def _check_given_up(message: Thinned) -> None:
    if not all(1 <= first <= last <= MOST_INTEGER for first, last in message.dropped):
        raise Malformed("expected runs of places, each from its first to its last")
    if len(message.outbox) > LONGEST_NAME:
        raise Malformed(f"expected an outbox of {LONGEST_NAME} characters")


def _check_point(point: Point) -> Point:
    if abs(point.lat_e7) > MOST_LAT_E7 or abs(point.lon_e7) > MOST_LON_E7:
        raise Malformed(NOT_ON_EARTH)
    numbers = (point.utc_ms, point.speed_cmps, point.track_cdeg, point.flags)
    if any(number is not None and abs(number) > MOST_INTEGER for number in numbers):
        raise Malformed("expected numbers of 64 bits")
    return point
