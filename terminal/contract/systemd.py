"""What a service of ours tells systemd: that it is ready, and that its loop turns."""

import os
import socket
from collections.abc import Callable


class Watchdog:
    """Tells systemd that a loop turns, four times in the span that systemd allows; only turns feed it."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.period_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6
        """How often it is told; 0 when systemd does not want to know."""
        self._fed_s = float("-inf")

    def turned(self) -> None:
        """The loop has turned once more."""
        if self.period_s and self._now_s() - self._fed_s >= self.period_s:
            self._fed_s = self._now_s()
            notify("WATCHDOG=1")


def notify_ready() -> None:
    """The service serves."""
    notify("READY=1")


def notify(state: str) -> None:
    """sd_notify(3): one datagram to systemd, if it listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        name = "\0" + address[1:] if address.startswith("@") else address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(state.encode(), name)
