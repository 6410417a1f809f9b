"""`patrola simulate`: recordings of a simulated patrol car, the same bytes for the same options."""

import argparse
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import TextIO

from drivers.nmea_writer import sentences
from drivers.road_network import load
from drivers.simulated_bus import BusFrame
from drivers.simulated_car import DEFAULT_MAP, RATE_HZ, Moment, drive
from hal.errors import ConfigError

SUMMARY = "record a simulated patrol car"
START = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
CHANNEL = "can0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Drive a simulated patrol car and write down what its GNSS receiver and its CAN bus say."
    parser.epilog = "The CAN recording is decoded by config/vehicles/simulator.toml."
    parser.add_argument(
        "--out-nmea", type=Path, metavar="FILE", help="where to write NMEA 0183 (RMC, GSA, GGA at 1 Hz)"
    )
    parser.add_argument("--out-can", type=Path, metavar="FILE", help="where to write CAN frames as candump -l does")
    parser.add_argument("--duration-s", type=float, default=180.0, metavar="N", help="default: %(default)g")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which drive (default: %(default)s)")
    parser.add_argument(
        "--map", type=Path, default=DEFAULT_MAP, metavar="FILE", help="a road network, as in config/maps"
    )
    parser.add_argument("--start", type=_utc, default=START, metavar="TIME", help="UTC (default: 2026-05-04T06:00:00)")


def run(args: argparse.Namespace) -> int:
    """Write what was asked for; 2 when the options do not do, 1 when a file does not."""
    if args.out_nmea is None and args.out_can is None:
        sys.stderr.write("simulate: nothing to write; give --out-nmea FILE, --out-can FILE or both\n")
        return 2
    try:
        network = load(args.map)
        with ExitStack() as files:
            nmea, can = (files.enter_context(_create(path)) if path else None for path in (args.out_nmea, args.out_can))
            for moment in takewhile(lambda moment: moment.t_s < args.duration_s, drive(network, args.seed, RATE_HZ)):
                _write(moment, args.start + timedelta(seconds=moment.t_s), nmea, can)
    except ConfigError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(
            f"simulate: {error.filename or 'recording'}: {error.strerror}; is the disk full, the path right?\n"
        )
        return 1
    return 0


def _write(moment: Moment, utc: datetime, nmea: TextIO | None, can: TextIO | None) -> None:
    if nmea and moment.epoch:
        nmea.write(sentences(moment.epoch, utc))
    if can:
        can.writelines(_candump(frame, utc) for frame in moment.frames)


def _candump(frame: BusFrame, utc: datetime) -> str:
    return f"({utc.timestamp():.6f}) {CHANNEL} {frame.arbitration_id:03X}#{frame.data.hex().upper()}\n"


def _create(path: Path) -> TextIO:
    return path.open("w", encoding="ascii", newline="")


def _utc(text: str) -> datetime:
    """A time without a zone is UTC; ValueError for what is no time, which argparse reports."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
