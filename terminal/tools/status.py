"""`patrola status`: what core knows, as JSON lines: once, or again after every change."""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from terminal.link import LONGEST_LINE, Snapshot, after, decode_server_line

SILENT_AFTER_S = 5.0
"""Core speaks every second (terminal.link.BEAT_S); after so long without a word it does not turn."""

NO_CORE = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola status`."""
    default = Path("/run/patrola/core.sock")
    parser.add_argument(
        "--socket", type=Path, default=default, metavar="PATH", help=f"core's socket; default {default}"
    )
    parser.add_argument("--follow", action="store_true", help="print it again after every change, until core ends")
    parser.epilog = "Exit code: 0 printed; 1 core is not there, is silent, or has ended."


def run(args: argparse.Namespace) -> int:
    """0 when core's state was printed; 1 when core is not there or has gone."""
    try:
        asyncio.run(_print(args.socket, follow=args.follow))
    except TimeoutError:
        problem = f"core has been silent for {SILENT_AFTER_S:g} s; see journalctl -u patrola-core"
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        problem = f"{error}; is core running? see systemctl status patrola-core"
    else:
        return 0
    sys.stderr.write(f"patrola status: {args.socket}: {problem}\n")
    return NO_CORE


async def _print(path: Path, *, follow: bool) -> None:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
    try:
        snapshot: Snapshot | None = None
        while snapshot is None or follow:
            async with asyncio.timeout(SILENT_AFTER_S):
                line = await reader.readline()
            seen = _after(snapshot, line)
            if seen is not snapshot and seen is not None:
                sys.stdout.write(msgspec.json.encode(seen).decode() + "\n")
                sys.stdout.flush()
            snapshot = seen
    finally:
        writer.transport.abort()


def _after(snapshot: Snapshot | None, line: bytes) -> Snapshot | None:
    """What is known after core's next line."""
    if not line:
        raise ConnectionResetError("core has ended")
    return after(snapshot, decode_server_line(line))
