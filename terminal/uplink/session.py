"""Holds one connection to the best broker that answers, says that the car is there, and hands on what comes down."""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from hal.clock import Clock
from terminal.contract import topics
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import Presence, Who, encode
from terminal.contract.mqtt import Broker, Connect, Connection, Listener, Lost, Publication
from terminal.contract.tls import wall
from terminal.core.inputs import LineChanged, Told
from terminal.core.line import PresenceFacts
from terminal.core.supervision import Supervision
from terminal.uplink.sender import Sender
from terminal.uplink.vouching import Vouching

log = logging.getLogger(__name__)


class Holding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a connection is made, and when another broker is tried."""

    connect_within_s: float = 10.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 20.0
    good_after_s: float = 60.0
    hq_within_s: float = 60.0


class Session(Listener):
    """The car's line; `run` never returns, and a trouble is told once and tried again."""

    def __init__(
        self,
        realm: str,
        who: Who,
        brokers: tuple[Broker, ...],
        rules: Holding,
        sender: Sender,
        vouching: Vouching,
        tell: Callable[[Told], None],
        clock: Clock,
        supervision: Supervision,
        now: Callable[[], datetime] = wall,
        *,
        connect: Connect = Connection,
    ) -> None:
        self._realm = realm
        self.who = who
        self._brokers = brokers
        self._rules = rules
        self._sender = sender
        self._vouching = vouching
        self._tell = tell
        self._clock = clock
        self._supervision = supervision
        self._now = now
        self._connect = connect
        self._choice = 0
        self._pause_s = rules.first_pause_s
        self._facts = PresenceFacts()
        self._presence_due = asyncio.Event()
        self._acknowledged = asyncio.Event()

    def say(self, facts: PresenceFacts) -> None:
        """Say this with every presence from now on, and at once when it is that the ignition was switched."""
        if facts.ignition_on is not self._facts.ignition_on:
            self._presence_due.set()
        self._facts = facts

    def message(self, topic: str, payload: bytes) -> None:
        """Headquarters says something to this car."""
        self._vouching.came_down(topic.rsplit("/", 1)[-1], payload)

    def acknowledged(self, mid: int, failure: str) -> None:
        """The broker took a publication, or says why it did not."""
        self._sender.acknowledged(mid, failure)
        self._acknowledged.set()

    async def run(self) -> None:
        """Connect, hold, and connect again: to the next broker after a short session, to the first after a good one."""
        loop = asyncio.get_running_loop()
        while True:
            broker = self._brokers[self._choice % len(self._brokers)]
            began_s = loop.time()
            proof = Proof.NOTHING
            try:
                problem, proof = await self._hold(broker)
            except Lost as error:
                problem, proof = str(error), error.proof
            except Exception as error:
                # Whatever broke, the car goes on looking for a line.
                log.exception("%s: the line broke in a way that was not foreseen", broker)
                problem = f"{broker}: {error!r}; report this as a defect"
            self._sender.disconnected()
            self._tell(LineChanged(connected=False, broker=str(broker), problem=problem, proof=proof))
            good = loop.time() - began_s > self._rules.good_after_s
            self._choice = 0 if good and self._sender.hq_heard else self._choice + 1
            await self._pause(good=good)

    async def _hold(self, broker: Broker) -> tuple[str, Proof]:
        incarnation = secrets.token_hex(8)
        will = self._presence(incarnation, online=False)
        connection = self._connect(
            self.who.unit,
            broker,
            self,
            will=will,
            keepalive_s=self._supervision.keepalive_s,
            connect_timeout_s=self._rules.connect_within_s,
            now=self._now,
        )
        try:
            await connection.open()
            mine = topics.down_all(self._realm, self.who.unit)
            granted = connection.subscribe(mine, timeout_s=self._rules.connect_within_s)
            # An alarm waits for no answer: it goes right behind the question, and what comes back finds it answered.
            self._sender.connected(self._vouching.line(connection))
            await self._subscribed(connection, granted)
            self._tell(LineChanged(connected=True, broker=str(broker), incarnation=incarnation))
            return f"{broker}: {await self._stay(connection, incarnation)}", connection.proof
        except asyncio.CancelledError:
            with contextlib.suppress(Lost):
                connection.publish(self._presence(incarnation, online=False, goodbye=True))
            await connection.close()
            raise
        finally:
            connection.abort("closed")

    async def _subscribed(self, connection: Connection, granted: Awaitable[None]) -> None:
        """Wait for the broker's answer; one that refuses may take alarms all the same, and is given the time for it."""
        try:
            await granted
        except Lost as refused:
            if refused.proof is Proof.REFUSED:
                await self._until_alarms_are_taken(connection)
            raise

    async def _until_alarms_are_taken(self, connection: Connection) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._supervision.acknowledge_within_s):
                while self._sender.alarms_in_flight() and not connection.closed.done():
                    self._acknowledged.clear()
                    taken = asyncio.ensure_future(self._acknowledged.wait())
                    ends: list[asyncio.Future[Any]] = [connection.closed, taken]
                    try:
                        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        taken.cancel()

    async def _stay(self, connection: Connection, incarnation: str) -> str:
        loop = asyncio.get_running_loop()
        heard_s = loop.time()
        while not connection.closed.done():
            self._sender.watch(connection.publish(self._presence(incarnation, online=True)))
            await self._until_presence_is_due(connection)
            heard_s = loop.time() if self._sender.hq_heard else heard_s
            if len(self._brokers) > 1 and loop.time() - heard_s > self._rules.hq_within_s:
                return f"headquarters was not heard through it for {self._rules.hq_within_s:g} s; the next is tried"
        return connection.closed.result()

    async def _until_presence_is_due(self, connection: Connection) -> None:
        """For some seconds; at once when the ignition is switched, or when this car can show its certificate."""
        waited = [asyncio.ensure_future(self._presence_due.wait())]
        if not self._vouching.loaded.is_set():
            waited.append(asyncio.ensure_future(self._vouching.loaded.wait()))
        ends: list[asyncio.Future[Any]] = [connection.closed, *waited]
        try:
            every_s = self._supervision.presence_every_s
            await asyncio.wait(ends, timeout=every_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waited:
                one.cancel()
        self._presence_due.clear()

    def _presence(self, incarnation: str, *, online: bool, goodbye: bool = False) -> Publication:
        presence = Presence(incarnation=incarnation, online=online, outbox=self._sender.outbox, goodbye=goodbye)
        if online:
            facts, mono_ms = msgspec.structs.asdict(self._facts), self._clock.mono_ns() // 1_000_000
            presence = msgspec.structs.replace(presence, who=self.who, mono_ms=mono_ms, **facts)
            presence = self._vouching.introduced(presence)
        return Publication(topics.up(self._realm, self.who.unit, topics.PRESENCE), encode(presence))

    async def _pause(self, *, good: bool) -> None:
        if good:
            self._pause_s = self._rules.first_pause_s
        # Jitter, so that a thousand cars do not come back to a restarted broker in the same second.
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing
        self._pause_s = min(self._pause_s * 2, self._rules.longest_pause_s)
