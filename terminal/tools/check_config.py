"""`patrola config`: every error of a unit.toml at once, what a car should not be without, and a technician's PIN."""

import argparse
import sys
from getpass import getpass
from pathlib import Path

from hal.clock import SystemClock
from hal.errors import ConfigError
from hal.ports import SignalSource, Source
from terminal import config as unit_config
from terminal.contract import pin
from terminal.core import assemble
from terminal.screen.rehearsal import misfits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola config`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="read the file and say everything that is wrong with it")
    check.add_argument("file", type=Path, metavar="FILE")
    actions.add_parser("pin", help="ask for a technician's PIN, and print what [workshop] in unit.toml keeps of it")


def run(args: argparse.Namespace) -> int:
    """0 when it can be used, also with a warning; ConfigError with all errors, a line each, when not."""
    if args.action == "pin":
        print(f'pin = "{pin.verifier(_asked(), pin.TECHNICIANS_COST)}"')
    else:
        _check(args.file)
    return 0


def _check(file: Path) -> None:
    config = unit_config.load(file)
    sources = assemble.sources(config, SystemClock())
    check_vehicle_events(file, config, sources)
    for name in config.bearers:
        assemble.bearer(config, name, sources)
    check_profile(file, config)
    unit, besides = config.unit, ", ".join(config.bearers) or "none"
    print(f"{file}: good; unit {unit.unit} of {unit.realm}, {len(config.sources)} sources, other bearers: {besides}")
    if not config.has_button:
        print(f"{file}: warning: {unit_config.NO_BUTTON}; {unit_config.ADD_A_BUTTON}", file=sys.stderr)


def check_profile(file: Path, config: unit_config.Config) -> None:
    """A profile's words that the screen would cut are found before a crew misses them; raises ConfigError."""
    if found := list(misfits(config.profile)):
        problem = "\n".join(["duty.profile: the screen has no room for all its words", *found])
        raise ConfigError(str(file), problem, "shorten them, or mark with \\u00ad where a long one may be broken")


def _asked() -> str:
    """A PIN that was typed twice; raises ConfigError for one that the screen could not take."""
    code = getpass("Technician's PIN: ")
    if not pin.is_technicians(code):
        problem = f"expected {pin.LEAST_DIGITS} to {pin.MOST_DIGITS} digits"
        raise ConfigError("PIN", problem, "the screen has digits for it")
    if getpass("The same again: ") != code:
        raise ConfigError("PIN", "the two are not the same", "begin anew")
    return code


def check_vehicle_events(file: Path, config: unit_config.Config, sources: list[Source]) -> None:
    """A signal that no source of this car tells would never raise its alarm; raises ConfigError."""
    told = frozenset[str]().union(*(source.signals for source in sources if isinstance(source, SignalSource)))
    missing = [path for path in config.alarms.vehicle_events if path not in told]
    if missing:
        problem = "alarms.vehicle_events: no source of this car tells " + ", ".join(missing)
        raise ConfigError(str(file), problem, "map it in the vehicle's signal map, or leave it out")
