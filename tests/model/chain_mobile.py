"""SMS between the car's modem and headquarters', in virtual time: lost, late, twice, in any order, or refused."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

from hal.errors import SourceMissing, SourceStale
from hal.ports import Messaging, ShortMessage
from hal.readings import AnyReading
from terminal.contract.capsule import AlarmCapsule, AnswerCapsule, ReceiptCapsule, read, split, tail_of
from tests.model.chain_line import Way
from tests.model.virtual_time import VirtualLoop

SMS = "sms"
"""What the bearer is called at both ends."""
TAKES_S = 3.0
MOODS = ("sends", "refuses", "does not say")


class Card:
    """A modem and its card: what came stays in it until it is let go, also when the program beside it ends.

    `mood`: it "sends", it "refuses", or it sends and "does not say" so in time. `came` is all that ever came, `handed`
    what it gave to the network, `taken` what of that it said so.
    """

    def __init__(self, number: str) -> None:
        self.number = number
        self.mood = MOODS[0]
        self.kept: dict[str, ShortMessage] = {}
        self.arrived = asyncio.Event()
        self.came: list[bytes] = []
        self.taken: list[bytes] = []
        self.handed: list[bytes] = []
        self._places = count(1)
        self.out: Way[bytes]

    def take_in(self, capsule: bytes) -> None:
        """One arrives."""
        place = str(next(self._places))
        self.came.append(capsule)
        self.kept[place] = ShortMessage(number=self.number, data=capsule, place=place)
        self.arrived.set()


class Modem(Messaging):
    """What one run of a program has of it; after a crash it is another's."""

    name = "modem"

    def __init__(self, card: Card) -> None:
        self._card = card
        self._told: set[str] = set()

    async def readings(self) -> AsyncIterator[AnyReading]:
        """Nothing is told of the network."""
        await asyncio.get_running_loop().create_future()
        yield  # type: ignore[misc]

    async def send_message(self, number: str, content: bytes | str) -> None:
        """Hand it to the network, which takes it, refuses it or is not heard to have taken it."""
        assert isinstance(content, bytes)
        card = self._card
        await asyncio.sleep(0.05)
        if card.mood == "refuses":
            raise SourceMissing(self.name, "it is not there", "plug it in")
        card.handed.append(content)
        card.out.hand(content)
        if card.mood == "does not say":
            raise SourceStale(self.name, "it did not say whether it was sent", "look at it")
        card.taken.append(content)

    async def next_message(self) -> ShortMessage:
        """The next one that this run has not been given."""
        card = self._card
        while True:
            card.arrived.clear()
            for place, message in card.kept.items():
                if place not in self._told:
                    self._told.add(place)
                    return message
            await card.arrived.wait()

    async def let_go(self, message: ShortMessage) -> None:
        """It is dealt with."""
        self._card.kept.pop(message.place, None)


class Mobile:
    """The network between two cards: `up` to headquarters, `down` to the car."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.car, self.hq = Card("+38640000001"), Card("+38640000002")
        self.up = self.car.out = Way(loop, TAKES_S, lambda: True, self.hq.take_in)
        self.down = self.hq.out = Way(loop, TAKES_S, lambda: True, self.car.take_in)

    @property
    def held(self) -> bool:
        """Whether nothing arrives before the test says so."""
        return self.up.held

    @held.setter
    def held(self, held: bool) -> None:
        self.up.held = self.down.held = held

    def flow(self) -> None:
        """Everything arrives, unless it is held."""
        self.up.flow()
        self.down.flow()

    def under_way(self) -> list[tuple[Way[bytes], int]]:
        """All that is under way, each by its way and its place there."""
        return [(way, at) for way in (self.up, self.down) for at in range(len(way.under_way))]


def tails(capsules: list[bytes]) -> set[str]:
    """By what the messages are known that these tell of, or that these answer."""
    return {_tail(read(split(one)[0])).hex() for one in capsules}


def incident_of(capsule: bytes) -> str:
    """The incident that one is about."""
    what = read(split(capsule)[0])
    return what.message.incident if isinstance(what, AlarmCapsule) else what.incident


def _tail(what: AlarmCapsule | ReceiptCapsule | AnswerCapsule) -> bytes:
    return tail_of(what.message.id) if isinstance(what, AlarmCapsule) else what.tail
