"""The officers' screen on a panel: the real compositor and terminal, without a panel; a tap, and pictures of it."""

import os
import signal
from pathlib import Path

import pytest

from terminal.screen.cells import Area
from tests.system.kiosk_scene import PANEL_PX, Kiosk, map_in_pixels, middle, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can")

PAGE = Area(3, 0, 7, 50)
"""Cells in which nothing but a page stands."""


def test_a_tap_on_the_panel_turns_the_page_and_tells_core(tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        grid = kiosk.grid()
        assert grid[0] >= 50
        assert grid[1] == 15
        kiosk.until(kiosk.brightness, "the panel's light is set")
        duty = _shown(kiosk)
        kiosk.tap(*middle("duty", "page:jobs", *grid))
        kiosk.until(lambda: kiosk.picture(PAGE) != duty, "another page")
        kiosk.tap(*middle("jobs", "page:duty", *grid))
        kiosk.until(lambda: kiosk.picture(PAGE) == duty, "the first page again")
        kiosk.tap(*middle("duty", "page:map", *grid))
        kiosk.until(lambda: map_in_pixels(kiosk, *grid), "the map in pixels")
        kiosk.tap(*middle("map", "page:duty", *grid))
        kiosk.until(lambda: kiosk.picture(PAGE) == duty, "nothing left of the map")
        kiosk.plug_in_a_keyboard()
        kiosk.until(lambda: _is_told(kiosk, grid), "the status at core: what has just come takes no tap at first")
        kiosk.until(lambda: kiosk.picture(PAGE) == duty, "the page as before the taps")
        kiosk.point(*middle("duty", "duty:available", *grid))
        assert kiosk.picture(PAGE) == duty, "the pointer is seen, or does something"
        assert kiosk.picture().startswith(b"P6\n%d %d\n" % PANEL_PX)


def _is_told(kiosk: Kiosk, grid: tuple[int, int]) -> bool:
    """Whether core was told the status that is tapped."""
    kiosk.tap(*middle("duty", "duty:en-route", *grid))
    return any("en-route" in line for line in kiosk.core.out.told)


def _shown(kiosk: Kiosk) -> bytes:
    """The first page, once it stands still."""
    seen = [b"", kiosk.picture(PAGE)]

    def still() -> bool:
        seen[:] = [seen[1], kiosk.picture(PAGE)]
        return seen[0] == seen[1] and len(set(seen[0][-9_000:])) > 1

    kiosk.until(still, "a page")
    return seen[0]


def test_a_screen_that_ends_ends_the_kiosk_for_systemd_to_start_anew(tmp_path: Path) -> None:
    with Kiosk(tmp_path) as kiosk:
        os.kill(kiosk.screen(), signal.SIGKILL)
        kiosk.ended()
