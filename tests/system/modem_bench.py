"""A modem for a test: a D-Bus of its own, and on it ModemManager as python-dbusmock plays it."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

WITHIN_S = 30.0
PYTHON = "/usr/bin/python3"
"""Debian's own, for which python3-dbusmock is installed."""
TEMPLATE = Path(__file__).with_name("modem_template.py")
SERVICE, MAIN = "org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1"


class ModemBench:
    """A bus and a ModemManager that can be killed and started again; `address` is the bus's."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder}/bus"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._manager: subprocess.Popen[bytes] | None = None

    def start_bus(self) -> None:
        program = shutil.which("dbus-daemon")
        assert program is not None, "dbus-daemon is not installed; ./scripts/test installs it"
        Path(self.address.removeprefix("unix:path=")).unlink(missing_ok=True)
        arguments = [program, "--session", "--nofork", "--nopidfile", f"--address={self.address}"]
        self._daemon = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
        self._until(lambda: self._ask("/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId"))

    def start_manager(self, *, plugged_in: bool = True) -> None:
        arguments = [PYTHON, "-m", "dbusmock", "--session", "--template", str(TEMPLATE)]
        environment = os.environ | {"DBUS_SESSION_BUS_ADDRESS": self.address}
        self._manager = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
        self._until(lambda: self.ask("Sent"))
        if plugged_in:
            self.ask("PlugIn")

    def kill_manager(self) -> None:
        _kill(self._manager)
        self._manager = None

    def kill_bus(self) -> None:
        """The manager ends with it."""
        _kill(self._daemon)
        _kill(self._manager)
        self._daemon = self._manager = None

    def pause(self, signal: int) -> None:
        """Stop or continue ModemManager as a process: while stopped it answers nothing."""
        assert self._manager is not None
        self._manager.send_signal(signal)

    def ask(self, member: str, *body: Any, signature: str = "") -> Any:
        """One of the template's own methods."""
        return self._ask(MAIN, "org.freedesktop.DBus.Mock", member, *body, signature=signature, service=SERVICE)

    def become(self, name: str, value: Any, kind: str) -> None:
        self.ask("Become", name, Variant(kind, value), signature="sv")

    def deliver(self, number: str, data: bytes = b"", text: str = "") -> None:
        self.ask("Deliver", number, data.hex(), text, signature="sss")

    def sent(self) -> list[tuple[str, bytes, str]]:
        """What the network took: number, data, text."""
        return [(number, bytes.fromhex(data), text) for number, data, text in self.ask("Sent")]

    def _ask(self, path: str, interface: str, member: str, *body: Any, signature: str = "", service: str = "") -> Any:
        message = Message(service or interface, path, interface, member, signature=signature, body=list(body))

        async def asked() -> Message | None:
            bus = MessageBus(bus_address=self.address)
            async with asyncio.timeout(WITHIN_S):
                await bus.connect()
                try:
                    return await bus.call(message)
                finally:
                    bus.disconnect()
                    await bus.wait_for_disconnect()

        reply = _apart(asked)
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise LookupError(f"{member}: {reply.error_name}: {reply.body}")
        return reply.body[0] if reply.body else None

    def _until(self, ask: Any) -> None:
        deadline_s = time.monotonic() + WITHIN_S
        while True:
            try:
                ask()
            except (OSError, EOFError, DBusFastError, LookupError):
                assert time.monotonic() < deadline_s, "it did not start; is python3-dbusmock installed?"
                time.sleep(0.02)
            else:
                return


def _apart(work: Any) -> Any:
    """In a loop and a thread of its own, since the test may have a loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def _kill(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None:
        process.kill()
        process.wait()


@contextmanager
def modem_bench(folder: Path) -> Iterator[ModemBench]:
    """A running bus with a ModemManager that knows one registered modem."""
    bench = ModemBench(folder)
    try:
        bench.start_bus()
        bench.start_manager()
        yield bench
    finally:
        bench.kill_bus()
