"""The modem's driver, the real ModemManager, and a modem that speaks AT commands."""

import asyncio
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from drivers import registry
from hal.clock import SystemClock
from hal.errors import SourceError, SourceMissing, SourceRefused
from hal.ports import Messaging
from hal.readings import LinkQuality
from tests.system.at_modem import HOME, SEARCHING, AtModem, delivered, submitted
from tests.system.modem_bench import SERVICE, ModemBench

WITHIN_S = 60.0
HQ = "+38640111222"
MANAGER = "/org/freedesktop/ModemManager1"
DATA_8_BIT, GSM_7_BIT = 0x04, 0x00
"""Coding schemes (23.038, section 4)."""
NUMBERS = itertools.count()


class RealManager(ModemBench):
    """A bus with Debian's ModemManager on it, which looks for no device but the one that it is shown."""

    def start_manager(self, *, plugged_in: bool = False) -> None:
        program = shutil.which("ModemManager", path="/usr/sbin:/usr/bin")
        assert program is not None, "ModemManager is not installed; ./scripts/test installs it"
        arguments = ["--test-session", "--test-enable", "--test-no-udev", "--no-auto-scan", "--log-level=ERR"]
        environment = os.environ | {"DBUS_SESSION_BUS_ADDRESS": self.address}
        self._manager = subprocess.Popen([program, *arguments], env=environment, stderr=subprocess.DEVNULL)
        self._until(lambda: self.call(MANAGER, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"))

    def call(self, path: str, interface: str, member: str, *body: Any, signature: str = "") -> Any:
        return self._ask(path, interface, member, *body, signature=signature, service=SERVICE)


@contextmanager
def modem(folder: Path, pin: str = "READY") -> Iterator[tuple[AtModem, RealManager]]:
    """A modem that ModemManager has been shown."""
    port = f"abstract:patrola-{os.getpid()}-{next(NUMBERS)}"
    manager, device = RealManager(folder), AtModem(port, pin)
    try:
        manager.start_bus()
        manager.start_manager()
        manager.call(MANAGER, f"{SERVICE}.Test", "SetProfile", "bench", "generic", [port], signature="ssas")
        yield device, manager
    finally:
        manager.kill_bus()
        device.close()


def source(manager: RealManager) -> Messaging:
    settings = registry.settings_type("modem_manager")(bus=manager.address, look_every_s=1.0)
    built = registry.build("modem_manager", "modem", settings, SystemClock())
    assert isinstance(built, Messaging)
    return built


async def refusal(modem: Messaging) -> SourceError:
    """What the driver says once ModemManager has looked at the modem."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                # A modem that ModemManager is still looking at is in no network.
                async with aclosing(modem.readings()) as readings:  # type: ignore[type-var]
                    assert not (await anext(readings)).registered
            except SourceError as error:
                if not isinstance(error, SourceMissing):
                    return error
            await asyncio.sleep(0.05)


async def until(readings: Any, true: Callable[[LinkQuality], bool]) -> LinkQuality:
    async with asyncio.timeout(WITHIN_S):
        async for reading in readings:
            assert isinstance(reading, LinkQuality)
            if true(reading):
                return reading
    raise AssertionError


def test_the_real_modemmanager_tells_the_network_and_carries_sms_both_ways(tmp_path: Path) -> None:
    async def story(device: AtModem, manager: RealManager) -> None:
        driver = source(manager)
        assert "is disabled; `nmcli radio wwan on`" in str(await refusal(driver))
        manager.call(f"{MANAGER}/Modem/0", f"{SERVICE}.Modem", "Enable", True, signature="b")
        async with aclosing(driver.readings()) as readings:
            first = await until(readings, lambda one: one.registered)
            assert (first.state, first.operator, first.access_technology) == ("registered", "TheOperator", "lte")
            await driver.send_message(HQ, bytes(range(124)))
            await driver.send_message(HQ, "A" * 160)
            data, text = (submitted(pdu) for pdu in device.sent)
            assert data == (HQ, DATA_8_BIT, bytes(range(124)))
            assert (text[:2], len(text[2])) == ((HQ, GSM_7_BIT), 140)

            device.move(SEARCHING)
            assert (await until(readings, lambda one: not one.registered)).state == "searching"
            device.move(HOME)
            device.deliver(3, delivered(HQ, bytes(range(140))))
            await until(readings, lambda one: one.registered)
            coming = asyncio.create_task(driver.next_message())
            await until(readings, lambda _one: coming.done())
            message = coming.result()
            assert (message.number, message.data, message.text) == (HQ, bytes(range(140)), "")
            assert device.stored
            await driver.let_go(message)
            assert not device.stored

    with modem(tmp_path) as (device, manager):
        asyncio.run(story(device, manager))


def test_a_locked_sim_is_told_by_the_real_modemmanager_too(tmp_path: Path) -> None:
    with modem(tmp_path, "SIM PIN") as (_device, manager):
        error = asyncio.run(refusal(source(manager)))
    assert isinstance(error, SourceRefused)
    assert "the SIM wants its PIN; switch the PIN off" in str(error)


def test_without_a_modem_the_real_modemmanager_is_there_and_says_so(tmp_path: Path) -> None:
    manager = RealManager(tmp_path)
    try:
        manager.start_bus()
        manager.start_manager()
        with pytest.raises(SourceMissing, match="ModemManager knows no modem; check its plug"):
            asyncio.run(_first(source(manager)))
    finally:
        manager.kill_bus()


async def _first(driver: Messaging) -> object:
    async with aclosing(driver.readings()) as readings:  # type: ignore[type-var]
        return await anext(readings)
