"""Headquarters' process: one connection to the best broker, the receiver, the desk, and the API beside them."""

import asyncio
import contextlib
import itertools
import logging
import random
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from msgspec import Struct

from hq import taking
from hq.api import Api
from hq.archive import Archive
from hq.closing import Closing
from hq.config import LOOK_EVERY_S, Config
from hq.desk import Desk
from hq.dispatch import Dispatch
from hq.escalating import Escalating
from hq.gatehouse import Gatehouse
from hq.heads import Heads
from hq.intake import Intake
from hq.keyring import Keyring
from hq.moment import Moment
from hq.painting import Painting
from hq.receiver import Receiver, loop_s
from hq.seen import Seen
from hq.store import Store
from hq.telling import Telling
from hq.units import Key, Unit
from terminal.contract import topics
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Certificate, DesiredState, Heartbeat, Presence, Receipt, encode
from terminal.contract.mqtt import Broker, Connect, Connection, Lost, Publication
from terminal.contract.tls import wall
from terminal.contract.work import Picture
from terminal.version import BUILD

log = logging.getLogger(__name__)

HEARTBEAT_EXPIRES_S = 10
FIRST_PAUSE_S = 0.5
RECEIVE_MAXIMUM = 1000
"""How much the broker may have on its way to us: a thousand cars speak at once after an outage."""


class Service:
    """Runs until cancelled."""

    def __init__(
        self,
        config: Config,
        *,
        connect: Connect = Connection,
        clock: Callable[[], Moment] | None = None,
        opened: Callable[[Path], Store] = Store.open,
    ) -> None:
        self._config = config
        self._connect = connect
        self._connection: Connection | None = None
        self._store = opened(config.store)
        self._keyring = Keyring(config.trust.filled_in(config.brokers), self._store.certificates())
        self._receiver = Receiver(self._store, self._emit, self._send_receipt, self._keyring.weigh, clock)
        for unit, _certificate in self._store.certificates():
            self._receiver.shown_certificate(unit)
        self._receiver.on_presence = self._introduced
        self._receiver.on_arrival = self._greet
        self._archive = Archive(config.store)
        self._desk = Desk(self._receiver, self._archive, self._send_state, self._emit, config.alarms)
        self._seen = Seen(self._receiver)
        self._dispatch = Dispatch(self._receiver, self._desk, self._archive)
        self._painting = Painting(
            self._receiver, self._dispatch.picture, self._send_picture, config.line.picture_every_s
        )
        self._escalating = Escalating(self._receiver, config.escalation, self._emit, self._seen.note)
        self._heads = Heads(self._receiver, config.audit, self._emit)
        self._closing = Closing(self._receiver, config.alarms.close_tests_after_s, self._desk.close_test)
        self._receiver.on_incidents += [self._escalating.changed, self._closing.changed, self._painting.changed]
        self._receiver.on_kept = lambda incident: self._start(self._desk.kept(incident))
        self._telling, self._gatehouse = self._beside_the_brokers(config)
        self._receiver.on_routes = self._telling.learnt
        self._desk.on_acted = self._telling.acted
        self._api = Api(config.socket, self._desk, self._dispatch, self._seen.shown, self._new_epoch)
        self._answers: set[asyncio.Task[None]] = set()
        self._refused: dict[Key, str] = {}

    def _beside_the_brokers(self, config: Config) -> tuple[Telling, Gatehouse]:
        """What comes and goes by gateways."""
        gateways = {name: settings for name, (_, settings) in config.gateways.items()}
        gatehouse = Gatehouse(config.gateways, lambda *came: intake.took(*came), self._emit)
        seal, known = self._keyring.capsule_signature, self._store.routes()
        telling = Telling(self._receiver, gateways, gatehouse, seal, self._emit, known)
        intake = Intake(self._receiver, self._keyring.weigh_parts, telling, gateways, self._emit)
        return telling, gatehouse

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve; `ready` is called once the API answers."""
        await self._api.start()
        await self._gatehouse.open()
        lasting = (self._receiver, self._seen, self._escalating, self._closing, self._heads, self._painting)
        lines = (self._hold_line(), self._beat(), self._repeat(), self._watch())
        works = (*lines, *(one.run() for one in lasting), *self._gatehouse.works())
        tasks = [asyncio.create_task(work) for work in works]
        if ready is not None:
            ready()
        if self._store.problem:
            log.error("%s: %s", self._config.store, self._store.problem)
        try:
            # Each of them runs for ever: one that ends has failed, and the process with it, to be started again.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, *self._answers):
                task.cancel()
            await asyncio.gather(*tasks, *self._answers, return_exceptions=True)
            await self._telling.close()
            await self._api.close()
            self._archive.close()
            self._receiver.close()

    def _emit(self, event: str, fields: dict[str, Any]) -> None:
        self._api.tell({"t": round(time.time(), 3), "where": "hq", "event": event, **fields})

    async def _hold_line(self) -> None:
        brokers, choice, pause_s = self._config.brokers, 0, FIRST_PAUSE_S
        while True:
            broker = brokers[choice % len(brokers)]
            began_s = loop_s()
            try:
                reason = await self._hold(broker)
            except Lost as error:
                reason = str(error)
            self._connection = None
            self._receiver.watching.line_is_down(f"{broker}: {reason}")
            log.warning("%s: %s", broker, reason)
            lasted = loop_s() - began_s > self._config.line.unit_silent_after_s
            choice, pause_s = (0, FIRST_PAUSE_S) if lasted else (choice + 1, pause_s)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing
            pause_s = min(pause_s * 2, self._config.line.longest_pause_s)

    async def _hold(self, broker: Broker) -> str:
        connection = self._connect(
            self._config.name,
            broker,
            self._receiver,
            keepalive_s=self._config.line.keepalive_s,
            session_expiry_s=self._config.line.session_expiry_s,
            receive_maximum=RECEIVE_MAXIMUM,
            now=lambda: max(wall(), BUILD),
        )
        try:
            await connection.open()
            # A durable session delivers before it is subscribed again, and what is stored then is receipted too.
            self._connection = connection
            for realm in self._config.realms:
                await connection.subscribe(topics.up_all(realm))
            self._hears(broker)
            return await asyncio.shield(connection.closed)
        except asyncio.CancelledError:
            await connection.close()
            raise
        finally:
            connection.abort("closed")

    async def _beat(self) -> None:
        """To every car that is there: headquarters is here, and whether it stores; no disk holds that up."""
        while True:
            self._keyring.look_again()
            self._desk.look_for_unproved()
            for unit in self._online():
                self._beat_to(unit)
            await asyncio.sleep(self._config.line.heartbeat_every_s)

    async def _repeat(self) -> None:
        """To every car that is there: again what it has not confirmed."""
        while True:
            for unit in self._online():
                await self._tell_car(unit.last.key, only_unconfirmed=True)
            await asyncio.sleep(self._config.line.heartbeat_every_s)

    def _online(self) -> list[Unit]:
        return [unit for unit in self._receiver.units.values() if unit.online]

    async def _watch(self) -> None:
        """Look who is silent, by what the line is known to have carried; and keep what was learnt from it."""
        silent_after_s = self._config.line.unit_silent_after_s
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self._receiver.look_at_the_disk()
            self._telling.look()
            if self._connection is not None and self._receiver.watching.deaf_since_ms is None:
                self._ask_the_broker(self._connection, silent_after_s - 2 * LOOK_EVERY_S)
                self._receiver.look_for_silence(self._connection.heard_s, silent_after_s)
            if self._receiver.watching.unsaved:
                with contextlib.suppress(DiskFailed):
                    await self._receiver.save_zones()

    def _ask_the_broker(self, connection: Connection, quiet_s: float) -> None:
        """A car that is about to be called silent is spoken to: its PUBACK tells that the broker is not what is."""
        now_s = loop_s()
        if now_s - connection.heard_s > LOOK_EVERY_S / 2:
            quiet = (one for one in self._receiver.units.values() if one.online and now_s - one.heard_s > quiet_s)
            for unit in itertools.islice(quiet, 1):
                self._beat_to(unit)

    def _hears(self, broker: Broker) -> None:
        self._emit("connected", {"broker": str(broker)})
        for unit in self._receiver.watching.line_is_up(self._receiver.units, loop_s()):
            self._receiver.units[unit.last.key] = unit

    def _beat_to(self, unit: Unit) -> None:
        self._send(*unit.last.key, topics.HEARTBEAT, self._heartbeat(unit), HEARTBEAT_EXPIRES_S)

    def _heartbeat(self, unit: Unit) -> Heartbeat:
        acted_ago_s = loop_s() - self._desk.acted_s
        attended = self._api.watched or acted_ago_s < self._config.line.attended_for_s
        return Heartbeat(
            epoch=self._receiver.epoch,
            storing=self._receiver.stores,
            attended=attended,
            utc_ms=self._receiver.moment().wall_ms,
            knows=self._keyring.knows(unit.last.key),
            heard_incarnation=unit.incarnation,
            heard_mono_ms=unit.mono_ms,
        )

    def _greet(self, unit: Unit) -> None:
        """A car has come: it is told at once that headquarters is here, and all that it should show."""
        self._beat_to(unit)
        self._painting.came(unit.last.key)
        self._start(self._tell_car(unit.last.key))

    def _introduced(self, unit: Key, presence: Presence) -> None:
        """A car showed its certificate, or asks for ours."""
        if presence.certificate:
            self._learn(unit, presence.certificate)
        asks = presence.believes is not None and self._keyring.key not in presence.believes
        if asks and self._keyring.certificate:
            ours = Certificate(certificate=b64encode(self._keyring.certificate).decode())
            self._publish(topics.down(*unit, topics.CERTIFICATE), encode(ours))

    def _learn(self, unit: Key, certificate: str) -> None:
        try:
            is_new = self._keyring.learn(unit, b64decode(certificate, validate=True))
        except ValueError as error:
            if self._refused.get(unit) != certificate:
                self._refused[unit] = certificate
                log.warning("%s: its certificate is not believed: %s", unit[1], error)
                self._emit("certificate-refused", {"realm": unit[0], "unit": unit[1], "problem": str(error)})
        else:
            if is_new:
                self._receiver.shown_certificate(unit)
                self._start(self._keep_certificates(unit))

    async def _keep_certificates(self, unit: Key) -> None:
        # What cannot be kept now is shown again by the car after our next start.
        with contextlib.suppress(DiskFailed):
            certificates = self._keyring.certificates_of(unit)
            await self._receiver.on_disk(lambda store: taking.keep_certificates(store, unit, certificates))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _tell_car(self, key: Key, *, only_unconfirmed: bool = False) -> None:
        # A disk that cannot be read now is said so by the receiver; the car is told with the next beat.
        with contextlib.suppress(DiskFailed):
            await self._desk.tell_car(key, only_unconfirmed=only_unconfirmed)

    def _send_receipt(self, realm: str, unit: str, receipt: Receipt) -> None:
        self._send(realm, unit, topics.RECEIPT, receipt)

    def _send_state(self, realm: str, unit: str, state: DesiredState) -> None:
        self._send(realm, unit, topics.STATE, state)

    def _send_picture(self, key: Key, picture: Picture) -> None:
        self._send(*key, topics.PICTURE, picture, round(self._config.line.picture_every_s))

    def _send(self, realm: str, unit: str, what: str, message: Struct, expiry_s: int = 0) -> None:
        """Down to one car, signed."""
        topic = topics.down(realm, unit, what)
        self._publish(topic, self._keyring.signed(topic, encode(message)), expiry_s)

    def _publish(self, topic: str, payload: bytes, expiry_s: int = 0) -> None:
        """If there is a line; what is lost is made up for by the car's repeats and ours."""
        if self._connection is not None:
            with contextlib.suppress(Lost):
                self._connection.publish(Publication(topic, payload, expiry_s))

    async def _new_epoch(self) -> str:
        self._receiver.epoch = await self._receiver.on_disk(
            lambda store: taking.new_epoch(store, self._receiver.moment().wall_ms)
        )
        return self._receiver.epoch
