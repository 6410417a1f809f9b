"""A relay between clients and a broker that repeats and reorders publications, both ways, as a bad bridge would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

from terminal.contract.mqtt import Broker
from tests.system.fake_broker import PUBLISH, packet, read_packet

HELD_FOR_S = 0.15
"""So long publications gather before they go on in another order: more than one hop, less than any patience."""
MOST_HELD = 6
DUPLICATE = 0x08
"""The DUP flag (MQTT 5, section 3.3.1.1)."""


class Shuffler:
    """`repeated` and `overtaken` count what it did to publications."""

    def __init__(self, broker: Broker, random: Random) -> None:
        self.repeated = 0
        self.overtaken = 0
        self._broker = broker
        self._random = random
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, broker: Broker, random: Random) -> AsyncIterator["Shuffler"]:
        shuffler = cls(broker, random)
        shuffler._server = await asyncio.start_server(shuffler._accept, "127.0.0.1", 0)
        try:
            yield shuffler
        finally:
            shuffler._server.close()
            for task in shuffler._tasks:
                task.cancel()
            await asyncio.gather(*shuffler._tasks, return_exceptions=True)

    @property
    def address(self) -> Broker:
        assert self._server is not None
        return Broker(host="127.0.0.1", port=self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, back = await asyncio.open_connection(self._broker.host, self._broker.port)
        ways = [asyncio.create_task(self._relay(*way)) for way in ((reader, back), (there, writer))]
        # A server of asyncio would log a client's task that was cancelled as a failure.
        with suppress(asyncio.CancelledError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (back, writer):
            end.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Publications gather and go on in any order, some twice; everything else goes on at once."""
        held: list[tuple[int, bytes]] = []
        flushing = asyncio.create_task(self._flush(held, writer))
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head, body = await read_packet(reader)
                    if head >> 4 == PUBLISH:
                        held.append((head, body))
                    else:
                        writer.write(packet(head, body))
        finally:
            flushing.cancel()

    async def _flush(self, held: list[tuple[int, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(HELD_FOR_S)
            batch, held[:] = held[:MOST_HELD], held[MOST_HELD:]
            order = list(range(len(batch)))
            self._random.shuffle(order)
            self.overtaken += sum(place != number for place, number in enumerate(order))
            for number in order:
                head, body = batch[number]
                writer.write(packet(head, body))
                # Only a QoS 1 publication may come twice under its number.
                if head & 0x06 and self._random.random() < 0.5:
                    self.repeated += 1
                    writer.write(packet(head | DUPLICATE, body))
