"""Finds the I/O board among the serial ports, and says who holds a port or why it may not be opened."""

import errno
import termios
import time
from collections.abc import Iterable
from pathlib import Path

import serial
from msgspec import Struct
from serial.tools import list_ports

from hal.errors import SourceError, SourceMissing, SourceRefused, SourceStale

BAUD = 115200
WRITTEN_WITHIN_S = 1.0
MICROPYTHON = (0x2E8A, 0x0005)
"""Vendor and product that MicroPython's rp2 port shows: its ports/rp2/mpconfigport.h."""

BRIDGES = {
    (0x10C4, 0xEA60): "CP210x",
    (0x1A86, 0x7523): "CH340",
    (0x1A86, 0x55D4): "CH9102",
    (0x0403, 0x6001): "FT232",
}
"""The USB bridges on ESP32 boards, and in GNSS receivers and modems as well: never chosen without being named."""

BY_ID = Path("/dev/serial/by-id")
LOOK_EVERY_S = 0.1

NEW_BOARD = "for one without MicroPython hold BOOTSEL while plugging it in, mount its drive and give --uf2 FILE"


class PortBusy(SourceRefused):
    """Another program holds the port; right after a board's restart that may be one that looks at every new port."""


class Port(Struct, frozen=True):
    """A serial port that USB brought; `usb` is its vendor and product."""

    device: str
    usb: tuple[int, int]
    serial_number: str = ""


def ports(by_id: Path = BY_ID) -> list[Port]:
    """Every USB serial port, by the name that lasts where it has one."""
    lasting = {str(link.resolve()): str(link) for link in sorted(by_id.glob("*"))} if by_id.is_dir() else {}
    return [
        Port(lasting.get(found.device, found.device), (found.vid, found.pid), found.serial_number or "")
        for found in list_ports.comports()
        if found.vid is not None and found.pid is not None
    ]


def choose(found: Iterable[Port]) -> str:
    """The one port that is a board's; SourceMissing or SourceRefused say what to do when that is not clear."""
    found = list(found)
    boards = [port.device for port in found if port.usb == MICROPYTHON]
    if len(boards) == 1:
        return boards[0]
    if boards:
        remedy = f"unplug all but one, or name it: {' or '.join(f'--port {device}' for device in boards)}"
        raise SourceRefused("board", f"there are {len(boards)} boards", remedy)
    bridges = [f"--port {port.device} ({BRIDGES[port.usb]})" for port in found if port.usb in BRIDGES]
    if bridges:
        remedy = f"if one of these is an ESP32 board and no GNSS receiver or modem, name it: {', '.join(bridges)}"
        raise SourceMissing("board", "there is no Pico with MicroPython", remedy)
    raise SourceMissing("board", "no board was found", f"plug it in, with a cable that carries data; {NEW_BOARD}")


def open_port(device: str, timeout_s: float) -> serial.Serial:
    """The port, for nobody else; SourceError says in words whatever is in the way."""
    try:
        return serial.Serial(device, BAUD, timeout=timeout_s, write_timeout=WRITTEN_WITHIN_S, exclusive=True)
    except (OSError, ValueError) as error:
        raise refusal(device, error) from error
    except termios.error as error:  # a line that goes away while it is opened
        raise refusal(device, OSError(*error.args)) from error


def refusal(device: str, error: OSError | ValueError) -> SourceError:
    """Why a port cannot be opened, in words."""
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return SourceRefused("board", f"{device} may not be opened by this user", "add the user to the group dialout")
    if number in (errno.EAGAIN, errno.EBUSY):
        return PortBusy("board", f"{device} is in use by another program", "systemctl stop patrola-core")
    return SourceMissing("board", f"there is no serial port {device}", "plug the board in; ls /dev/serial/by-id")


def wait(device: str, within_s: float) -> None:
    """Wait for a board that is restarting; udev makes its device node first and gives the group its right after."""
    ends_s = time.monotonic() + within_s
    while True:
        try:
            open_port(device, 0).close()
        except (SourceRefused, SourceMissing):
            if time.monotonic() > ends_s:
                raise
        else:
            return
        time.sleep(LOOK_EVERY_S)


def wait_new(before: Iterable[Port], within_s: float) -> str:
    """Wait for a board that was not there before; SourceStale when none comes."""
    known, ends_s = set(before), time.monotonic() + within_s
    while time.monotonic() < ends_s:
        new = [port for port in ports() if port not in known and port.usb == MICROPYTHON]
        if new:
            return choose(new)
        time.sleep(LOOK_EVERY_S)
    problem = f"the UF2 file was copied, but no board with MicroPython came within {within_s:g} s"
    raise SourceStale("board", problem, "unplug the board, plug it in and start again; is the UF2 file MicroPython's?")
