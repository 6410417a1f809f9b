"""A profile whose words the screen would cut is found before it is in a car."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hal.errors import ConfigError
from terminal import config as unit_config
from terminal.contract.profile import Label, Profile, load
from terminal.screen.language import Language
from terminal.screen.rehearsal import misfits
from terminal.tools.check_config import check_profile
from tests.screen import extreme

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
LONG = "Sicherheitsabstandsmessgerät"
UNIT = """
[unit]
realm = "LJ"
unit = "LJ-101"
[[brokers]]
host = "localhost"
[duty]
profile = "{profile}"
"""


@pytest.mark.parametrize("role", ["general", "traffic", "border"])
def test_what_is_shipped_fits(role: str) -> None:
    assert list(misfits(load(PROFILES / f"{role}.toml"))) == []


def test_as_many_of_each_as_a_profile_may_have_fit() -> None:
    assert list(misfits(extreme.profile())) == []


def lasts(profile: Profile, change: Callable[[Label], Label]) -> dict[str, Profile]:
    """The profile with the last label of each kind changed, by kind."""
    form = profile.forms[-1]
    question = form.questions[-1]
    answer = replace(question.choices[-1], label=change(question.choices[-1].label))
    asked = replace(question, choices=(*question.choices[:-1], answer))
    found = {
        kind: replace(profile, **{kind: (*there[:-1], replace(there[-1], label=change(there[-1].label)))})
        for kind, there in (("statuses", profile.statuses), ("texts", profile.texts), ("reasons", profile.reasons))
    }
    found["forms"] = replace(profile, forms=(*profile.forms[:-1], replace(form, label=change(form.label))))
    found["choices"] = replace(
        profile, forms=(*profile.forms[:-1], replace(form, questions=(*form.questions[:-1], asked)))
    )
    return found


@pytest.mark.parametrize("kind", ["statuses", "texts", "reasons", "forms", "choices"])
def test_a_word_that_is_cut_is_named_with_its_language(kind: str) -> None:
    long = lasts(extreme.profile(), lambda label: replace(label, sl=LONG))[kind]
    found = list(misfits(long))
    assert found != []
    assert all(one.startswith("sl: ") and LONG in one for one in found)
    broken = lasts(long, lambda label: replace(label, sl="Sicher\u00adheits\u00adab\u00adstands"))[kind]
    assert list(misfits(broken)) == [], "a word that may be broken fits"


def test_serbian_latin_is_measured_as_it_is_made() -> None:
    lj = lasts(extreme.profile(), lambda label: replace(label, sr="љ" * 10))["statuses"]
    assert {one.partition(":")[0] for one in misfits(lj)} == {str(Language.SERBIAN_LATIN)}


def test_config_check_refuses_it_and_says_what_to_do(tmp_path: Path) -> None:
    text = (PROFILES / "border.toml").read_text(encoding="utf-8")
    for words, good in ((text, True), (text.replace('sl = "Prost"', f'sl = "{LONG}"'), False)):
        (tmp_path / "role.toml").write_text(words, encoding="utf-8")
        file = tmp_path / "unit.toml"
        file.write_text(UNIT.format(profile=tmp_path / "role.toml"))
        config = unit_config.load(file)
        if good:
            check_profile(file, config)
            continue
        with pytest.raises(ConfigError, match=rf"sl: '{LONG}' is cut(.|\n)*shorten them"):
            check_profile(file, config)
