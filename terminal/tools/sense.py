"""`patrola sense`: show what the hardware abstraction layer sees, live or from recordings."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, cast

from drivers import registry
from drivers.nmea_file import is_nmea
from drivers.pace import Pace
from hal.clock import SystemClock
from hal.errors import ConfigError, PatrolaError
from hal.ports import Source
from hal.readings import AnyReading, SourceHealth
from hal.supervision import Supervisor
from terminal.tools.sense_output import as_json, as_row

OK, FAILED, UNUSABLE = 0, 1, 2
"""Exit codes: all was read; a source failed or is damaged; what was asked for cannot be done."""

Show = Callable[[AnyReading], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Show what the sensors say, one reading a line. With recordings (--gnss, --can) it runs to their end "
        "as fast as it can; with --config it shows the car's own sources until Ctrl-C. "
        "Health and bad input go to stderr."
    )
    parser.add_argument(
        "--config", type=Path, metavar="UNIT.TOML", help="the sources that this unit is configured with"
    )
    parser.add_argument("--gnss", type=Path, metavar="FILE", help="a GNSS receiver's recording, also .gz")
    parser.add_argument(
        "--gnss-via",
        choices=("auto", "nmea", "gpsd"),
        default="auto",
        help="who decodes --gnss: our NMEA driver, a gpsd started for it, or whichever fits (default)",
    )
    parser.add_argument(
        "--can", type=Path, metavar="FILE", help="a CAN recording: .log, .candump, .asc, .blf, .trc, also .gz"
    )
    parser.add_argument("--vehicle", type=Path, metavar="MAP", help="signal map for --can (config/vehicles/*.toml)")
    parser.add_argument(
        "--dbc", type=Path, metavar="FILE", help="DBC for --can without a map: every signal by its DBC name"
    )
    parser.add_argument(
        "--speed", type=_speed, metavar="X", help="play recordings at X times their pace, not at full speed"
    )
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")


def run(args: argparse.Namespace) -> int:
    """Show readings until the recordings end or Ctrl-C; see `OK`, `FAILED`, `UNUSABLE`."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    shown = Shown(as_json if args.json else as_row)
    try:
        if args.config is not None:
            asyncio.run(_live(_configured(args), shown))
        else:
            asyncio.run(_replay(_recordings(args), shown, args.speed))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    except PatrolaError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    except KeyboardInterrupt:
        return OK
    return FAILED if shown.failed else OK


class Shown:
    """Writes readings to stdout, and what is wrong to stderr."""

    def __init__(self, line_of: Callable[[AnyReading], str]) -> None:
        self._line_of = line_of
        self.failed = False

    def __call__(self, reading: AnyReading) -> None:
        """Write one reading's line."""
        if isinstance(reading, SourceHealth):
            self._health(reading)
        else:
            sys.stdout.write(self._line_of(reading) + "\n")

    def _health(self, health: SourceHealth) -> None:
        self.failed = not health.up
        if health.up:  # what brought a source down stands in the log, which goes to stderr too
            sys.stderr.write(f"{health.source}: up\n")


def _recordings(args: argparse.Namespace) -> list[Source]:
    asked: dict[str, tuple[str, dict[str, object]]] = {}
    if args.gnss is not None:
        asked["gnss"] = (_gnss_driver(args.gnss, args.gnss_via), {"path": args.gnss})
    if args.can is not None:
        asked["can"] = ("can_file", {"path": args.can, "vehicle": args.vehicle, "dbc": args.dbc})
    if args.can is None and (args.vehicle or args.dbc):
        raise ConfigError("patrola sense", "--vehicle and --dbc need --can", "give the CAN recording too")
    if not asked:
        raise ConfigError("patrola sense", "nothing to sense", "give --config, --gnss or --can; see --help")
    clock = SystemClock()
    return [
        registry.build(word, name, registry.settings_type(word)(**settings), clock)
        for name, (word, settings) in asked.items()
    ]


def _gnss_driver(path: Path, via: str) -> str:
    if via == "auto":
        via = "nmea" if is_nmea(path) else "gpsd"
    return {"nmea": "nmea_file", "gpsd": "gpsd_file"}[via]


def _configured(args: argparse.Namespace) -> list[Source]:
    if args.gnss or args.can or args.vehicle or args.dbc or args.speed:
        raise ConfigError("patrola sense", "--config stands alone", "the recordings' options go without it")
    from terminal import config

    sources = config.load(args.config).sources
    return [registry.build(word, name, settings, SystemClock()) for name, (word, settings) in sources.items()]


async def _live(sources: list[Source], show: Show) -> None:
    def deliver(reading: AnyReading) -> None:
        show(reading)
        sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for source in sources:
            group.create_task(Supervisor(source, deliver, SystemClock()).run())


async def _replay(sources: list[Source], show: Show, speed: float | None) -> None:
    pace = Pace(SystemClock(), speed) if speed else None
    async for reading in merged([source.readings() for source in sources]):
        if pace is not None:
            await pace.arrival_ns(reading.t)
            sys.stdout.flush()
        show(reading)


async def merged(streams: list[AsyncIterator[AnyReading]]) -> AsyncIterator[AnyReading]:
    """All readings in the order of their times; each stream keeps its own order, and at one time the first is first."""
    async with AsyncExitStack() as stack:
        heads: list[tuple[float, int, AnyReading]] = []
        times = [float("-inf")] * len(streams)

        async def advance(number: int) -> None:
            reading = await anext(streams[number], None)
            if reading is not None:
                times[number] = max(times[number], times[number] if reading.t is None else reading.t)
                heads.append((times[number], number, reading))

        for number, stream in enumerate(streams):
            await stack.enter_async_context(aclosing(cast(Any, stream)))
            await advance(number)
        while heads:
            head = min(heads, key=lambda one: one[:2])
            heads.remove(head)
            yield head[2]
            await advance(head[1])


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed < float("inf"):
        raise argparse.ArgumentTypeError("expected a number above 0, such as 1 or 10")
    return speed
