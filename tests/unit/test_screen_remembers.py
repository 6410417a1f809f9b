"""What the crew chose on the screen is there after a restart; a file that is of no use costs nothing else."""

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from msgspec.structs import replace

from terminal.asked import RaiseAlarm
from terminal.contract.profile import Profile
from terminal.screen.language import Language
from terminal.screen.palettes import Palette
from terminal.screen.remembering import Memory
from terminal.screen.state import ScreenState, spoken
from terminal.screen.tapping import tapped
from tests.screen.gallery import NOW_NS, snapshot

CHOSEN = ScreenState(language=Language.SLOVENIAN, palette=Palette.RED, volume=0, brightness=1, is_dark=True)


def kept(memory: Memory, state: ScreenState, now_ns: int) -> None:
    assert memory.keep(state, now_ns)
    memory.write()


def test_what_was_chosen_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    assert Memory(path).recalled(NOW_NS) == ScreenState()
    kept(Memory(path), CHOSEN, NOW_NS)
    again = Memory(path)
    assert again.recalled(NOW_NS + 1) == CHOSEN
    assert not again.keep(CHOSEN, NOW_NS + 1), "there is nothing new"
    kept(again, replace(CHOSEN, is_dark=False), NOW_NS + 2)
    assert Memory(path).recalled(NOW_NS + 3) == replace(CHOSEN, is_dark=False)
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_boot_is_not_dark(tmp_path: Path) -> None:
    kept(Memory(tmp_path / "choices.json"), CHOSEN, NOW_NS)
    assert Memory(tmp_path / "choices.json").recalled(NOW_NS - 1) == replace(CHOSEN, is_dark=False)


@pytest.mark.parametrize("text", ["", "{", '{"language":"xx"}', '{"volume":9}', '{"brightness":-1}', "[]", "\xff"])
def test_a_file_that_is_of_no_use_is_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "choices.json"
    path.write_text(text, encoding="latin-1")
    memory = Memory(path)
    assert memory.recalled(NOW_NS) == ScreenState()
    kept(memory, CHOSEN, NOW_NS)
    assert Memory(path).recalled(NOW_NS) == CHOSEN


@pytest.mark.parametrize("path", [None, Path("/proc/no/such/place/choices.json")])
def test_where_nothing_can_be_kept_the_screen_goes_on(path: Path | None) -> None:
    memory = Memory(path)
    assert memory.keep(CHOSEN, NOW_NS) is (path is not None)
    memory.write()
    assert Memory(path).recalled(NOW_NS) == ScreenState()


def test_the_profiles_language_is_spoken_until_the_crew_chooses_another() -> None:
    here = snapshot()
    assert here.profile is not None
    slovenian = replace(here, profile=replace(here.profile, language="sl"))
    assert spoken(ScreenState(), None) is spoken(ScreenState(), here) is Language.ENGLISH
    assert spoken(ScreenState(), slovenian) is Language.SLOVENIAN
    chosen, _ = tapped(ScreenState(), "language:sr_Cyrl", slovenian, NOW_NS)
    assert spoken(chosen, slovenian) is Language.SERBIAN_CYRILLIC
    _, (command,) = tapped(ScreenState(), "ready:arrived", slovenian, NOW_NS)
    assert not isinstance(command, RaiseAlarm)
    assert getattr(command, "text", "") == "Smo na kraju"


def test_a_profile_can_name_each_language_that_the_screen_speaks() -> None:
    assert set(get_args(get_type_hints(Profile)["language"])) == set(Language)
