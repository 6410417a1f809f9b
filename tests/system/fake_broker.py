"""A broker that misbehaves on request: MQTT 5 (OASIS, 2019) on a real socket, as much as a car needs."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from terminal.contract.mqtt import Broker

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
MESSAGE_EXPIRY, TOPIC_ALIAS = 0x02, 0x23
PROPERTY_BYTES = {0x01: 1, MESSAGE_EXPIRY: 4, TOPIC_ALIAS: 2}
"""Lengths of the properties that a publication of ours may carry (section 3.3.2.3)."""


@dataclass
class Manners:
    """How this broker behaves; None as a code means no answer at all."""

    connack: int | None = 0
    suback: int | None = 1
    puback: int | None = 0
    pingresp: bool = True


@dataclass
class Published:
    """One publication of a client; `at_s` is the loop's time."""

    topic: str
    payload: bytes
    mid: int
    properties: dict[int, int]
    at_s: float
    wire_bytes: int

    @property
    def what(self) -> str:
        return self.topic.rsplit("/", 1)[-1]


@dataclass
class Client:
    """One connection as the broker sees it; `ended` once the socket is closed, with or without a goodbye."""

    writer: asyncio.StreamWriter
    client_id: str = ""
    will: tuple[str, bytes] | None = None
    subscribed: list[str] = field(default_factory=list)
    goodbye: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class FakeBroker:
    """Listens while it is open; everything that clients did is remembered."""

    def __init__(self) -> None:
        self.manners = Manners()
        self.clients: list[Client] = []
        self.published: list[Published] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def listening(cls, tls: ssl.SSLContext | None = None, **manners: object) -> AsyncIterator["FakeBroker"]:
        broker = cls()
        broker.manners = Manners(**manners)  # type: ignore[arg-type]
        broker._server = await asyncio.start_server(broker._accept, "127.0.0.1", 0, ssl=tls)
        try:
            yield broker
        finally:
            await broker.close()

    @property
    def address(self) -> Broker:
        assert self._server is not None
        return Broker(host="127.0.0.1", port=self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await asyncio.gather(*self._tasks)

    def of(self, what: str) -> list[Published]:
        """What was published on topics that end so."""
        return [one for one in self.published if one.what == what]

    def say(self, topic: str, payload: bytes) -> None:
        """Deliver at QoS 0 to whoever is there."""
        self.say_raw(packet(PUBLISH << 4, text(topic) + b"\0" + payload))

    def say_raw(self, data: bytes) -> None:
        """Bytes, whatever they are."""
        for client in self.clients:
            if not client.ended.is_set():
                client.writer.write(data)

    def acknowledge(self, one: Published) -> None:
        """PUBACK, to whoever is there."""
        self.say_raw(packet(PUBACK << 4, struct.pack(">HB", one.mid, self.manners.puback or 0)))

    def drop(self) -> None:
        """Cut every connection."""
        for client in self.clients:
            client.writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        client = Client(writer)
        self.clients.append(client)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    self._take(client, *await read_packet(reader))
        finally:
            client.ended.set()
            writer.close()

    def _take(self, client: Client, head: int, body: bytes) -> None:
        kind, write = head >> 4, client.writer.write
        if kind == CONNECT:
            client.client_id, client.will = read_connect(body)
            if self.manners.connack is not None:
                write(packet(CONNACK << 4, bytes([0, self.manners.connack, 0])))
        elif kind == SUBSCRIBE:
            client.subscribed.append(body[5 : 5 + struct.unpack(">H", body[3:5])[0]].decode())
            if self.manners.suback is not None:
                write(packet(SUBACK << 4, body[:2] + bytes([0, self.manners.suback])))
        elif kind == PUBLISH:
            self._publish(client, body)
        elif kind == PINGREQ and self.manners.pingresp:
            write(packet(PINGRESP << 4, b""))
        elif kind == DISCONNECT:
            client.goodbye = True

    def _publish(self, client: Client, body: bytes) -> None:
        one = read_publish(body)
        self.published.append(one)
        if self.manners.puback is not None:
            self.acknowledge(one)


def packet(head: int, body: bytes) -> bytes:
    """A control packet: fixed header, then the rest (section 2.1)."""
    length, encoded = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([head]) + bytes(encoded) + body


def text(value: str) -> bytes:
    """A UTF-8 string with its length."""
    return struct.pack(">H", len(value.encode())) + value.encode()


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One packet's first byte, and its body."""
    head, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return head, await reader.readexactly(length)


def read_connect(body: bytes) -> tuple[str, tuple[str, bytes] | None]:
    """Client id, and the Will's topic and payload."""
    flags, at = body[7], 10
    at += 1 + body[at]
    client_id, at = _text(body, at)
    if not flags & 0x04:
        return client_id, None
    at += 1 + body[at]
    topic, at = _text(body, at)
    length = struct.unpack(">H", body[at : at + 2])[0]
    return client_id, (topic, body[at + 2 : at + 2 + length])


def read_publish(body: bytes) -> Published:
    """A publication at QoS 1."""
    topic, at = _text(body, 0)
    mid = struct.unpack(">H", body[at : at + 2])[0]
    end = at + 3 + body[at + 2]
    properties, at = {}, at + 3
    while at < end:
        size = PROPERTY_BYTES[body[at]]
        properties[body[at]] = int.from_bytes(body[at + 1 : at + 1 + size])
        at += 1 + size
    wire_bytes = len(packet(PUBLISH << 4, body))
    return Published(topic, body[end:], mid, properties, asyncio.get_running_loop().time(), wire_bytes)


def _text(body: bytes, at: int) -> tuple[str, int]:
    length = struct.unpack(">H", body[at : at + 2])[0]
    return body[at + 2 : at + 2 + length].decode(), at + 2 + length
