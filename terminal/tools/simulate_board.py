"""`patrola simulate-board`: an I/O board on a pty, worked by commands on standard input."""

import argparse
import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from drivers.simulated_board import CIRCUIT, Event, SimulatedBoard, command
from firmware.frame import INPUTS

SUMMARY = "simulate the I/O board with its emergency button"
STDIN = 0
READ_BYTES = 4096
PRESS_S = 0.3
"""How long a finger stays on the button."""

UNSAID = ("started",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Make a serial line with a simulated I/O board on it, and do what standard input says."
    parser.epilog = f"Commands, one a line: {', '.join(COMMANDS)}. It ends with its input."
    parser.add_argument("--link", type=Path, required=True, help="where to put the link to the serial line")
    parser.add_argument("--board-id", default="SIM-1", help="the board's name (default: %(default)s)")
    parser.add_argument("--memory", type=Path, metavar="DIR", help="its memories (default: beside the link)")
    parser.add_argument("--pins", action="store_true", help="tell every blink of the lamp too")


def run(args: argparse.Namespace) -> int:
    """Simulate until the input ends or SIGTERM; 1 when there is no way to take commands or to make the line."""
    try:
        asyncio.run(_simulate(args))
    except OSError as error:
        sys.stderr.write(f"simulate-board: {error}; give it a pipe or a terminal as input, and a link it may write\n")
        return 1
    return 0


async def _simulate(args: argparse.Namespace) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    unsaid = UNSAID if args.pins else (*UNSAID, "pins")
    memory = args.memory or args.link.with_name(args.link.name + ".memory")
    board = SimulatedBoard(args.board_id, args.link, memory, lambda event: _tell(event, unsaid))
    commands = Commands(board, ended)
    loop.add_reader(STDIN, commands.readable)
    _tell({"event": "firmware", "interpreter": Path(command()[0]).name})
    try:
        board.plug()
        await ended.wait()
    finally:
        board.unplug()
        loop.remove_reader(STDIN)


class Commands:
    """Takes commands from standard input as they come, however they are cut up."""

    def __init__(self, board: SimulatedBoard, ended: asyncio.Event) -> None:
        self._board = board
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

    def _do(self, words: str) -> None:
        if words in COMMANDS:
            COMMANDS[words](self._board)
        elif words:
            _tell({"event": "unknown", "command": words, "known": list(COMMANDS)})


def _circuit(what: str) -> Callable[[SimulatedBoard], None]:
    return lambda board: board.circuit(what)


def _toggle(name: str) -> Callable[[SimulatedBoard], None]:
    levels = itertools.cycle((1, 0))
    return lambda board: board.pins(f"input {name} {next(levels)}")


COMMANDS: dict[str, Callable[[SimulatedBoard], None]] = {
    **{what: _circuit(what) for what in CIRCUIT},
    "press": lambda board: board.press(PRESS_S),
    "hold": _circuit("press"),
    **{name: _toggle(name) for name in INPUTS if name != "button"},
    "reset": SimulatedBoard.reset,
    "hang": lambda board: board.pins("hang"),
    "unplug": SimulatedBoard.unplug,
    "plug": SimulatedBoard.plug,
}


def _tell(event: Event, unsaid: tuple[str, ...] = ()) -> None:
    if event["event"] not in unsaid:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
