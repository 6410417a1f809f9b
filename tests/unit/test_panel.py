"""The cells of a panel, and what the kiosk makes of what a panel tells of itself."""

import argparse
import itertools
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from hal.errors import SourceMissing
from terminal.tools.kiosk import Output, add_arguments, panel
from terminal.tools.panel import CELL_HEIGHT_MM, CELL_WIDTH_MM, Cell, Panel, cell, foot_options

PANELS = [
    pytest.param(Panel(800, 480, 152, 91), Cell(16, 32), (50, 15), id="7 inch"),
    pytest.param(Panel(800, 480, 154, 86), Cell(16, 32), (50, 15), id="Raspberry Pi Touch Display"),
    pytest.param(Panel(1280, 720, 155, 88), Cell(25, 48), (51, 15), id="Raspberry Pi Touch Display 2, turned"),
    pytest.param(Panel(1024, 600, 154, 90), Cell(20, 40), (51, 15), id="7 inch, finer"),
    pytest.param(Panel(1280, 800, 172, 108), Cell(23, 45), (55, 17), id="8 inch"),
    pytest.param(Panel(1280, 800, 217, 136), Cell(18, 36), (71, 22), id="10.1 inch"),
    pytest.param(Panel(1920, 1080, 344, 194), Cell(17, 34), (112, 31), id="15.6 inch"),
    pytest.param(Panel(800, 480), Cell(16, 32), (50, 15), id="tells nothing"),
    pytest.param(Panel(1280, 800, 16, 10), Cell(25, 53), (51, 15), id="tells a ratio"),
    pytest.param(Panel(1280, 800, 160, 160), Cell(25, 53), (51, 15), id="tells a square"),
    pytest.param(Panel(1920, 1080, 1600, 900), Cell(38, 72), (50, 15), id="tells a wall"),
]
ROUNDING = 1e-9
OUTPUT = {
    "name": "DSI-1",
    "enabled": True,
    "physical_size": {"width": 88, "height": 155},
    "modes": [{"width": 1, "height": 1, "current": False}, {"width": 720, "height": 1280, "current": True}],
    "transform": "normal",
}


@pytest.mark.parametrize(("one", "size", "grid"), PANELS)
def test_a_cell_fits_a_finger_and_every_page_fits_the_panel(one: Panel, size: Cell, grid: tuple[int, int]) -> None:
    assert cell(one) == size
    assert (one.width_px // size.width_px, one.height_px // size.height_px) == grid


def test_a_cell_is_three_by_six_millimetres_unless_that_leaves_too_few() -> None:
    for width_px, width_mm in itertools.product((640, 800, 1024, 1280, 1920), range(90, 400, 7)):
        one = Panel(width_px, width_px * 3 // 5, width_mm, width_mm * 0.6)
        size = cell(one)
        wide_mm, high_mm = (
            size.width_px * one.width_mm / one.width_px,
            size.height_px * one.height_mm / one.height_px,
        )
        assert wide_mm > CELL_WIDTH_MM - ROUNDING or size.width_px == one.width_px // 50
        assert high_mm > CELL_HEIGHT_MM - ROUNDING or size.height_px == one.height_px // 15


def test_the_font_is_told_as_foot_wants_it() -> None:
    assert foot_options(Cell(16, 32)) == [
        "main.font=DejaVu Sans Mono:pixelsize=26",
        "main.line-height=32px",
        "main.letter-spacing=0px",
    ]
    assert foot_options(Cell(25, 40))[0] == "main.font=DejaVu Sans Mono:pixelsize=33"
    assert foot_options(Cell(25, 40))[2] == "main.letter-spacing=5px"


@pytest.mark.parametrize(
    ("turn", "told_mm", "expected"),
    [
        ("normal", None, Panel(720, 1280, 88, 155)),
        ("180", None, Panel(720, 1280, 88, 155)),
        ("90", None, Panel(1280, 720, 155, 88)),
        ("270", (150.0, 90.0), Panel(1280, 720, 150, 90)),
    ],
)
def test_a_panel_is_measured_as_it_is_looked_at(
    turn: str, told_mm: tuple[float, float] | None, expected: Panel
) -> None:
    output = msgspec.convert(OUTPUT | {"transform": turn}, Output)
    assert panel(output, told_mm) == expected


def test_a_panel_without_a_picture_is_named() -> None:
    with pytest.raises(SourceMissing, match=r"DSI-1: .*cable"):
        panel(msgspec.convert(OUTPUT | {"modes": []}, Output), None)


@pytest.mark.parametrize("size", ["152", "152x", "x", "15.2.1x91", "ax91", "0x91"])
def test_a_size_that_is_none_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--panel-mm", size])
    assert "152x91" in capsys.readouterr().err


def test_the_kiosk_hands_on_where_everything_is_and_how_the_map_is_drawn(tmp_path: Path) -> None:
    output = msgspec.json.encode([OUTPUT]).decode()
    for name, does in (("labwc", 'exec sh -c "$4"'), ("wlr-randr", f"echo '{output}'"), ("foot", 'echo "$@"')):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    places = ["--socket", "/tmp/a b.sock", "--maps", "/m", "--backlight", "/lights", "--remember", "/kept"]
    places += ["--graphics", "off"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "terminal.tools.command", "kiosk", *places]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.rstrip().endswith(" screen " + " ".join(places)), done.stderr
