"""One MQTT 5 connection, pumped by the asyncio loop: no thread of its own, no queue of its own, one attempt."""

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from terminal.contract.line_trouble import Proof, meaning
from terminal.contract.tls import BadCertificate, client_tls, wall
from terminal.contract.turning import Turning

log = logging.getLogger(__name__)

NO_MATCHING_SUBSCRIBERS = 0x10
"""MQTT 5 section 3.4.2.1: accepted, and nobody was there to take it; for us that is a failure."""

NOT_SERVING = (0x88, 0x89, 0x97, 0x9F)
"""Section 3.2.2.2: unavailable, busy, quota exceeded, rate exceeded: it is there and does not serve."""

GOODBYE_S = 1.0
"""How long a goodbye may take before the line is dropped without one."""

MISC_PERIOD_S = 1.0
"""How often paho looks at its keep-alive timer."""

LARGEST_PACKET = 128 * 1024
"""What a broker may send us at once; nothing of the contract comes near it."""


class Broker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a broker is and how it proves itself; without a `ca` the line is not encrypted (bench only).

    `revoked` is the CA's revocation list.
    """

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 8883
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    revoked: Path | None = None

    def tls(self, now: Callable[[], datetime]) -> ssl.SSLContext | None:
        """How this client proves itself and believes; None where the line is not encrypted. Raises BadCertificate."""
        if self.ca is None:
            return None
        return client_tls(self.ca, self.certificate, self.key, revoked=self.revoked, now=now)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Publication(Struct, frozen=True):
    """A topic, its payload, and after how many seconds it is not worth delivering any more (0: never)."""

    topic: str
    payload: bytes
    expiry_s: int = 0


class Lost(ConnectionError):
    """The connection could not be made, was refused or has ended; the text says which and what to do."""

    def __init__(self, text: str, proof: Proof = Proof.NOTHING) -> None:
        super().__init__(text)
        self.proof = proof


class Listener:
    """What a connection tells its owner, in the loop's thread; override what matters."""

    def message(self, topic: str, payload: bytes) -> None:
        """The broker delivered this."""

    def acknowledged(self, mid: int, failure: str) -> None:
        """The broker took this publication, or says why it did not."""


class Connection:
    """One connection to one broker under one identity; `closed` is done when it has ended, with the reason.

    `proof` is what that end proves; `heard_s` is the loop's time at which the broker answered something last.
    """

    def __init__(
        self,
        client_id: str,
        broker: Broker,
        listener: Listener,
        *,
        will: Publication | None = None,
        keepalive_s: int = 10,
        connect_timeout_s: float = 10.0,
        session_expiry_s: int = 0,
        receive_maximum: int = 64,
        now: Callable[[], datetime] = wall,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._broker = broker
        self._listener = listener
        self._now = now
        self._keepalive_s = keepalive_s
        self._connect_timeout_s = connect_timeout_s
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self.proof = Proof.NOTHING
        self.heard_s = self._loop.time()
        self._subscribed: dict[int, asyncio.Future[None]] = {}
        self._misc: asyncio.Task[None] | None = None
        self._trouble = ""
        self._properties = _properties(PacketTypes.CONNECT)
        self._properties.SessionExpiryInterval = session_expiry_s
        self._properties.ReceiveMaximum = receive_maximum
        self._properties.MaximumPacketSize = LARGEST_PACKET
        self._clean_start = session_expiry_s == 0
        self._client = self._make_client(client_id, will)
        self._turning = Turning(self._client, str(broker), self.abort)

    def _make_client(self, client_id: str, will: Publication | None) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        # The loop's own limit speaks first, in its own words; this one only ends the thread that connects.
        client.connect_timeout = 2 * self._connect_timeout_s
        client.on_connect = self._connack
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._puback
        client.on_subscribe = self._suback
        client.on_log = self._logged
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1)
        return client

    async def open(self) -> None:
        """Connect and wait for CONNACK; raises Lost."""
        # Files, name look-up and handshakes block, and a resolver may take minutes: nobody waits for this thread.
        threading.Thread(target=self._connect, name=f"connect {self._broker}", daemon=True).start()
        self._misc = asyncio.create_task(self._keep_alive(), name=f"mqtt {self._broker}")
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await asyncio.shield(self._connected)
        except TimeoutError:
            within = f"no answer within {self._connect_timeout_s:g} s; check host, port, the modem and the SIM"
            self.abort(within, Proof.NO_WAY)
            raise self._lost() from None

    def _connect(self) -> None:
        try:
            tls = self._broker.tls(self._now)
            if tls is not None:
                self._client.tls_set_context(tls)
            self._client.connect(
                self._broker.host,
                self._broker.port,
                self._keepalive_s,
                clean_start=self._clean_start,
                properties=self._properties,
            )
        except Exception as error:  # noqa: BLE001 - belongs to whoever waits, whatever it is
            known = (str(error), Proof.NOTHING) if isinstance(error, BadCertificate) else meaning(error)
            # Without a loop nobody is left to tell.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.abort, *known)

    def _lost(self) -> Lost:
        return Lost(f"{self._broker}: {self.closed.result()}", self.proof)

    def subscribe(self, topic: str, *, timeout_s: float = 10.0) -> Awaitable[None]:
        """Ask for a topic at once; to be awaited: that the broker grants it. Both raise Lost."""
        if self.closed.done():
            raise self._lost()
        code, mid = self._client.subscribe(topic, qos=1)
        if code != 0 or mid is None:
            raise Lost(f"{self._broker}: cannot subscribe to {topic}: the connection has ended")
        self._subscribed[mid] = self._loop.create_future()
        return self._granted(mid, topic, timeout_s)

    async def _granted(self, mid: int, topic: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._subscribed[mid]
        except TimeoutError:
            problem = f"{self._broker}: did not answer the subscription to {topic} within {timeout_s:g} s"
            raise Lost(problem, Proof.SILENT) from None
        finally:
            del self._subscribed[mid]

    def publish(self, publication: Publication) -> int:
        """Hand one message to the socket at QoS 1; returns the mid that `acknowledged` will name. Raises Lost."""
        if self.closed.done():
            raise self._lost()
        properties = _properties(PacketTypes.PUBLISH)
        if publication.expiry_s:
            properties.MessageExpiryInterval = publication.expiry_s
        handed = self._client.publish(publication.topic, publication.payload, qos=1, properties=properties)
        if handed.rc != 0:
            raise Lost(f"{self._broker}: cannot publish: the connection has ended")
        return handed.mid

    async def close(self) -> None:
        """Say goodbye (the broker then keeps the Will to itself) and release the socket."""
        if self._connected.done() and not self.closed.done():
            self._client.disconnect()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await asyncio.shield(self.closed)
        self.abort("closed")

    def abort(self, reason: str, proof: Proof = Proof.NOTHING) -> None:
        """Drop the connection without a word, so that the broker speaks the Will; harmless when it has ended."""
        if self._misc is not None:
            self._misc.cancel()
            self._misc = None
        # What was swallowed holds a goodbye of TCP back too, and the broker would speak the Will much later.
        self._turning.stop(reset=proof is Proof.SILENT)
        if self.closed.done():
            return
        self.proof = proof
        self.closed.set_result(reason)
        for waiting in (self._connected, *self._subscribed.values()):
            if not waiting.done():
                waiting.set_exception(self._lost())
                waiting.exception()

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(MISC_PERIOD_S)
            self._turning.step(self._client.loop_misc)

    def _logged(self, _client: Client, _userdata: object, level: int, text: str) -> None:
        # Why a socket failed, a TLS alert above all, paho says only here.
        if level == LogLevel.MQTT_LOG_ERR:
            self._trouble = text

    def _connack(
        self, _client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            served = code.value not in NOT_SERVING
            said = f"it refused us: {code}; is this certificate allowed, and is its name the user name?"
            self.abort(said, Proof.REFUSED if served else Proof.NO_BROKER)
        elif not self._connected.done():
            self._connected.set_result(None)

    def _disconnected(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # paho tells this twice of one connection at times; only the first counts.
        if self._connected.done():
            words, proof = meaning(self._trouble or code)
            # Whoever hangs up on a line that was up is there; whether it still serves the next try will tell.
            self.abort(words, Proof.NOTHING if proof is Proof.NO_BROKER else proof)
        else:
            self.abort(*meaning(self._trouble or "it ended the connection before it answered"))

    def _message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self.heard_s = self._loop.time()
        # paho would hand the same message over for ever if this raised.
        try:
            self._listener.message(message.topic, bytes(message.payload))
        except Exception:
            log.exception("%s: a message (%d bytes) could not be taken", self._broker, len(message.payload))

    def _puback(
        self, _client: Client, _userdata: object, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self.heard_s = self._loop.time()
        failed = code.is_failure or code.value == NO_MATCHING_SUBSCRIBERS
        self._listener.acknowledged(mid, str(code) if failed else "")

    def _suback(
        self, _client: Client, _userdata: object, mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        granted = self._subscribed.get(mid)
        if granted is None or granted.done():
            return
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            problem = f"{self._broker}: it refused the subscription: {refused[0]}; see its ACL"
            granted.set_exception(Lost(problem, Proof.REFUSED))
        else:
            granted.set_result(None)


Connect = Callable[..., Connection]
"""Makes a connection, with the arguments of `Connection`."""


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]  # paho leaves this constructor untyped
