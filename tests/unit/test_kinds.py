"""A kind is found by its file's name, here or on Python's path; what is wrong with the file is said with its name."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal.errors import ConfigError
from hq.gateway import KINDS as GATEWAYS
from terminal.contract.kinds import misnamed
from terminal.uplink.bearer import KINDS as BEARERS

SETTINGS = """\
from terminal.uplink.bearer import BearerSettings
class Settings(BearerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    depth_m: float
"""
BUILD = "def build(name, settings, sources): return None\n"
PREFIX = "patrola_bearer_"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path; what is imported from it is forgotten."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        del sys.modules[name]


def test_our_own_kinds_are_the_files_of_their_folders() -> None:
    assert "sms" in BEARERS.words()
    assert {"sms_modem", "sms_web"} <= set(GATEWAYS.words())
    for kinds in (BEARERS, GATEWAYS):
        for word in kinds.words():
            kind = kinds.settings_type(word)
            assert kind.__struct_config__.frozen
            assert kind.__struct_config__.forbid_unknown_fields


def test_a_file_anywhere_on_the_path_is_a_kind_too(folder: Path) -> None:
    (folder / f"{PREFIX}whale.py").write_text(SETTINGS + BUILD)
    assert {"sms", "whale"} <= set(BEARERS.words())
    assert "depth_m" in BEARERS.settings_type("whale").__struct_fields__


def test_our_own_kind_is_not_taken_for_one_of_the_same_word(folder: Path) -> None:
    (folder / f"{PREFIX}sms.py").write_text("raise RuntimeError")
    assert BEARERS.module("sms").__name__ == "terminal.uplink.bearers.sms"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def", "cannot be loaded: SyntaxError"),
        ("import no_such_module", "cannot be loaded: ModuleNotFoundError"),
        (SETTINGS, "has no build"),
        ("", "has no Settings and no build"),
        ("Settings = int\n" + BUILD, "has Settings that are no terminal.uplink.bearer.BearerSettings"),
    ],
)
def test_a_file_that_is_no_kind_is_named_with_what_is_wrong_with_it(folder: Path, text: str, said: str) -> None:
    (folder / f"{PREFIX}broken.py").write_text(text)
    with pytest.raises(ConfigError, match=said) as error:
        BEARERS.settings_type("broken")
    assert f"{PREFIX}broken" in str(error.value)
    assert "mend that file" in str(error.value)


@pytest.mark.parametrize("word", ["", "sms.log", "../sms", "os", "SMS", "__init__"])
def test_a_word_leads_nowhere_else(word: str) -> None:
    with pytest.raises(ConfigError, match="is no kind of bearer"):
        BEARERS.settings_type(word)


def test_a_name_has_room_on_a_rung_and_is_not_the_brokers() -> None:
    assert [misnamed(name) for name in ("sms", "sms-2", "tetra-north1")] == ["", "", ""]
    assert "the brokers' line" in misnamed("mqtt")
    assert all(misnamed(name) for name in ("", "2sms", "SMS", "a" * 13, "žaba", "a b"))
