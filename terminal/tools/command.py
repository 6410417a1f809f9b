"""`patrola`: one command, whose sub-commands are imported only when they are asked for."""

import argparse
import logging
import sys
from importlib import import_module
from typing import Protocol, cast

from hal.errors import PatrolaError
from terminal.version import VERSION

COMMANDS = {
    "core": ("terminal.tools.run_core", "run the terminal's core: sensors, outbox, line to headquarters"),
    "screen": ("terminal.screen.command", "run the officers' screen on core's socket"),
    "kiosk": ("terminal.tools.kiosk", "run the officers' screen alone on a panel: Wayland, a terminal and no way out"),
    "status": ("terminal.tools.status", "print what core knows, once or as it changes"),
    "try": ("terminal.tools.try_alarm", "raise a test or an exercise alarm, or let the next press be one"),
    "sense": ("terminal.tools.sense", "show what the car's devices or recordings tell, live or as JSON lines"),
    "doctor": ("terminal.tools.doctor", "test every configured source, the broker, the certificate, clock and disk"),
    "config": ("terminal.tools.check_config", "check a unit.toml: all its errors at once"),
    "hq": ("hq.command", "run and use headquarters' end"),
    "simulate": ("terminal.tools.simulate", "write recordings of a simulated drive"),
    "simulate-board": ("terminal.tools.simulate_board", "be an I/O board with an emergency button, on a pty"),
    "certificates": ("terminal.tools.certificates", "make a bench CA and certificates for units and headquarters"),
    "map": ("terminal.tools.map", "make an offline map of an OpenStreetMap extract or of GeoJSON"),
    "flash": ("terminal.tools.flash", "put MicroPython and the firmware on an I/O board, and prove it"),
    "demo": ("terminal.tools.demo", "run a broker, headquarters, a simulated car and the screen together"),
}
"""Sub-command to the module that has it; by name, since terminal does not import hq and start-up must stay quick."""

BAD_USE = 2
"""What argparse ends with, and we for a configuration or file that cannot be used."""


class CommandModule(Protocol):
    """What a sub-command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(argv: list[str] | None = None) -> int:
    """Run one sub-command; 0 done, 1 it found something wrong, 2 it was used or configured wrongly."""
    arguments = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(
        prog="patrola", description="Patrola: a patrol car's terminal and its headquarters."
    )
    parser.add_argument("--version", action="version", version=f"patrola {VERSION}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for word, (_, summary) in COMMANDS.items():
        choices.add_parser(word, help=summary, description=summary[0].upper() + summary[1:] + ".")
    module = _module(arguments)
    if module is not None:
        module.add_arguments(choices.choices[arguments[0]])
    args = parser.parse_args(arguments)
    assert module is not None, "argparse accepts known words only"
    try:
        return module.run(args)
    except PatrolaError as error:
        print(f"patrola {args.command}: {error}", file=sys.stderr)
        return BAD_USE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _module(arguments: list[str]) -> CommandModule | None:
    word = arguments[0] if arguments else ""
    return cast(CommandModule, import_module(COMMANDS[word][0])) if word in COMMANDS else None


if __name__ == "__main__":
    sys.exit(main())
