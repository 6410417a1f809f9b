"""Every word of the screen stands in every catalogue, with the same facts in it; Serbian Latin is made."""

import ast
import io
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from terminal.latin import latin
from terminal.screen.language import LOCALE, Language, Say
from tests.parsing import tree_of

SCREEN = LOCALE.parent
CATALOGUES = ("sl", "sr")


def said_in(source: str) -> Iterator[str]:
    """The words of every `say("...")` and `view.say("...")`, wherever they stand."""
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Call) and _is_say(node.func) and node.args:
            words = node.args[0]
            assert isinstance(words, ast.Constant), f"line {node.lineno}: words that are said must stand in the code"
            assert isinstance(words.value, str)
            yield words.value


def _is_say(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "say"
    return isinstance(function, ast.Attribute) and function.attr == "say"


EVERY = sorted({words for path in SCREEN.rglob("*.py") for words in said_in(path.read_text())})


def catalogue(name: str) -> Catalog:
    with (LOCALE / name / "LC_MESSAGES" / "patrola.po").open("rb") as file:
        return read_po(file, locale=name)


def facts(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def test_words_are_found() -> None:
    assert "Duty" in EVERY
    assert "PRESSED" in EVERY, "also within an f-string"


@pytest.mark.parametrize("name", CATALOGUES)
def test_nothing_is_missing_and_nothing_is_left_over(name: str) -> None:
    there = {str(message.id): str(message.string) for message in catalogue(name) if message.id}
    assert set(EVERY) - set(there) == set()
    assert set(there) - set(EVERY) == set()
    assert [words for words, said in there.items() if not said] == []


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_translation_names_the_same_facts(name: str) -> None:
    for message in catalogue(name):
        if message.id:
            assert facts(str(message.id)) == facts(str(message.string)), message.id


@pytest.mark.parametrize("name", CATALOGUES)
def test_what_is_installed_is_what_stands_in_the_catalogue(name: str) -> None:
    made = io.BytesIO()
    write_mo(made, catalogue(name))
    installed = LOCALE / name / "LC_MESSAGES" / "patrola.mo"
    with installed.open("rb") as file:
        there = {str(one.id): one.string for one in read_mo(file) if one.id}
    made.seek(0)
    assert there == {str(one.id): one.string for one in read_mo(made) if one.id}, (
        "python -m tests.compile_catalogues renews it"
    )


def test_serbian_is_one_catalogue_in_two_scripts() -> None:
    cyrillic, made = Say(Language.SERBIAN_CYRILLIC), Say(Language.SERBIAN_LATIN)
    assert (cyrillic("Crew\n{count}", count=2), made("Crew\n{count}", count=2)) == ("Посада\n2", "Posada\n2")
    assert Say(Language.SLOVENIAN)("Dark") == "Tema"
    assert Say(Language.ENGLISH)("Dark") == "Dark"


@pytest.mark.parametrize(
    ("cyrillic", "made"),
    [
        ("Љубљана", "Ljubljana"),
        ("ЉУБЉАНА", "LJUBLJANA"),
        ("Његош", "Njegoš"),
        ("Џ", "Dž"),
        ("наџак", "nadžak"),
        ("Ђорђе Ћосић", "Đorđe Ćosić"),
        ("USE THE РАДИО 5", "USE THE RADIO 5"),
    ],
)
def test_latin_is_made_from_cyrillic(cyrillic: str, made: str) -> None:
    assert latin(cyrillic) == made


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
def test_what_is_not_cyrillic_stays_as_it_is(words: str) -> None:
    assert all(made == letter for letter, made in zip(words, words, strict=True) if latin(letter) == letter)
    assert latin("".join(letter for letter in words if not "\u0400" <= letter <= "\u04ff")) == "".join(
        letter for letter in words if not "\u0400" <= letter <= "\u04ff"
    )
