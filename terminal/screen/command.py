"""`patrola screen`: the officers' screen on core's socket."""

import argparse
import os
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

    def press() -> None:
        pipe = os.open(args.button, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, b"press\n")
        finally:
            os.close(pipe)

    TerminalScreen(args.socket, press if args.button else None).run()
    return 0
