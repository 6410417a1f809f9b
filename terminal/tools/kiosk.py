"""`patrola kiosk`: the officers' screen alone on a panel: labwc is the compositor, foot the terminal in it."""

import argparse
import os
import re
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import msgspec
from msgspec import Struct

from hal.errors import SourceMissing
from terminal.screen import command as screen
from terminal.tools.panel import Panel, cell, foot_options

FILES = Path(__file__).parents[2] / "config" / "kiosk"
"""What is shipped of labwc's and foot's settings."""

LIGHTS = Path("/sys/class/backlight")
"""Where Linux has a panel's own light."""

CHOICES = Path("/var/lib/patrola-screen/choices.json")
"""Where the unit lets it keep what the crew has chosen on the screen."""

TURNS = ("normal", "90", "180", "270")
ASKED_WITHIN_S = 10.0
CURSORS = ("default", "left_ptr", "text", "xterm", "pointer")
"""The names by which labwc and foot ask for one."""

PIXELS = 0xFFFD0002
"""An Xcursor file's chunk that is an image (Xcursor(3))."""


class Millimetres(Struct, frozen=True):
    """As wlr-randr tells a panel's size."""

    width: int
    height: int


class Mode(Struct, frozen=True):
    """One of a panel's resolutions."""

    width: int
    height: int
    current: bool


class Output(Struct, frozen=True):
    """One panel, as `wlr-randr --json` has it."""

    name: str
    enabled: bool
    physical_size: Millimetres
    modes: tuple[Mode, ...] = ()
    transform: str = "normal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola kiosk`."""
    screen.add_places(parser)
    screen.add_graphics(parser)
    parser.add_argument("--files", type=Path, default=FILES, metavar="FOLDER", help=f"its settings; default {FILES}")
    parser.add_argument(
        "--backlight", type=Path, default=LIGHTS, metavar="FOLDER", help=f"the panel's light; default {LIGHTS}"
    )
    screen.add_memory(parser, CHOICES)
    parser.add_argument(
        "--panel-mm", type=_size, metavar="WxH", help="the picture's size, where the panel tells a wrong one"
    )
    parser.add_argument("--turn", choices=TURNS, default="normal", help="degrees by which the panel is mounted turned")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Becomes the compositor; that starts this again inside, which becomes the terminal."""
    if args.inside:
        _become_terminal(args)
    _become_compositor(args)


def _size(text: str) -> tuple[float, float]:
    found = re.fullmatch(r"([1-9][0-9]*(?:\.[0-9]+)?)x([1-9][0-9]*(?:\.[0-9]+)?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected millimetres like 152x91")
    return float(found[1]), float(found[2])


def _become_compositor(args: argparse.Namespace) -> NoReturn:
    folder = os.environ.get("XDG_RUNTIME_DIR")
    if folder is None:
        raise SourceMissing("XDG_RUNTIME_DIR", "is not set", "name a folder of this user's own there")
    icons = Path(folder) / "icons"
    _hide_cursor(icons / "none" / "cursors")
    inside = [*_patrola("kiosk", "--inside"), *_places(args), "--files", str(args.files), "--turn", args.turn]
    if args.panel_mm is not None:
        inside += ["--panel-mm", "{:g}x{:g}".format(*args.panel_mm)]
    settings = {"XCURSOR_THEME": "none", "XCURSOR_PATH": str(icons)}
    _become(["labwc", "-C", str(args.files), "-S", shlex.join(inside)], settings)


def _become_terminal(args: argparse.Namespace) -> NoReturn:
    output = _output()
    if output.transform != args.turn:
        _randr("--output", output.name, "--transform", args.turn)
        output = _output()
    options = [part for option in foot_options(cell(panel(output, args.panel_mm))) for part in ("-o", option)]
    _become(["foot", f"--config={args.files / 'foot.ini'}", *options, *_patrola("screen"), *_places(args)], {})


def panel(output: Output, size_mm: tuple[float, float] | None) -> Panel:
    """This output as it is looked at; `size_mm` (width, height, as looked at) is believed rather than its own word."""
    mode = next((mode for mode in output.modes if mode.current), None)
    if mode is None:
        raise SourceMissing(output.name, "has no resolution that is current", "look at the panel's cable and overlay")
    pixels, own_mm = (mode.width, mode.height), (output.physical_size.width, output.physical_size.height)
    if output.transform.endswith(("90", "270")):
        pixels, own_mm = pixels[::-1], own_mm[::-1]
    return Panel(*pixels, *(size_mm or own_mm))


def _output() -> Output:
    outputs = msgspec.json.decode(_randr("--json"), type=tuple[Output, ...])
    enabled = [output for output in outputs if output.enabled]
    if not enabled:
        raise SourceMissing("panel", "none is connected", "look at its cable and overlay (docs/hardware.md)")
    return enabled[0]


def _randr(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["wlr-randr", *arguments], stdout=subprocess.PIPE, check=True, timeout=ASKED_WITHIN_S)
    except FileNotFoundError:
        raise _missing("wlr-randr") from None
    except subprocess.SubprocessError as error:
        raise SourceMissing("panel", f"the compositor does not tell of one: {error}") from error
    return done.stdout


def _patrola(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "terminal.tools.command", *arguments]


def _places(args: argparse.Namespace) -> list[str]:
    paths = ("--socket", str(args.socket), "--maps", str(args.maps), "--backlight", str(args.backlight))
    return [*paths, "--remember", str(args.remember), "--graphics", args.graphics]


def _become(command: list[str], settings: dict[str, str]) -> NoReturn:
    try:
        os.execvpe(command[0], command, os.environ | settings)  # noqa: S606
    except FileNotFoundError:
        raise _missing(command[0]) from None


def _missing(program: str) -> SourceMissing:
    return SourceMissing(program, "is not installed", "on Debian 13: apt-get install labwc foot wlr-randr")


def _hide_cursor(folder: Path) -> None:
    """A cursor of one clear pixel: a finger needs none, and labwc draws one where the finger was."""
    folder.mkdir(parents=True, exist_ok=True)
    header, index = struct.pack("<4s3I", b"Xcur", 16, 0x10000, 1), struct.pack("<3I", PIXELS, 24, 28)
    image = struct.pack("<10I", 36, PIXELS, 24, 1, 1, 1, 0, 0, 0, 0)
    for name in CURSORS:
        (folder / name).write_bytes(header + index + image)
