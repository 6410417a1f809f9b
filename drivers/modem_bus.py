"""D-Bus as ModemManager's driver needs it: calls with a time limit whose failures say what to do, and a wake-up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

from hal.errors import SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale

SERVICE = "org.freedesktop.ModemManager1"
DAEMON = "org.freedesktop.DBus"
SIGNALS = (
    f"type='signal',sender='{SERVICE}'",
    f"type='signal',sender='{DAEMON}',member='NameOwnerChanged',arg0='{SERVICE}'",
)

ABSENT = ("ServiceUnknown", "NameHasNoOwner", "Spawn.ExecFailed", "Spawn.ServiceNotFound")
REFUSED = ("AccessDenied", "Unauthorized", "NotAuthorized", "InteractiveAuthorizationRequired")
GONE = ("UnknownObject", "UnknownMethod", "UnknownInterface", "NotFound")
BROKEN_OFF = ("NoReply", "Disconnected")
"""How names of D-Bus errors end, of the bus and of ModemManager (its MMCoreError)."""


class ModemBus:
    """One open connection; `changed` is set whenever ModemManager says anything, or comes or goes."""

    def __init__(self, where: str, bus: MessageBus, within_s: float) -> None:
        self._where = where
        self._bus = bus
        self._within_s = within_s
        self.changed = asyncio.Event()
        bus.add_message_handler(self._heard)

    def _heard(self, message: Message) -> None:
        # Whoever sent it: it says only that it is time to look again.
        if message.message_type is MessageType.SIGNAL:
            self.changed.set()

    async def listen(self) -> None:
        """Have ModemManager's signals brought; raises SourceError."""
        for rule in SIGNALS:
            await self._call(Message(DAEMON, "/org/freedesktop/DBus", DAEMON, "AddMatch", signature="s", body=[rule]))

    async def call(
        self, path: str, interface: str, member: str, *body: Any, signature: str = "", within_s: float | None = None
    ) -> list[Any]:
        """What ModemManager answers; raises SourceError, also when it says nothing in time."""
        message = Message(SERVICE, path, interface, member, signature=signature, body=list(body))
        return await self._call(message, within_s)

    async def _call(self, message: Message, within_s: float | None = None) -> list[Any]:
        limit_s = within_s or self._within_s
        try:
            async with asyncio.timeout(limit_s):
                reply = await self._bus.call(message)
        except TimeoutError as error:
            problem = f"ModemManager did not answer {message.member} within {limit_s:g} s"
            raise SourceStale(self._where, problem, "see `systemctl status ModemManager`, `mmcli -L`") from error
        except (OSError, EOFError, DBusFastError) as error:
            raise lost(self._where, error) from error
        if reply is None:
            raise lost(self._where, "end of file")
        if reply.message_type is MessageType.ERROR:
            raise _refusal(self._where, message.member or "", reply)
        return list(reply.body)


@asynccontextmanager
async def connected(where: str, address: str, within_s: float) -> AsyncIterator[ModemBus]:
    """The bus at this address ("" is the system's), closed again afterwards; raises SourceError."""
    bus = _bus(where, address)
    try:
        async with asyncio.timeout(within_s):
            await bus.connect()
    except (OSError, EOFError, DBusFastError) as error:  # TimeoutError is an OSError
        problem = f"no D-Bus answers ({str(error) or type(error).__name__})"
        raise SourceMissing(where, problem, "see `systemctl status dbus`") from error
    try:
        yield ModemBus(where, bus, within_s)
    finally:
        bus.disconnect()
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            async with asyncio.timeout(within_s):
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def _bus(where: str, address: str) -> MessageBus:
    try:
        return MessageBus(bus_address=address) if address else MessageBus(bus_type=BusType.SYSTEM)
    except DBusFastError as error:
        problem = f"{address!r} is no address of a D-Bus ({error})"
        raise SourceMissing(where, problem, "expected unix:path=..., or nothing for the system's") from error


def lost(where: str, reason: object) -> SourceLost:
    """The connection to the bus has ended."""
    said = str(reason) or type(reason).__name__
    return SourceLost(where, f"D-Bus has closed the connection ({said})", "see `systemctl status dbus`")


def _refusal(where: str, member: str, reply: Message) -> SourceError:
    name, text = str(reply.error_name), " ".join(str(part) for part in reply.body)
    if name.endswith(ABSENT):
        return SourceMissing(where, "ModemManager does not run", "`systemctl enable --now ModemManager`")
    if name.endswith(REFUSED):
        remedy = "install config/polkit/60-patrola.rules in /etc/polkit-1/rules.d"
        return SourceRefused(where, f"ModemManager does not let this user call {member}", remedy)
    if name.endswith(BROKEN_OFF):
        return SourceLost(where, f"ModemManager ended during {member}", "see `systemctl status ModemManager`")
    if name.endswith(GONE):
        return SourceLost(where, f"the modem went away during {member} ({text or name})", "check its plug and power")
    return SourceError(where, f"ModemManager refused {member}: {text or name}", "see `mmcli -m any`")
