"""A gateway between the car's broker and headquarters', which hears everything and does with it what the test says."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from terminal.contract.mqtt import Broker, Connection, Listener, Publication

EVERYTHING = "patrola/1/#"

Change = Callable[[str, bytes], bytes | None]
"""(last part of the topic, payload) to what is handed on; None swallows it."""


def honest(_what: str, payload: bytes) -> bytes | None:
    """What a gateway should do."""
    return payload


class _Side(Listener):
    def __init__(self, broker: Broker, hear: Callable[[str, bytes], None]) -> None:
        self._hear = hear
        self.connection = Connection("GATEWAY", broker, self)

    def message(self, topic: str, payload: bytes) -> None:
        self._hear(topic, payload)


class Gateway:
    """`up` and `down` may be exchanged at any time; `heard` is what came by, in the true form, as (topic, payload)."""

    def __init__(self, cars: Broker, hq: Broker) -> None:
        self.up: Change = honest
        self.down: Change = honest
        self.heard: list[tuple[str, bytes]] = []
        self._cars = _Side(cars, self._came_up)
        self._hq = _Side(hq, self._came_down)

    async def __aenter__(self) -> "Gateway":
        for side, direction in ((self._cars, "up"), (self._hq, "down")):
            await side.connection.open()
            await side.connection.subscribe(f"patrola/1/+/{direction}/+/+")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(self._cars.connection.close(), self._hq.connection.close())

    def _came_up(self, topic: str, payload: bytes) -> None:
        self._hand_on(topic, payload, self.up, self.to_hq)

    def _came_down(self, topic: str, payload: bytes) -> None:
        self._hand_on(topic, payload, self.down, self.to_car)

    def _hand_on(self, topic: str, payload: bytes, change: Change, to: Callable[[str, bytes], None]) -> None:
        self.heard.append((topic, payload))
        changed = change(topic.rsplit("/", 1)[-1], payload)
        if changed is not None:
            to(topic, changed)

    def to_hq(self, topic: str, payload: bytes) -> None:
        """Tell headquarters this."""
        self._hq.connection.publish(Publication(topic, payload))

    def to_car(self, topic: str, payload: bytes) -> None:
        """Tell the cars this."""
        self._cars.connection.publish(Publication(topic, payload))

    def heard_on(self, topic: str) -> list[bytes]:
        """What came by on this topic."""
        return [payload for heard, payload in self.heard if heard == topic]
