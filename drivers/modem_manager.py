"""A mobile modem through ModemManager: the network as it sees it, and SMS out and in.

Whatever ModemManager says only wakes this driver, which then reads all of it again: what a signal told before us, or
while it was lost, is not missed.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from dbus_fast import Variant
from dbus_fast.unpack import unpack_variants

from drivers.modem_bus import SERVICE, ModemBus, connected
from drivers.modem_words import REGISTERED, STATES, access_technology, unusable
from hal.clock import Clock
from hal.errors import SourceError, SourceLost, SourceMissing, SourceRefused
from hal.ports import Messaging, ShortMessage
from hal.readings import AnyReading, LinkQuality

log = logging.getLogger(__name__)

MANAGER = "/org/freedesktop/ModemManager1"
MODEM = f"{SERVICE}.Modem"
NETWORK = f"{MODEM}.Modem3gpp"
MESSAGING = f"{MODEM}.Messaging"
SMS = f"{SERVICE}.Sms"

SMS_RECEIVED = 3
"""MMSmsState: all of it is there."""
MOST_WAITING = 100
"""Messages that nobody has taken yet; a SIM holds some 20, and what has no room here stays in the modem."""

Found = dict[str, dict[str, Any]]
"""A modem's interfaces, each with its properties."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which modem, by its IMEI ("": the first one), and on which D-Bus ("": the system's)."""

    modem: str = ""
    bus: str = ""
    look_every_s: Annotated[float, msgspec.Meta(gt=0, le=50)] = 15.0
    answers_within_s: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    sends_within_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0


def build(name: str, settings: Settings, clock: Clock) -> Messaging:
    """A source that yields the state of the mobile network, and sends and gets SMS while it is read."""
    return ModemManager(name, settings, clock)


class ModemManager:
    """One modem; in a dead zone it goes on, and says that it is not registered."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._bus: ModemBus | None = None
        self._modem = ""
        self._said_refused = False
        self._known: dict[str, ShortMessage] = {}
        self._came: asyncio.Queue[ShortMessage] = asyncio.Queue(MOST_WAITING)

    async def readings(self) -> AsyncIterator[AnyReading]:
        """The network's state, at each change and every `look_every_s`."""
        async with connected(self.name, self._settings.bus, self._settings.answers_within_s) as bus:
            await bus.listen()
            try:
                while True:
                    bus.changed.clear()
                    yield await self._look(bus)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._settings.look_every_s):
                            await bus.changed.wait()
            finally:
                self._bus = None

    async def send_message(self, number: str, content: bytes | str) -> None:
        """Hand it to the network, and leave nothing of it in the modem."""
        bus, modem = self._open()
        body = Variant("ay", content) if isinstance(content, bytes) else Variant("s", content)
        fields = {"number": Variant("s", number), "data" if isinstance(content, bytes) else "text": body}
        (sms,) = await bus.call(modem, MESSAGING, "Create", fields, signature="a{sv}")
        try:
            await bus.call(sms, SMS, "Send", within_s=self._settings.sends_within_s)
        finally:
            with contextlib.suppress(SourceError):
                await bus.call(modem, MESSAGING, "Delete", sms, signature="o")

    async def next_message(self) -> ShortMessage:
        """The next one that came."""
        return await self._came.get()

    async def let_go(self, message: ShortMessage) -> None:
        """Delete it in the modem, unless another one stands there by now."""
        bus, modem = self._open()
        if await self._read(bus, message.place) == message:
            await bus.call(modem, MESSAGING, "Delete", message.place, signature="o")

    def _open(self) -> tuple[ModemBus, str]:
        if self._bus is None:
            raise SourceLost(self.name, "the modem cannot be used now", "its state says why")
        return self._bus, self._modem

    async def _look(self, bus: ModemBus) -> LinkQuality:
        (objects,) = await bus.call(MANAGER, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        path, found = self._chosen(unpack_variants(objects))
        modem, network = found[MODEM], found.get(NETWORK, {})
        state = int(modem.get("State", 0))
        problem = unusable(
            self.name, state, int(modem.get("StateFailedReason", 0)), int(modem.get("UnlockRequired", 0))
        )
        if problem is not None:
            raise problem
        self._bus, self._modem = bus, path
        if MESSAGING in found:
            await self._take_messages_if_allowed(bus, path)
        return LinkQuality(
            source=self.name,
            mono_ns=self._clock.mono_ns(),
            registered=state >= REGISTERED,
            state=STATES.get(state),
            operator=str(network.get("OperatorName", "")) or None,
            access_technology=access_technology(int(modem.get("AccessTechnologies", 0))),
            signal_percent=int(modem.get("SignalQuality", (0, False))[0]),
        )

    def _chosen(self, objects: dict[str, Found]) -> tuple[str, Found]:
        wanted = self._settings.modem
        modems = sorted((path, found) for path, found in objects.items() if MODEM in found)
        for path, found in modems:
            if wanted in ("", found[MODEM].get("EquipmentIdentifier")):
                return path, found
        which = f"no modem has the IMEI {wanted}" if modems else "ModemManager knows no modem"
        raise SourceMissing(self.name, which, "check its plug and power; `mmcli -L` lists the modems")

    async def _take_messages_if_allowed(self, bus: ModemBus, modem: str) -> None:
        try:
            await self._take_messages(bus, modem)
        except SourceRefused as error:
            # Who only wants to know the network needs no right to read messages.
            if not self._said_refused:
                log.warning("%s; no SMS comes in", error)
            self._said_refused = True
        else:
            self._said_refused = False

    async def _take_messages(self, bus: ModemBus, modem: str) -> None:
        (paths,) = await bus.call(modem, MESSAGING, "List")
        self._known = {path: known for path, known in self._known.items() if path in paths}
        for path in paths:
            message = await self._read(bus, path)
            if message is not None and self._known.get(path) != message and not self._came.full():
                self._known[path] = message
                self._came.put_nowait(message)

    async def _read(self, bus: ModemBus, path: str) -> ShortMessage | None:
        """The message that stands there; None for one that has not come whole, is our own, or has gone."""
        try:
            (fields,) = await bus.call(path, "org.freedesktop.DBus.Properties", "GetAll", SMS, signature="s")
        except SourceLost:
            return None
        told = unpack_variants(fields)
        if told.get("State") != SMS_RECEIVED:
            return None
        return ShortMessage(
            number=str(told.get("Number", "")),
            data=bytes(told.get("Data", b"")),
            text=str(told.get("Text", "")),
            place=path,
            told=str(told.get("Timestamp", "")),
        )
