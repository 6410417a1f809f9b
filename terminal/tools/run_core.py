"""`patrola core`: runs core until it is told to stop, and tells systemd how it is."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
from pathlib import Path

from terminal import config as unit_config
from terminal.contract.systemd import Watchdog, notify_ready
from terminal.core import assemble
from terminal.core.daemon import Core

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola core`."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the terminal's unit.toml")
    parser.add_argument("--echo", action="store_true", help="write the journal to standard output too")


def run(args: argparse.Namespace) -> int:
    """0 after SIGTERM or SIGINT; ConfigError for a configuration that cannot be used."""
    core = assemble.core(unit_config.load(args.config), echo=args.echo)
    asyncio.run(_serve(core))
    if core.disk_hangs:
        log.error("core: the disk hangs; what it had not taken is left behind")
        # Python waits for what a thread holds before it ends, and the disk holds that thread.
        os._exit(0)
    return 0


async def _serve(core: Core) -> None:
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(core.run(ready=_ready, turned=Watchdog(loop.time).turned))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _ready() -> None:
    # What stands now stays: a collector that looked through it again might do so during a press.
    gc.collect()
    gc.freeze()
    notify_ready()
