"""The kiosk as its unit starts it, on a panel that only exists in memory; looked at by grim, touched by wlrctl."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace

from terminal.map.drawing import CellSize
from terminal.screen import frame
from terminal.screen.cells import Area, over
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.palettes import Palette
from terminal.screen.pixels import shown
from terminal.screen.state import Page, ScreenState
from tests.screen.gallery import in_scene, snapshot, view
from tests.screen.sixel_reader import read
from tests.system.patrol_car import LOOK_S, PATROLA, ROOT, WITHIN_S, Process

PROGRAMS = ("labwc", "foot", "wlr-randr", "grim", "wlrctl", "wtype")
PANEL_PX = (1280, 720)
"""wlroots' headless panel."""

FAR_PX = 5000
EVERY_PX, LIKE = 3, 0.995
"""Of a picture's pixels so many are looked at in a row, and such a part must be right: an age may have grown."""

UNIT = ROOT / "systemd" / "patrola-screen.service"
NOT_HERE = {"WLR_BACKENDS": "headless", "LIBSEAT_BACKEND": "noop"}
"""Of the unit's settings: there is neither a panel nor seatd."""


def why_not() -> str:
    """Why this machine cannot run the kiosk; empty if it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"no {', '.join(missing)}: the kiosk needs Debian 13's labwc, foot, wlr-randr, grim, wlrctl, wtype" * bool(
        missing
    )


def unit_settings(runtime: Path) -> dict[str, str]:
    """What the unit puts into the environment."""
    lines = re.findall(r"^Environment=(.*)$", UNIT.read_text(), re.MULTILINE)
    return dict(pair.replace("%t", str(runtime)).split("=", 1) for line in lines for pair in line.split())


def middle(scene: str, code: str, columns: int, rows: int) -> tuple[int, int]:
    """The cell (column, row) in the middle of a target."""
    area = next(box.area for box in frame.boxes(in_scene(scene, Language.ENGLISH, rows, columns)) if box.code == code)
    return area.left + area.width // 2, area.top + area.height // 2


def map_in_pixels(kiosk: "Kiosk", columns: int, rows: int) -> bool:
    """Whether the panel shows the map's picture, pixel by pixel, wherever no words lie on it."""
    cell = CellSize(PANEL_PX[1] // rows, PANEL_PX[0] // columns)
    one = view(Seen(snapshot=snapshot()), ScreenState(page=Page.MAP), rows, columns)
    boxes = frame.boxes(replace(one, cell=cell, now_ns=time.monotonic_ns()))
    (under,) = [box for box in boxes if box.pixels is not None]
    assert under.pixels is not None
    pixels = kiosk.picture(under.area).split(b"\n", 3)[3]
    left, top = under.area.left, under.area.top
    hidden = {(row - top, column - left + n) for row, column, text, _ in over(boxes, under) for n in range(len(text))}
    for palette in Palette:
        drawn = read(shown(under.pixels, palette).partition("q")[2].removesuffix("\x1b\\"))
        same = [
            _near(pixels, 3 * (y * len(row) + x), drawn.colours[colour])
            for y, row in enumerate(drawn.rows)
            for x, colour in list(enumerate(row))[::EVERY_PX]
            if colour is not None and (y // cell.height_px, x // cell.width_px) not in hidden
        ]
        if sum(same) > LIKE * len(same):
            return True
    return False


def _near(pixels: bytes, place: int, colour: str) -> bool:
    """Sixels have whole percents of a colour."""
    return all(abs(pixels[place + n] - int(colour[2 * n + 1 : 2 * n + 3], 16)) <= 3 for n in range(3))


class Kiosk:
    """It, its core, and a finger."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._environment = {**os.environ, **unit_settings(folder), **NOT_HERE}
        self._runtime = Path(self._environment["XDG_RUNTIME_DIR"])
        self._runtime.mkdir(mode=0o700)
        self.core = Process([sys.executable, "-m", "tests.system.shown_core", str(folder / "core.sock")])
        self.core.out.until_told("listens")
        self._lights = folder / "backlight"
        (self._lights / "panel").mkdir(parents=True)
        (self._lights / "panel" / "max_brightness").write_text("100")
        places = ["--socket", str(folder / "core.sock"), "--backlight", str(self._lights)]
        places += ["--remember", str(folder / "choices.json")]
        command = [*PATROLA, "kiosk", *places, *options]
        self._kiosk = Process(command, environment=self._environment)
        self._keyboard: Process | None = None

    def brightness(self) -> str:
        """What was set of the panel's light."""
        written = self._lights / "panel" / "brightness"
        return written.read_text() if written.exists() else ""

    def plug_in_a_keyboard(self) -> None:
        """One that types nothing for as long as the kiosk runs."""
        self._keyboard = Process(["wtype", "-s", "3600000", "x"], environment=self._display())

    def grid(self) -> tuple[int, int]:
        """Columns and rows of the screen's own terminal, once it is there."""
        sizes: list[str] = []

        def known() -> bool:
            sizes[:] = [size for pid in self._screens() if (size := _terminal_size(pid))]
            return bool(sizes)

        self.until(known, "a screen on a terminal")
        rows, columns = sizes[0].split()
        return int(columns), int(rows)

    def _screens(self) -> list[int]:
        return [pid for pid in _descendants(self._kiosk.process.pid) if b"\0screen\0" in _command(pid)]

    def picture(self, area: Area | None = None) -> bytes:
        """The panel's pixels as PPM, or those of these cells."""
        where = [] if area is None else ["-g", self._pixels(area)]
        return self._ask("grim", "-c", "-t", "ppm", *where, "-")

    def tap(self, column: int, row: int) -> None:
        """A finger on this cell."""
        self.point(column, row)
        self._ask("wlrctl", "pointer", "click", "left")

    def point(self, column: int, row: int) -> None:
        """Where a finger was stays the place of the pointer."""
        x, y = self._place(column + 0.5, row + 0.5)
        self._ask("wlrctl", "pointer", "move", str(-FAR_PX), str(-FAR_PX))
        self._ask("wlrctl", "pointer", "move", str(x), str(y))

    def _place(self, column: float, row: float) -> tuple[int, int]:
        (columns, rows), (width, height) = self.grid(), PANEL_PX
        cell = width // columns, height // rows
        return (
            int((width - columns * cell[0]) // 2 + column * cell[0]),
            int((height - rows * cell[1]) // 2 + row * cell[1]),
        )

    def _pixels(self, area: Area) -> str:
        left, top = self._place(area.left, area.top)
        right, bottom = self._place(area.right, area.bottom)
        return f"{left},{top} {right - left}x{bottom - top}"

    def _ask(self, *command: str) -> bytes:
        done = subprocess.run(command, env=self._display(), capture_output=True, check=False, timeout=WITHIN_S)
        assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
        return done.stdout

    def _display(self) -> dict[str, str]:
        return self._environment | {"WAYLAND_DISPLAY": "wayland-0"}

    def until(self, true: Callable[[], object], what: str) -> None:
        """Wait for it."""
        ends_s = time.monotonic() + WITHIN_S
        while not true():
            assert self._kiosk.alive(), "".join(self._kiosk.err.told[-20:])
            assert time.monotonic() < ends_s, f"not within {WITHIN_S:g} s: {what}"
            time.sleep(10 * LOOK_S)

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        return self._kiosk.process.wait(WITHIN_S)

    def screen(self) -> int:
        """The process id of the officers' screen."""
        self.until(self._screens, "a screen")
        return self._screens()[0]

    def __enter__(self) -> "Kiosk":
        return self

    def __exit__(self, *_: object) -> None:
        if self._keyboard is not None:
            self._keyboard.end()
        self._kiosk.end()
        self.core.end()


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _terminal_size(pid: int) -> str:
    asked = ["stty", "--file", f"/proc/{pid}/fd/0", "size"]
    return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=WITHIN_S).stdout
