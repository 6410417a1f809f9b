"""A live bus is heard over python-can's own interfaces too, and no part of the product can write to any."""

import ast
import asyncio
import socket
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import can
import pytest

from drivers import socketcan
from drivers.can_listener import KernelListener, LibraryListener, Listener, filters
from drivers.frames import EXTENDED
from hal.clock import SystemClock
from hal.errors import ConfigError, SourceLost, SourceMissing, SourceStale
from hal.readings import VehicleSignals
from tests.parsing import tree_of

ROOT = Path(__file__).parent.parent.parent
MAP = ROOT / "tests" / "golden" / "car.toml"
MULTICAST = "239.74.163.77"
DEADLINE_S = 20


def source(interface: str, channel: str, **settings: object) -> socketcan.CanBus:
    built = socketcan.build(
        "can", socketcan.Settings(interface=interface, channel=channel, vehicle=MAP, **settings), SystemClock()
    )
    assert isinstance(built, socketcan.CanBus)
    return built


def speed(kmh: int) -> can.Message:
    data = (kmh * 100).to_bytes(2, "little") + bytes(6)
    return can.Message(arbitration_id=0x100, is_extended_id=False, data=data)


async def heard(bus: socketcan.CanBus, say: Callable[[], None], count: int) -> list[VehicleSignals]:
    """The first `count` readings; `say` is repeated until something is heard, since a bus takes time to open."""
    found: list[VehicleSignals] = []

    async def listen() -> None:
        async with aclosing(bus.readings()) as readings:
            async for reading in readings:
                found.append(reading)
                if len(found) >= count:
                    return

    task = asyncio.create_task(listen())
    async with asyncio.timeout(DEADLINE_S):
        while not task.done():
            say()
            await asyncio.wait([task], timeout=0.05)
    await task
    return found


def test_a_virtual_bus_is_heard() -> None:
    with can.Bus(interface="virtual", channel="heard") as car:
        found = asyncio.run(heard(source("virtual", "heard"), lambda: car.send(speed(42)), 2))
    assert found[0].signals["Vehicle.Speed"] == 42.0
    assert found[0].t is None


def test_a_multicast_bus_between_processes_is_heard_and_garbage_on_it_is_counted() -> None:
    bus = source("udp_multicast", MULTICAST)
    with (
        can.Bus(interface="udp_multicast", channel=MULTICAST) as car,
        socket.socket(type=socket.SOCK_DGRAM) as stranger,
    ):

        def say() -> None:
            stranger.sendto(b"no frame", (MULTICAST, 43113))
            car.send(speed(43))

        found = asyncio.run(heard(bus, say, 2))
    assert found[0].signals["Vehicle.Speed"] == 43.0
    assert any("no CAN frame" in problem for problem in bus.reader.bad)


def test_wrong_lengths_remote_and_error_frames_are_survived() -> None:
    bus = source("virtual", "odd")
    odd = [
        can.Message(arbitration_id=0x100, is_extended_id=False, data=b"\x01"),
        can.Message(arbitration_id=0x100, is_extended_id=False, is_remote_frame=True, dlc=8),
        can.Message(arbitration_id=0x04, is_extended_id=False, is_error_frame=True, data=[0, 0x10, 0, 0, 0, 0, 0, 0]),
        speed(44),
    ]
    with can.Bus(interface="virtual", channel="odd") as car:
        found = asyncio.run(heard(bus, lambda: [car.send(message) for message in odd] and None, 1))
    assert found[0].signals["Vehicle.Speed"] == 44.0
    assert set(bus.reader.bad) >= {"error frame: error-passive by receive errors"}
    assert any("1 bytes instead of 8" in problem for problem in bus.reader.bad)


def test_bus_off_is_told_as_a_lost_source() -> None:
    bus_off = can.Message(arbitration_id=0x40, is_extended_id=False, is_error_frame=True, data=bytes(8))
    with can.Bus(interface="virtual", channel="off") as car, pytest.raises(SourceLost, match="off is bus-off"):
        asyncio.run(heard(source("virtual", "off"), lambda: car.send(bus_off), 1))


def test_a_silent_bus_is_told_as_stale() -> None:
    with pytest.raises(SourceStale, match=r"no mapped frame on silent for 0\.05 s; normal while the car sleeps"):
        asyncio.run(heard(source("virtual", "silent", silent_after_s=0.05), lambda: None, 1))


def test_a_bus_of_errors_and_frames_of_the_wrong_length_is_stale_too() -> None:
    noise = [
        can.Message(arbitration_id=0x08, is_extended_id=False, is_error_frame=True, data=bytes(8)),
        can.Message(arbitration_id=0x100, is_extended_id=False, data=b"\x01"),
    ]
    bus = source("virtual", "noise", silent_after_s=0.5)
    with can.Bus(interface="virtual", channel="noise") as car, pytest.raises(SourceStale, match="no mapped frame"):
        asyncio.run(heard(bus, lambda: [car.send(message) for message in noise] and None, 1))
    assert len(bus.reader.bad) == 2


def test_a_missing_interface_or_kernel_without_can_is_told_with_what_to_do() -> None:
    with pytest.raises(
        SourceMissing, match=r"there is no interface nocan9; plug|this kernel has no CAN; modprobe can-raw"
    ):
        asyncio.run(heard(source("socketcan", "nocan9"), lambda: None, 1))


def test_a_bus_without_a_map_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="either `vehicle`"):
        socketcan.build("can", socketcan.Settings(), SystemClock())


def test_filters_are_the_mapped_ids_and_none_beyond_what_the_kernel_takes() -> None:
    assert filters(frozenset({0x100, 0x18FEF100 | EXTENDED})) == [
        {"can_id": 0x100, "can_mask": 0x7FF, "extended": False},
        {"can_id": 0x18FEF100, "can_mask": 0x1FFFFFFF, "extended": True},
    ]
    assert filters(frozenset(range(513))) == []


def test_the_shipped_sysctl_lets_core_have_the_buffer_that_it_asks_for() -> None:
    text = (ROOT / "config" / "sysctl" / "60-patrola.conf").read_text()
    granted = [int(line.split("=")[1]) for line in text.splitlines() if line.startswith("net.core.rmem_max")]
    assert granted == [socketcan.Settings().receive_buffer_bytes]


WRITING = {"send", "send_periodic", "sendto", "sendmsg", "sendall", "write", "set_filters_tx", "send_bcm", "BCM"}


def product_modules() -> dict[Path, ast.Module]:
    folders = ("hal", "drivers", "terminal", "hq")
    return {path: tree_of(path.read_text()) for folder in folders for path in (ROOT / folder).rglob("*.py")}


def imports(tree: ast.Module) -> set[str]:
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.promise("P-HARD-06")
def test_only_three_modules_touch_a_bus_and_none_of_them_writes() -> None:
    touching = {}
    for path, tree in product_modules().items():
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if any(name.split(".")[0] == "can" for name in imports(tree)) or names & {"AF_CAN", "PF_CAN", "CAN_RAW"}:
            touching[path.name] = names
    assert touching.keys() == {"can_file.py", "can_listener.py", "socketcan.py"}
    for name, attributes in touching.items():
        assert not attributes & WRITING, name


@pytest.mark.promise("P-HARD-06")
@pytest.mark.parametrize("offered", [Listener, KernelListener, LibraryListener])
def test_a_listener_offers_nothing_but_listening(offered: type) -> None:
    assert {name for name in dir(offered) if not name.startswith("_")} == {"frames", "close"}


@pytest.mark.promise("P-HARD-06")
def test_a_bus_offers_nothing_but_listening() -> None:
    assert {name for name in dir(source("virtual", "offers")) if not name.startswith("_")} == {
        "name",
        "readings",
        "reader",
        "signals",
    }
