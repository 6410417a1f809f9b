"""How bright the panel is: by the crew's choice, by night, in the dark, and where it cannot be set."""

from itertools import pairwise
from pathlib import Path

import pytest

from terminal.screen.backlight import AT_NIGHT, SHARES, Backlight, Light, share
from terminal.screen.palettes import Palette


def light(folder: Path, name: str = "panel", kind: str = "raw", most: int = 255) -> Path:
    """One as Linux shows it."""
    place = folder / name
    place.mkdir()
    (place / "type").write_text(f"{kind}\n")
    (place / "max_brightness").write_text(f"{most}\n")
    (place / "brightness").write_text("17\n")
    return place / "brightness"


def test_each_choice_is_brighter_than_the_one_before_and_night_is_dimmer() -> None:
    for one, next_one in pairwise(range(len(SHARES))):
        assert share(one, Palette.DAY, is_dark=False) < share(next_one, Palette.DAY, is_dark=False)
    for palette in (Palette.NIGHT, Palette.RED):
        assert share(2, palette, is_dark=False) == SHARES[2] * AT_NIGHT < share(2, Palette.DAY, is_dark=False)
    assert {share(level, Palette.DAY, is_dark=True) for level in range(len(SHARES))} == {0.0}


@pytest.mark.parametrize(("wanted", "most", "written"), [(1.0, 255, 255), (0.5, 31, 16), (0.03, 10, 1), (0.0, 255, 0)])
def test_the_share_is_written_and_nothing_but_darkness_is_0(
    tmp_path: Path, wanted: float, most: int, written: int
) -> None:
    brightness = light(tmp_path, most=most)
    panel = Backlight(tmp_path)
    panel.show(wanted)
    assert (panel.light, int(brightness.read_text())) == (Light.SET, written)


def test_what_is_set_already_is_left_alone(tmp_path: Path) -> None:
    brightness = light(tmp_path)
    panel = Backlight(tmp_path)
    panel.show(0.5)
    brightness.write_text("99")
    panel.show(0.5)
    assert brightness.read_text() == "99"


def test_of_two_for_one_panel_the_kernels_preference_counts(tmp_path: Path) -> None:
    raw, firmware = light(tmp_path, "a", "raw"), light(tmp_path, "b", "firmware")
    Backlight(tmp_path).show(1.0)
    assert (raw.read_text(), firmware.read_text()) == ("17\n", "255")


def test_a_panel_without_one_says_so_and_one_that_comes_later_is_set(tmp_path: Path) -> None:
    nowhere, panel = Backlight(None), Backlight(tmp_path)
    for one in (nowhere, panel):
        one.show(1.0)
        assert one.light is Light.NONE
    brightness = light(tmp_path)
    panel.show(1.0)
    assert (panel.light, brightness.read_text()) == (Light.SET, "255")


def test_one_that_may_not_be_set_says_so_until_it_may(tmp_path: Path) -> None:
    brightness = light(tmp_path)
    brightness.unlink()
    brightness.mkdir()
    panel = Backlight(tmp_path)
    panel.show(1.0)
    assert panel.light is Light.REFUSED
    brightness.rmdir()
    panel.show(1.0)
    assert (panel.light, brightness.read_text()) == (Light.SET, "255")
