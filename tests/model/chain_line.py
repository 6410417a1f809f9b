"""Brokers and the car's line to them, message by message, in virtual time: each does what a test tells it to."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hq.incidents import press_of
from terminal.contract import topics
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import decode_alarm
from terminal.contract.mqtt import Broker, Connection, Listener, Lost, Publication
from tests.model.virtual_time import VirtualLoop

REALM, UNIT = "LJ", "LJ-101"
HOSTS = ("first", "second")
"""In order of preference, at both ends."""
ANSWERS_REMEMBERED = 8

T = TypeVar("T")


class Way(Generic[T]):
    """One direction: what is handed over arrives in its order, if the other end is there and the way is not `held`."""

    def __init__(
        self, loop: VirtualLoop, takes_s: float, is_there: Callable[[], bool], arrives: Callable[[T], None]
    ) -> None:
        self._loop = loop
        self._takes_s = takes_s
        self._is_there = is_there
        self._arrives = arrives
        self.held = False
        self.under_way: deque[T] = deque()

    def hand(self, what: T) -> None:
        """Take it from one end."""
        self.under_way.append(what)
        self._loop.call_later(self._takes_s, self.flow)

    def flow(self) -> None:
        """All that may arrive does."""
        while self.under_way and not self.held and self._is_there():
            self.one(0, "arrives")

    def one(self, index: int, fate: str) -> None:
        """One of them, whatever is held, "arrives", "comes again" later too, or "is lost"."""
        what = self.under_way[index]
        if fate != "comes again":
            del self.under_way[index]
        if fate != "is lost" and self._is_there():
            self._arrives(what)


class SimBroker:
    """One broker. It keeps what it has for either side, but nothing for a headquarters that never came to it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.runs = True
        self.knows_hq = False
        self.car: SimConnection | None = None
        self.hq: SimConnection | None = None
        self.up: Way[Publication] = Way(loop, 0.02, lambda: self.hq is not None, self._to_hq)
        self.down: Way[Publication] = Way(loop, 0.02, lambda: self.car is not None, self._to_car)
        self.presses_taken: set[str] = set()
        self.answers: deque[Publication] = deque(maxlen=ANSWERS_REMEMBERED)

    def attach(self, connection: "SimConnection") -> None:
        """A CONNECT; raises Lost where nobody answers."""
        if not self.runs:
            raise Lost("simulated: no broker", proof=Proof.NO_BROKER)
        if connection.is_car:
            self.car = connection
        else:
            self.hq, self.knows_hq = connection, True
        self._loop.call_soon(self.flow)

    def handed(self, connection: "SimConnection", mid: int, publication: Publication) -> None:
        """A PUBLISH of either side: the broker acknowledges it, which says nothing of what becomes of it."""
        self._loop.call_later(0.01, self._acknowledge, connection, mid, publication)
        if not connection.is_car:
            self.down.hand(publication)
        elif self.knows_hq:
            self.up.hand(publication)

    def _acknowledge(self, connection: "SimConnection", mid: int, publication: Publication) -> None:
        if not connection.closed.done():
            if connection.is_car and is_alarm(publication):
                self.presses_taken.add(press_of(decode_alarm(publication.payload).id))
            connection.hear().acknowledged(mid, "")

    def _to_hq(self, publication: Publication) -> None:
        if self.hq is not None:
            self.hq.hear().message(publication.topic, publication.payload)

    def _to_car(self, publication: Publication) -> None:
        if is_answer(publication) and publication not in self.answers:
            self.answers.append(publication)
        if self.car is not None:
            self.car.hear().message(publication.topic, publication.payload)

    def answer_again(self, number: int) -> None:
        """One of the last answers that arrived comes again, however old it is by now."""
        if self.car is not None and self.answers:
            self._to_car(self.answers[number % len(self.answers)])

    def flow(self) -> None:
        """Everything arrives, unless it is held."""
        self.up.flow()
        self.down.flow()

    def end(self, *, wiped: bool) -> None:
        """Both lines are gone; if it is wiped, so is all that it had."""
        if wiped:
            self.up.under_way.clear()
            self.down.under_way.clear()
            self.knows_hq = False
        for connection in (self.car, self.hq):
            if connection is not None:
                connection.abort("the broker has ended")


class Network:
    """The brokers, which know nothing of one another, and the one line that the car has to all of them."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.car_up = True
        self.brokers = {host: SimBroker(loop) for host in HOSTS}

    @property
    def every(self) -> tuple[SimBroker, ...]:
        """The brokers, in order of preference."""
        return tuple(self.brokers.values())

    @property
    def held(self) -> bool:
        """Whether what is handed over stays where it is until the test lets it go, in any order, again, or never."""
        return self.every[0].up.held

    @held.setter
    def held(self, held: bool) -> None:
        for broker in self.every:
            broker.up.held = broker.down.held = held

    def flow(self) -> None:
        """Everything arrives, unless it is held."""
        for broker in self.every:
            broker.flow()

    def presses_taken(self) -> set[str]:
        """The presses that a broker has told the car it took."""
        return {press for broker in self.every for press in broker.presses_taken}

    def going_up(self, *, alarms_only: bool = False) -> list[tuple[Way[Publication], int]]:
        """All that is under way to headquarters, each by its way and its place there."""
        ways = [broker.up for broker in self.every]
        return [(way, at) for way in ways for at, one in enumerate(way.under_way) if is_alarm(one) or not alarms_only]

    def coming_down(self) -> list[tuple[Way[Publication], int]]:
        """All that is under way to the car."""
        return [(way, at) for way in (broker.down for broker in self.every) for at in range(len(way.under_way))]

    def cut(self) -> None:
        """The car has no line; what was under way may arrive all the same."""
        self.car_up = False
        self.car_ends("the line is gone")

    def car_ends(self, why: str) -> None:
        """The car's connection is gone."""
        for broker in self.every:
            if broker.car is not None:
                broker.car.abort(why)

    def hq_ends(self) -> None:
        """Headquarters' connection is gone."""
        for broker in self.every:
            if broker.hq is not None:
                broker.hq.abort("headquarters has ended")


class SimConnection(Connection):
    """The line of one side to one broker."""

    def __init__(self, network: Network, client_id: str, broker: Broker, listener: Listener, **_settings: Any) -> None:
        self._network = network
        self._on = network.brokers[broker.host]
        self.is_car = client_id == UNIT
        self.listener = listener
        self.closed = asyncio.get_running_loop().create_future()
        self.proof = Proof.NOTHING
        self.heard_s = asyncio.get_running_loop().time()
        self._mid = 0

    def hear(self) -> Listener:
        """Its listener, since the broker has something for it."""
        self.heard_s = asyncio.get_running_loop().time()
        return self.listener

    async def open(self) -> None:
        """CONNECT and CONNACK."""
        await asyncio.sleep(0.01)
        if self.is_car and not self._network.car_up:
            raise Lost("simulated: no line")
        self._on.attach(self)

    async def subscribe(self, topic: str, *, timeout_s: float = 10.0) -> None:
        """SUBSCRIBE and SUBACK."""
        await asyncio.sleep(0.01)
        if self.closed.done():
            raise Lost("simulated: the line is gone")

    def publish(self, publication: Publication) -> int:
        """PUBLISH; raises Lost."""
        if self.closed.done():
            raise Lost("simulated: the line is gone")
        self._mid += 1
        self._on.handed(self, self._mid, publication)
        return self._mid

    async def close(self) -> None:
        """DISCONNECT."""
        self.abort("closed")

    def abort(self, reason: str, proof: Proof = Proof.NOTHING) -> None:
        """The line is gone."""
        if not self.closed.done():
            self.proof = proof
            self.closed.set_result(reason)
        if self._on.car is self:
            self._on.car = None
        if self._on.hq is self:
            self._on.hq = None


def is_alarm(publication: Publication) -> bool:
    """Whether it is of the alarm lane."""
    return publication.topic == topics.up(REALM, UNIT, topics.Lane.ALARM)


def is_answer(publication: Publication) -> bool:
    """Whether it says what the car is to show."""
    return publication.topic == topics.down(REALM, UNIT, topics.STATE)
