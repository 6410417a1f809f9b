"""Headquarters: the real service in virtual time, between simulated brokers, a simulated modem and a disk that may
fail."""

import asyncio
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeGuard

import msgspec

from hq.config import Config
from hq.desk import Desk
from hq.gateway import GatewaySettings
from hq.gateways import sms_modem
from hq.incidents import press_of
from hq.moment import Moment
from hq.service import Service
from hq.store import Store
from terminal.contract.messages import Alarm, AlarmRaised, AlarmSignalled, decode_alarm
from terminal.contract.mqtt import Broker
from terminal.contract.topics import MQTT
from tests.model.chain_disk import Disk
from tests.model.chain_line import HOSTS, REALM, UNIT, Network, SimConnection
from tests.model.chain_mobile import SMS, Card, Modem
from tests.model.virtual_time import VirtualLoop

NOW_MS = 1_800_000_000_000
GATEWAYS: dict[str, tuple[str, GatewaySettings]] = {SMS: ("sms_modem", sms_modem.Settings())}
BROKERS = tuple(Broker(host=host) for host in HOSTS)


class Brought(msgspec.Struct, frozen=True):
    """Of a message on the disk, which it is and what brought it."""

    id: str
    bearer: str = MQTT


class Headquarters:
    """One run of the service after another on the same store."""

    def __init__(self, folder: Path, network: Network, card: Card, disk: Disk, loop: VirtualLoop) -> None:
        self._folder, self._network, self._card, self._loop = folder, network, card, loop
        self.disk = disk
        folder.mkdir(parents=True)
        self.runs = 0
        self.ahead_ms = 0
        self.start()

    def _moment(self) -> Moment:
        """What the clocks say; that on the wall, whatever has been done to it."""
        mono_ms = round(self._loop.time() * 1000)
        return Moment("boot-1", mono_ms, mono_ms + NOW_MS + self.ahead_ms)

    def start(self) -> None:
        """Begin a run; headquarters does not begin on a disk that fails."""
        self.disk.left = None
        self.runs += 1
        store = self._folder / f"hq-{self.runs}.db"
        for file in self._folder.glob(f"hq-{self.runs - 1}.db*"):
            shutil.copy(file, self._folder / file.name.replace(f"hq-{self.runs - 1}", f"hq-{self.runs}"))
        config = Config(name="HQ-1", brokers=BROKERS, gateways=GATEWAYS, store=store, socket=self._folder / "hq.sock")
        self._creating = self._loop.create_task(self._create(config))
        self._loop.run_until_complete(self._creating)
        self._running = self._loop.create_task(self.service.run())

    async def _create(self, config: Config) -> None:
        connect, opened = partial(SimConnection, self._network), partial(Store.open, vfs=self.disk.name)
        self.service = Service(config, connect=connect, clock=self._moment, opened=opened)
        gateway = self.service._gatehouse._gateways[SMS]
        assert isinstance(gateway, sms_modem.SmsModem)
        gateway._modem = Modem(self._card)

    @property
    def desk(self) -> Desk:
        """Where people act."""
        return self.service._desk

    def answer(self) -> tuple[str, int]:
        """Epoch and revision of what the car is to show."""
        store = self.service._store
        return store.epoch, store.revisions((REALM, UNIT))[0]

    def owes(self) -> bool:
        """Whether people are shown what its disk has not taken."""
        return bool(self.service._receiver._known.owed)

    def messages(self) -> list[Alarm]:
        """Every alarm message that is on headquarters' disk."""
        return [decode_alarm(body) for body in self._bodies()]

    def presses_on_disk(self, bearer: str = "") -> frozenset[str]:
        """The presses that are there: those that this bearer has brought, or all."""
        found = (msgspec.json.decode(body, type=Brought) for body in self._bodies())
        return frozenset(press_of(one.id) for one in found if bearer in ("", one.bearer))

    def _bodies(self) -> list[bytes]:
        found = self.service._store._db.execute("SELECT body FROM messages WHERE lane = 'alarm'")
        return [body for (body,) in found]

    def presses(self, incident: str) -> int:
        """How many presses of this incident are there, without those that came first in another one."""
        told = {press_of(one.id) for one in self.messages() if is_press(one) and one.incident == incident}
        return len(told.difference(*(one.presses for one in self.desk.incidents() if one.incident != incident)))

    @staticmethod
    def presses_of(messages: Sequence[Alarm]) -> int:
        """Of how many presses these tell, each over whatever bearers."""
        return len({press_of(one.id) for one in messages})

    def crash(self) -> None:
        """End at once."""
        copies = {file: file.read_bytes() for file in self._folder.glob(f"hq-{self.runs}.db*")}
        self._network.hq_ends()
        self._running.cancel()
        self._loop.run_until_complete(asyncio.gather(self._running, return_exceptions=True))
        for file in self._folder.glob(f"hq-{self.runs}.db*"):
            file.unlink()
        for file, content in copies.items():
            file.write_bytes(content)

    def back_up(self) -> dict[str, bytes]:
        """Its store as it is now, by the ends of its files' names."""
        name = f"hq-{self.runs}.db"
        return {file.name.removeprefix(name): file.read_bytes() for file in self._folder.glob(f"{name}*")}

    def restore(self, backup: dict[str, bytes]) -> None:
        """Begin a run on a store of before, and say so, as docs/operations.md asks for."""
        self.crash()
        for file in self._folder.glob(f"hq-{self.runs}.db*"):
            file.unlink()
        for end, content in backup.items():
            (self._folder / f"hq-{self.runs}.db{end}").write_bytes(content)
        self.start()
        self._loop.run_until_complete(self.service._new_epoch())


def is_press(message: Alarm) -> TypeGuard[AlarmRaised | AlarmSignalled]:
    """Whether it tells of a press."""
    return isinstance(message, AlarmRaised | AlarmSignalled)
