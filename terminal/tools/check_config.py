"""`patrola config check FILE`: every error of a unit.toml at once, and what a car should not be without."""

import argparse
import sys
from pathlib import Path

from hal.clock import SystemClock
from hal.errors import ConfigError
from hal.ports import SignalSource, Source
from terminal import config as unit_config
from terminal.core import assemble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola config`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="read the file and say everything that is wrong with it")
    check.add_argument("file", type=Path, metavar="FILE")


def run(args: argparse.Namespace) -> int:
    """0 when it can be used, also with a warning; ConfigError with all errors, a line each, when not."""
    config = unit_config.load(args.file)
    check_vehicle_events(args.file, config, assemble.sources(config, SystemClock()))
    print(f"{args.file}: good; unit {config.unit.unit} of {config.unit.realm}, {len(config.sources)} sources")
    if not config.has_button:
        print(f"{args.file}: warning: {unit_config.NO_BUTTON}; {unit_config.ADD_A_BUTTON}", file=sys.stderr)
    return 0


def check_vehicle_events(file: Path, config: unit_config.Config, sources: list[Source]) -> None:
    """A signal that no source of this car tells would never raise its alarm; raises ConfigError."""
    told = frozenset[str]().union(*(source.signals for source in sources if isinstance(source, SignalSource)))
    missing = [path for path in config.alarms.vehicle_events if path not in told]
    if missing:
        problem = "alarms.vehicle_events: no source of this car tells " + ", ".join(missing)
        raise ConfigError(str(file), problem, "map it in the vehicle's signal map, or leave it out")
