"""Signs this car's alarms with the key of its certificate, and hands on only what headquarters' key vouches for.

Importing the cryptography takes a while, so it is done in a thread. An alarm does not wait for it: it goes out
unsigned, and signed when it is repeated. What comes down does wait, since only what is vouched for may be shown.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from terminal.contract import topics
from terminal.contract.messages import Certificate, Heartbeat, Malformed, Presence, decode_as
from terminal.contract.mqtt import Publication
from terminal.contract.signed import CAPSULE, SIGNATURE_BYTES, Parted, in_text, parted
from terminal.contract.topics import Lane
from terminal.core.inputs import Doubted, Told
from terminal.uplink.sender import Publisher
from terminal.uplink.trusting import Trusting, loaded
from terminal.uplink.writer import OutboxFailed, Writer

if TYPE_CHECKING:
    from terminal.contract.signing import Signer
    from terminal.uplink.believed import Believed

log = logging.getLogger(__name__)

HEADQUARTERS = "headquarters"
"""Under which name the certificates of headquarters are kept in the outbox."""
MOST_EARLY = 64
"""Messages that wait until the cryptography is there; headquarters repeats those that do not fit."""
RECALL_WITHIN_S = 1.0
"""How long the disk is waited for, which knows headquarters' certificate of before."""
LOOK_AGAIN_S = 60.0
"""How often the files are looked at: a new revocation list counts from then on."""


class Kept(Struct, frozen=True):
    """Headquarters' certificates on the car's disk (DER)."""

    certificates: tuple[bytes, ...] = ()


class Vouching:
    """`came_down` is called with what the broker delivered, `hand_on` with what may be believed of it.

    `tell` hears why the rest is not.

    `loaded` once the files have been read, `kept` once headquarters' certificate is on disk.
    Without a CA (on a bench) everything is handed on, and nothing is signed.
    """

    def __init__(
        self,
        realm: str,
        unit: str,
        rules: Trusting,
        writer: Writer,
        hand_on: Callable[[str, bytes], None],
        tell: Callable[[Told], None],
    ) -> None:
        self._realm = realm
        self._unit = unit
        self._rules = rules
        self._writer = writer
        self._hand_on = hand_on
        self._tell = tell
        self._early: deque[tuple[str, bytes]] = deque(maxlen=MOST_EARLY)
        self.loaded = asyncio.Event()
        self.kept = asyncio.Event()
        if rules.ca is None and rules.certificate is None:
            self.loaded.set()
        self._is_strict = rules.ca is not None and not rules.accept_unsigned
        self._signer: Signer | None = None
        self._believed: Believed | None = None
        self._keeping = asyncio.Event()
        self._hq_knows_us = False
        self._doubt = ""
        self._logged = ""

    async def run(self) -> None:
        """Load the files, keep what is learnt on disk, and load files that have become others, for ever."""
        if self._rules.ca is None and self._rules.certificate is None:
            return
        try:
            stamps = await self._load()
        finally:
            # Also if that failed: what comes down is then doubted, and that is said; nobody waits for ever.
            self.loaded.set()
        self._take_early()
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._keeping.wait()
            except TimeoutError:
                stamps = await self._loaded_anew(stamps)
            else:
                self._keeping.clear()
                await self._keep()

    async def _load(self) -> object:
        """The files, and headquarters' certificate of before, which the disk knows; returns the files' stamps."""
        recalling = asyncio.create_task(self._recalled())
        try:
            stamps = await self._loaded_anew(None)
            # A disk that hangs is not waited for; headquarters shows its certificate when it is asked to.
            await asyncio.wait([recalling], timeout=RECALL_WITHIN_S)
            recalled = recalling.result() if recalling.done() else ()
            for certificate in recalled:
                self._learn(certificate)
            if self._believed is None or set(self._believed.certificates) <= set(recalled):
                self._keeping.clear()
        finally:
            recalling.cancel()
        return stamps

    async def _loaded_anew(self, before: object) -> object:
        """Load the files unless their stamps are those of `before`; returns their stamps."""
        stamps = await asyncio.to_thread(self._rules.stamps)
        if stamps == before:
            return before
        signer, believed = await asyncio.to_thread(loaded, self._rules, self._unit)
        if signer is not None:
            self._signer, self._hq_knows_us = signer, False
        if believed is not None:
            known = () if self._believed is None else self._believed.certificates
            self._believed = believed
            for certificate in known:
                self._learn(certificate)
        return stamps

    async def _recalled(self) -> tuple[bytes, ...]:
        try:
            kept = await self._writer.submit(lambda outbox: outbox.load_state(HEADQUARTERS))
            return () if kept is None else msgspec.msgpack.decode(kept, type=Kept).certificates
        except (OutboxFailed, msgspec.DecodeError) as error:
            log.warning("trust: what was known of headquarters cannot be read, and is asked for again: %s", error)
            return ()

    async def _keep(self) -> None:
        if self._believed is None:
            return
        kept = msgspec.msgpack.encode(Kept(self._believed.certificates))
        try:
            await self._writer.submit(lambda outbox: outbox.commit([], {HEADQUARTERS: kept}))
            self.kept.set()
        except OutboxFailed as error:
            log.warning("trust: headquarters' certificate is not kept, and will be asked for again: %s", error)

    def line(self, connection: Publisher) -> Publisher:
        """The same connection, on which alarms go out signed."""
        return SigningLine(connection, self, topics.up(self._realm, self._unit, Lane.ALARM))

    def signed(self, context: str, body: bytes) -> bytes:
        """The payload of this body: signed, or as it is if we cannot."""
        if self._signer is None:
            return body
        try:
            return self._signer.wrapped(context, body)
        except Exception:
            # Whatever the library has against it, the alarm goes out.
            log.exception("trust: a message could not be signed; it goes unsigned")
            return body

    def capsule_signature(self, body: bytes) -> bytes:
        """That of what goes beside the brokers; zeros if we cannot sign."""
        if self._signer is None:
            return bytes(SIGNATURE_BYTES)
        try:
            return self._signer.sign(CAPSULE, body)
        except Exception:
            log.exception("trust: a capsule could not be signed; it goes unsigned")
            return bytes(SIGNATURE_BYTES)

    def capsule_doubt(self, body: bytes, signature: bytes) -> str:
        """Why a capsule is not headquarters' word; "" if it may be taken for it."""
        return self.doubt(CAPSULE, Parted(body, b"", signature if any(signature) else b""))

    def introduced(self, presence: Presence) -> Presence:
        """With whom we believe, and with our own certificate unless headquarters has said that it knows it."""
        believes = None if self._believed is None else tuple(in_text(key) for key in self._believed.keys)
        if self._signer is None or self._hq_knows_us:
            return msgspec.structs.replace(presence, believes=believes)
        certificate = b64encode(self._signer.certificate).decode()
        return msgspec.structs.replace(presence, believes=believes, certificate=certificate)

    def came_down(self, what: str, payload: bytes) -> None:
        """One message on this car's down topic."""
        self._early.append((what, payload))
        if self.loaded.is_set():
            self._take_early()

    def _take_early(self) -> None:
        while self._early:
            what, payload = self._early.popleft()
            try:
                self._take(what, payload)
            except Malformed as error:
                log.warning("headquarters: a %s (%d bytes) that cannot be read: %s", what, len(payload), error)

    def _take(self, what: str, payload: bytes) -> None:
        if what not in topics.DOWN:
            return
        if what == topics.CERTIFICATE:
            self._learn(_der(decode_as(Certificate, payload).certificate))
            return
        parts = parted(payload)
        doubt = self.doubt(topics.down(self._realm, self._unit, what), parts)
        if doubt:
            self._say(doubt)
            return
        if what == topics.HEARTBEAT and self._signer is not None:
            self._hq_knows_us = decode_as(Heartbeat, parts.body).knows == in_text(self._signer.key)
        if self._doubt:
            self._doubt = ""
            self._tell(Doubted(""))
        self._hand_on(what, parts.body)

    def doubt(self, context: str, parts: Parted) -> str:
        """Why this is not headquarters' word; "" if it may be taken for it."""
        if not self._is_strict:
            return ""
        if self._believed is None:
            return "this car's own trust cannot be used; patrola doctor says why"
        return self._believed.doubt(context, parts)

    def _learn(self, certificate: bytes) -> None:
        if self._believed is None:
            return
        try:
            if self._believed.learn(certificate):
                self._keeping.set()
        except ValueError as error:
            self._say(f"its certificate: {error}")

    def _say(self, problem: str) -> None:
        if problem != self._doubt:
            self._doubt = problem
            self._tell(Doubted(problem))
        if problem != self._logged:
            self._logged = problem
            log.warning("headquarters is not believed: %s", problem)


def _der(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed("expected a certificate in base64") from error


class SigningLine:
    """A connection on which what goes to the alarm topic is signed."""

    def __init__(self, connection: Publisher, vouching: Vouching, topic: str) -> None:
        self._connection = connection
        self._vouching = vouching
        self._topic = topic
        self.abort = connection.abort

    def publish(self, publication: Publication) -> int:
        """As the connection's own."""
        if publication.topic == self._topic:
            payload = self._vouching.signed(publication.topic, publication.payload)
            publication = msgspec.structs.replace(publication, payload=payload)
        return self._connection.publish(publication)
