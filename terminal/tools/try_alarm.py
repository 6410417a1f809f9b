"""`patrola try`: a test or an exercise, as the crew or whoever leads the exercise begins it from a shell."""

import argparse
import asyncio
import sys
from pathlib import Path
from time import monotonic_ns
from typing import Literal

from terminal.asked import ArmButton, RaiseAlarm, Refused
from terminal.contract.identity import message_of_call, new_incident
from terminal.link import LONGEST_LINE, Snapshot, after, decode_server_line, encode_line

WITHIN_S = 10.0
"""Core shows what it took within its next turn; a machine that is busy may take longer."""

NOT_DONE = 1

Asked = RaiseAlarm | ArmButton
Kind = Literal["test", "exercise"]


class SaidNo(ValueError):
    """Core says why it does not do it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola try`."""
    default = Path("/run/patrola/core.sock")
    parser.add_argument("kind", choices=("test", "exercise"), help="what it is marked as, all the way to headquarters")
    parser.add_argument("--button", action="store_true", help="the next press of the button is one, for a short time")
    parser.add_argument("--silent", action="store_true", help="a silent one; with --button of the hidden button")
    parser.add_argument(
        "--socket", type=Path, default=default, metavar="PATH", help=f"core's socket; default {default}"
    )
    parser.epilog = "Only the crew's users may. Exit code: 0 core has it; 1 core is not there, or says no."


def run(args: argparse.Namespace) -> int:
    """0 when core has it; 1 when core is not there, or says why not."""
    try:
        asyncio.run(_told(args.socket, _asked(args.kind, button=args.button, silent=args.silent)))
    except TimeoutError:
        problem = f"core did not answer within {WITHIN_S:g} s; see journalctl -u patrola-core"
    except SaidNo as error:
        problem = str(error)
    except (OSError, ValueError) as error:
        problem = f"{error}; is core running? see systemctl status patrola-core"
    else:
        print("armed: press the button once the screen says so" if args.button else f"raised: {args.kind}")
        return 0
    sys.stderr.write(f"patrola try: {args.socket}: {problem}\n")
    return NOT_DONE


def _asked(kind: Kind, *, button: bool, silent: bool) -> Asked:
    if button:
        return ArmButton(kind=kind, silent=silent, asked_mono_ns=monotonic_ns())
    return RaiseAlarm(kind=kind, silent=silent, incident=new_incident())


async def _told(path: Path, asked: Asked) -> None:
    """Returns once core shows it; raises SaidNo."""
    async with asyncio.timeout(WITHIN_S):
        reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
        try:
            writer.write(encode_line(asked))
            snapshot: Snapshot | None = None
            while snapshot is None or not _shows(snapshot, asked):
                snapshot = _after(snapshot, await reader.readline())
        finally:
            writer.transport.abort()


def _after(snapshot: Snapshot | None, line: bytes) -> Snapshot | None:
    if not line:
        raise ConnectionResetError("core has ended")
    told = decode_server_line(line)
    if isinstance(told, Refused):
        raise SaidNo(told.reason)
    return after(snapshot, told)


def _shows(snapshot: Snapshot, asked: Asked) -> bool:
    """Whether core shows this very call, on whichever alarm, or this window."""
    if isinstance(asked, ArmButton):
        return snapshot.armed is not None and snapshot.armed.kind == asked.kind
    message_id = message_of_call(asked.incident, asked.kind)
    return any(press.id == message_id for alarm in snapshot.alarms for press in alarm.presses)
