"""`patrola screen`: the officers' screen on core's socket."""

import argparse
import contextlib
import logging
import os
from functools import partial
from pathlib import Path

from rich.console import Console

from terminal.map.drawing import CellSize, Tiles
from terminal.screen import browser, graphics

log = logging.getLogger(__name__)

GRAPHICS = ("auto", "off")

MAPS = Path(__file__).parents[2] / "config" / "maps"
"""What is shipped; a technician adds streets to it, or names another folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola screen`."""
    add_places(parser)
    parser.add_argument(
        "--backlight", type=Path, metavar="FOLDER", help="set how bright the panel is, as in /sys/class/backlight"
    )
    add_memory(parser, None)
    parser.add_argument(
        "--button", type=Path, metavar="PIPE", help="demonstration: key b writes a press here, key q leaves"
    )
    add_graphics(parser)
    parser.add_argument(
        "--browser",
        type=int,
        metavar="PORT",
        help="training: in a browser of this machine; it asks nobody who they are",
    )


def add_places(parser: argparse.ArgumentParser) -> None:
    """Where core and the maps are found."""
    default = Path("/run/patrola/core.sock")
    parser.add_argument(
        "--socket", type=Path, default=default, metavar="PATH", help=f"core's socket; default {default}"
    )
    parser.add_argument(
        "--maps", type=Path, default=MAPS, metavar="FOLDER", help=f"where offline maps lie (*.map); default {MAPS}"
    )


def add_memory(parser: argparse.ArgumentParser, default: Path | None) -> None:
    """Where the crew's choices are kept."""
    words = "keep what the crew chooses here, such as language and sound"
    said = f"{words}; default {default}" if default else words
    parser.add_argument("--remember", type=Path, default=default, metavar="FILE", help=said)


def add_graphics(parser: argparse.ArgumentParser) -> None:
    """Whether the map may be drawn in pixels."""
    parser.add_argument(
        "--graphics",
        choices=GRAPHICS,
        default=GRAPHICS[0],
        help="the map in pixels where the terminal says that it draws sixels, or never; default auto",
    )


def run(args: argparse.Namespace) -> int:
    """0 when it is left; it waits for a core that is not there."""
    if args.browser is not None:
        options = ["--socket", str(args.socket), "--maps", str(args.maps), "--graphics", "off"]
        return browser.serve(args.browser, options)
    _ask_for_colours()
    from terminal.screen.app import TerminalScreen

    asked = graphics.asked() if args.graphics == "auto" else None
    cell = partial(_cell, asked)
    press = partial(_press, args.button) if args.button else None
    maps, lights, remembered = _maps(args.maps), args.backlight, args.remember
    screen = TerminalScreen(args.socket, press, maps=maps, lights=lights, remembered=remembered, cell=cell)
    screen.run()
    return screen.return_code or 0


def _cell(asked: CellSize | None) -> CellSize | None:
    """Its size now, where the terminal has said that it draws pixels."""
    return asked and (graphics.measured() or asked)


def _ask_for_colours() -> None:
    """256 of them at least, which every terminal with a mouse has: of 16 no button has its ground."""
    if Console(force_terminal=True).color_system == "standard":
        # Textual reads it once, when it is imported.
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "256")


def _maps(folder: Path) -> list[Tiles]:
    """The maps in this folder; one that cannot be read is named and left out."""
    from terminal.map.file import BadMap, MapFile

    found: list[Tiles] = []
    for path in sorted(folder.glob("*.map")):
        try:
            found.append(MapFile(path))
        except BadMap as error:
            log.warning("%s", error)
    return found


def _press(pipe: Path) -> None:
    """Work the simulated board; without one there is no button to press."""
    with contextlib.suppress(OSError):
        line = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(line, b"press\n")
        finally:
            os.close(line)
