"""`patrola simulate-board`: an I/O board on a pty, worked by commands on standard input."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from drivers.simulated_board import Board, Event, PluggedBoard
from firmware.frame import INPUTS
from hal.readings import ButtonHealth

SUMMARY = "simulate the I/O board with its emergency button"
STDIN = 0
READ_BYTES = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Make a serial line with a simulated I/O board on it, and do what standard input says."
    parser.epilog = f"Commands, one a line: {', '.join(COMMANDS)}. It ends with its input."
    parser.add_argument("--link", type=Path, required=True, help="where to put the link to the serial line")
    parser.add_argument("--board-id", default="SIM-1", help="the board's name (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Simulate until the input ends or SIGTERM; 1 when there is no way to take commands or to make the line."""
    try:
        asyncio.run(_simulate(args.link, Board(args.board_id)))
    except OSError as error:
        sys.stderr.write(f"simulate-board: {error}; give it a pipe or a terminal as input, and a link it may write\n")
        return 1
    return 0


async def _simulate(link: Path, board: Board) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    plugged = PluggedBoard(board, link, _tell)
    commands = Commands(plugged, ended)
    loop.add_reader(STDIN, commands.readable)
    try:
        plugged.plug()
        await ended.wait()
    finally:
        plugged.unplug()
        loop.remove_reader(STDIN)


class Commands:
    """Takes commands from standard input as they come, however they are cut up."""

    def __init__(self, plugged: PluggedBoard, ended: asyncio.Event) -> None:
        self._plugged = plugged
        self._ended = ended
        self._rest = b""

    def readable(self) -> None:
        """Do every command that is complete."""
        data = os.read(STDIN, READ_BYTES)
        if not data:
            self._ended.set()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._do(line.decode(errors="replace").strip())

    def _do(self, command: str) -> None:
        if command in COMMANDS:
            COMMANDS[command](self._plugged)
            self._plugged.flush()
        elif command:
            _tell({"event": "unknown", "command": command, "known": list(COMMANDS)})


def _press(plugged: PluggedBoard) -> None:
    press = plugged.board.press()
    _tell({"event": "press", "board_id": press.board_id, "boot_nonce": press.boot_nonce, "number": press.number})


def _health(health: ButtonHealth) -> Callable[[PluggedBoard], None]:
    return lambda plugged: plugged.board.set_health(health)


def _toggle(name: str) -> Callable[[PluggedBoard], None]:
    return lambda plugged: plugged.board.set_input(name, name not in plugged.board.inputs)


COMMANDS: dict[str, Callable[[PluggedBoard], None]] = {
    "press": _press,
    "release": lambda plugged: plugged.board.release(),
    **{str(health): _health(health) for health in ButtonHealth},
    **{name: _toggle(name) for name in INPUTS if name != "button"},
    "reboot": PluggedBoard.reboot,
    "unplug": PluggedBoard.unplug,
    "plug": PluggedBoard.plug,
}


def _tell(event: Event) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
