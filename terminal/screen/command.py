"""`patrola screen`: the officers' screen on core's socket."""

import argparse
import contextlib
import os
from functools import partial
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola screen`."""
    default = Path("/run/patrola/core.sock")
    parser.add_argument(
        "--socket", type=Path, default=default, metavar="PATH", help=f"core's socket; default {default}"
    )
    parser.add_argument(
        "--button", type=Path, metavar="PIPE", help="demonstration: key b writes a press here, key q leaves"
    )


def run(args: argparse.Namespace) -> int:
    """0 when it is left; it waits for a core that is not there."""
    from terminal.screen.app import TerminalScreen

    screen = TerminalScreen(args.socket, partial(_press, args.button) if args.button else None)
    screen.run()
    return screen.return_code or 0


def _press(pipe: Path) -> None:
    """Work the simulated board; without one there is no button to press."""
    with contextlib.suppress(OSError):
        line = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(line, b"press\n")
        finally:
            os.close(line)
