"""`patrola core`: runs core until it is told to stop, and tells systemd how it is."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from terminal import config as unit_config
from terminal.core import assemble
from terminal.core.daemon import Core


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola core`."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the terminal's unit.toml")
    parser.add_argument("--echo", action="store_true", help="write the journal to standard output too")


def run(args: argparse.Namespace) -> int:
    """0 after SIGTERM or SIGINT; ConfigError for a configuration that cannot be used."""
    core = assemble.core(unit_config.load(args.config), echo=args.echo)
    asyncio.run(_serve(core))
    return 0


async def _serve(core: Core) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(core.run(ready=_notify_ready, turned=Watchdog(loop.time).turned))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _notify_ready() -> None:
    notify("READY=1")


class Watchdog:
    """Tells systemd that core's loop turns, four times in the span that systemd allows; only turns feed it."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._period_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 4e6
        self._fed_s = float("-inf")

    def turned(self) -> None:
        """The loop has turned once more."""
        if self._period_s and self._now_s() - self._fed_s >= self._period_s:
            self._fed_s = self._now_s()
            notify("WATCHDOG=1")


def notify(state: str) -> None:
    """sd_notify(3): one datagram to systemd, if it listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        name = "\0" + address[1:] if address.startswith("@") else address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.sendto(state.encode(), name)
