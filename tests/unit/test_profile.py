"""Profiles are data that a directorate may change; what is wrong with one is said with its line."""

from pathlib import Path

import pytest

from hal.errors import ConfigError
from terminal.contract import profile

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
GENERAL = (PROFILES / "general.toml").read_text()


@pytest.mark.parametrize("name", ["general", "traffic", "border"])
def test_a_shipped_profile_has_what_its_role_needs(name: str) -> None:
    role = profile.load(PROFILES / f"{name}.toml")
    assert {"available", "en-route", "on-scene"} <= {one.code for one in role.statuses}
    assert len(role.forms) == 3
    assert role.texts
    assert role.reasons


@pytest.mark.parametrize("name", ["general", "traffic", "border"])
def test_a_report_is_at_most_four_taps(name: str) -> None:
    for form in profile.load(PROFILES / f"{name}.toml").forms:
        assert 1 + len(form.questions) + 1 <= 4


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('initial = "out-of-service"', 'initial = "out"', "is no status of this profile"),
        ('code = "en-route"', 'code = "available"', "stands twice"),
        ('sr = "Слободан"', 'rs = "Слободан"', '"sr"'),
        ('code = "theft"', 'code = "The ft"', "forms"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, before: str, after: str, said: str) -> None:
    path = tmp_path / "role.toml"
    assert before in GENERAL
    path.write_text(GENERAL.replace(before, after))
    with pytest.raises(ConfigError, match=said):
        profile.load(path)
