"""A GNSS receiver at the wire: a pty that tests write NMEA to, and a real gpsd that reads one."""

import os
import signal
import socket
import subprocess
import time
import tty
from contextlib import suppress
from functools import reduce
from operator import xor
from pathlib import Path

GPSD = "/usr/sbin/gpsd"
DEADLINE_S = 20.0


def sentence(body: str) -> bytes:
    """The body with its frame."""
    return f"${body}*{reduce(xor, body.encode(), 0):02X}\r\n".encode()


def epoch(second: int, valid: bool = True) -> bytes:
    """One second of a drive to the east, without a fix if not `valid`."""
    time_of_day = f"12{second // 60:02}{second % 60:02}.00"
    place = f"4515.6000,N,{1950 + second / 1000:010.4f},E" if valid else ",,,"
    rmc = f"GPRMC,{time_of_day},{'A' if valid else 'V'},{place},10.0,90.0,150626,,,{'A' if valid else 'N'}"
    gga = f"GPGGA,{time_of_day},{place},{1 if valid else 0},08,1.0,80.5,M,40.0,M,,"
    return sentence(rmc) + sentence(gga)


class Receiver:
    """A pty, at `path` by a symbolic link so that it can be unplugged and come back under its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = -1
        self.plug_in()

    def plug_in(self) -> None:
        """Appear; a new pty behind the old name."""
        self.line, device = os.openpty()
        os.set_blocking(self.line, False)
        tty.setraw(device)
        os.fchmod(device, 0o666)
        self.device = os.ttyname(device)
        self._device_fd = device
        self.path.symlink_to(self.device)

    def unplug(self) -> None:
        """Vanish, as a USB receiver does."""
        if self.line >= 0:
            os.close(self.line)
            os.close(self._device_fd)
            self.path.unlink()
            self.line = -1

    def say(self, data: bytes) -> None:
        """Write to whoever listens; as on any serial line, what nobody takes is lost."""
        with suppress(BlockingIOError):
            os.write(self.line, data)


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealGpsd:
    """A gpsd of the test's own on a port of its own."""

    def __init__(self, device: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._process = subprocess.Popen(
            [GPSD, "-N", "-n", "-b", "-s", "38400", "-S", str(self.port), device], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + DEADLINE_S
        while not self._answers():
            assert time.monotonic() < deadline, "gpsd does not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it without warning."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(DEADLINE_S)
