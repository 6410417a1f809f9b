"""What is wrong in the car is said in the crew's language, and fits its line."""

import re

import pytest
from msgspec.structs import replace

from hal.readings import Fault
from terminal.asked import Refusal
from terminal.link import Snapshot
from terminal.screen import faults
from terminal.screen.feed import Gone, Seen
from terminal.screen.language import Language, Say
from terminal.screen.pages import system
from terminal.screen.state import ScreenState
from terminal.shown import SourceView, WorkshopView
from tests.screen.gallery import NOW_NS, snapshot, view

WIDTH = 50
"""Cells of the smallest screen."""

FOREIGN = re.compile(r"\b(?!SOS\b)[A-Za-z]+")
"""Words that are not written in Cyrillic, but those that are the same everywhere."""


def every(language: Language) -> dict[object, str]:
    say = Say(language)
    return {
        **{one: faults.of_core(say, one) for one in Gone},
        **{one: faults.of_command(say, one) for one in Refusal},
        **{one: faults.of_source(say, SourceView("1", up=False, fault=one)) for one in Fault},
    }


@pytest.mark.parametrize("language", Language)
def test_all_that_can_be_wrong_has_words_of_its_own_that_fit(language: Language) -> None:
    said = every(language)
    alike = {said[Fault.NONE], said[Fault.FAILED]}
    assert len(alike) == 1, "a core that does not say how, and one that says it failed"
    assert len(set(said.values())) == len(said) - 1
    not_done = Say(language)("NOT DONE: {reason}", reason="")
    assert max(len(not_done + said[one]) for one in Refusal) <= WIDTH


def test_none_of_it_is_left_in_english() -> None:
    assert {what: words for what, words in every(Language.SERBIAN_CYRILLIC).items() if FOREIGN.search(words)} == {}
    english, slovenian = every(Language.ENGLISH), every(Language.SLOVENIAN)
    assert [what for what in english if english[what] == slovenian[what]] == []


@pytest.mark.parametrize("reason", ["no command: Expected `str` matching regex '^[A-Za-z0-9_-]{1,12}$'", "", "sudo"])
def test_a_reason_that_is_no_refusal_is_not_shown_as_it_came(reason: str) -> None:
    assert faults.of_command(Say(Language.ENGLISH), reason) == "a defect, tell the workshop"


def test_a_technician_reads_the_drivers_own_words_while_the_self_test_is_open() -> None:
    seen = snapshot()
    assert said(seen) == "can is not there: call the workshop"
    assert said(replace(seen, workshop=WorkshopView())) == said(seen)
    opened = replace(seen, workshop=WorkshopView(opened_mono_ns=NOW_NS))
    assert said(opened) == "can: can0 is down; sudo ip link set can0 up type can bitrate 500000"


def said(seen: Snapshot) -> str:
    (down,) = (one for one in seen.sources if not one.up)
    return system.said(view(Seen(snapshot=seen), ScreenState(), 15, 50), down)
