"""All that headquarters, a profile or the car can name is reached by taps, at the most that the contract allows."""

import re
from collections.abc import Iterable, Iterator

import pytest
from gallery import NOW_NS, SIZES, view
from gallery import snapshot as good_day
from msgspec.structs import replace

from terminal.contract.work import LONGEST_TEXT, MOST_JOBS, MOST_OFFICERS, MOST_TEXTS
from terminal.examination import Item
from terminal.screen import frame, measure
from terminal.screen.bench import Bench
from terminal.screen.cells import Box
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.pages.marks import Shape
from terminal.screen.pages.marks import marks as marks_of
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import tapped
from terminal.shown import BoardTestView, WorkshopView
from tests.screen.extreme import (
    ABOARD,
    MOST_ANSWERS,
    MOST_FORMS,
    MOST_READY,
    MOST_REASONS,
    MOST_STATUSES,
    SOURCES,
    numbered,
    snapshot,
    words,
)

FULL = Seen(snapshot=snapshot(good_day()))
WAYS = ("turn:", "open:", "job:", "decline:", "form:", "say:ask-0:say-8")
"""Taps that lead on and tell nobody anything."""


def walked(
    start: ScreenState, size: tuple[int, int], ways: Iterable[str] = WAYS, full: Seen = FULL
) -> Iterator[list[Box]]:
    """Every picture that taps of these kinds lead to; each one is without fault."""
    waiting, known = [start], {repr(start)}
    while waiting:
        state = waiting.pop()
        boxes = frame.boxes(view(full, state, *size))
        assert list(measure.faults(boxes, *size)) == [], state
        yield boxes
        for code in (box.code for box in boxes if box.code.startswith(tuple(ways))):
            after, told = tapped(state, code, full.snapshot, NOW_NS)
            assert told == ()
            if repr(after) not in known:
                known.add(repr(after))
                waiting.append(after)


def codes(pictures: Iterable[list[Box]]) -> set[str]:
    """What can be tapped; a text is either read at once or opened first."""
    return {box.code.replace("open:text:", "read:") for boxes in pictures for box in boxes if box.code}


def named(kind: str, count: int) -> set[str]:
    return {f"{kind}-{number}" for number in range(count)}


LISTS = [
    (ScreenState(), ("turn:",), named("duty:duty", MOST_STATUSES)),
    (ScreenState(page=Page.TEXTS), ("turn:",), named("ready:ready", MOST_READY) | named("read:text", MOST_TEXTS)),
    (ScreenState(page=Page.JOBS), ("turn:",), named("job:job", MOST_JOBS)),
    (
        ScreenState(page=Page.JOBS, job="job-3", declining=True),
        ("turn:",),
        named("answer:job-3:declined:why", MOST_REASONS),
    ),
    (ScreenState(page=Page.REPORT), ("turn:",), named("form:form", MOST_FORMS)),
    (
        ScreenState(page=Page.REPORT, form="form-8"),
        ("turn:", "say:ask-0:say-8"),
        named("say:ask-0:say", MOST_ANSWERS) | named("say:ask-1:say", MOST_ANSWERS),
    ),
    (
        ScreenState(page=Page.CREW),
        ("turn:", "open:"),
        {f"out:b{n}" for n in range(ABOARD)} | {f"in:b{n}" for n in range(ABOARD, MOST_OFFICERS)} | {"type:badge"},
    ),
]


@pytest.mark.parametrize("size", SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
@pytest.mark.parametrize(("start", "ways", "wanted"), LISTS, ids=[str(start.page) for start, _, _ in LISTS])
def test_every_item_of_every_list_is_reached(
    start: ScreenState, ways: tuple[str, ...], wanted: set[str], size: tuple[int, int]
) -> None:
    assert wanted - codes(walked(start, size, ways)) == set()


def read(pictures: Iterable[list[Box]]) -> str:
    """All that stood on them, without breaks."""
    return re.sub(r"-?\n| ", "", "\n".join(box.words for boxes in pictures for box in boxes))


@pytest.mark.parametrize("size", SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
def test_every_device_and_what_to_do_about_it_is_read(size: tuple[int, int]) -> None:
    here = ScreenState(page=Page.SYSTEM)
    said = read(walked(here, size))
    assert [n for n in range(SOURCES) if f"source{n}doesnotwork" not in said] == []
    assert said.count("workshop") >= SOURCES
    assert FULL.snapshot is not None
    at_work = Seen(snapshot=replace(FULL.snapshot, workshop=WorkshopView(opened_mono_ns=NOW_NS)))
    said = read(walked(here, size, full=at_work))
    assert [n for n in range(SOURCES) if f"problem{n}" not in said or f"remedy{n}" not in said] == []


@pytest.mark.parametrize("size", SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
@pytest.mark.parametrize(
    ("start", "ways", "names"),
    [
        (ScreenState(page=Page.JOBS, job="job-3"), ("turn:job:", "open:job:"), ("title3", "place3", "body3")),
        (ScreenState(page=Page.TEXTS), ("turn:text:text-0:", "open:text:text-0"), ("text0",)),
    ],
    ids=["job", "text"],
)
def test_every_word_is_read(
    start: ScreenState, ways: tuple[str, ...], names: tuple[str, ...], size: tuple[int, int]
) -> None:
    said = read(walked(start, size, ways))
    for name in names:
        whole = [word for word in numbered(name) if f"{word} " in " ".join(numbered(name))[:LONGEST_TEXT]]
        assert [word for word in whole if word not in said] == []


@pytest.mark.parametrize("size", SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
def test_a_text_is_told_as_read_from_its_last_leaf_alone(size: tuple[int, int]) -> None:
    state = ScreenState(page=Page.TEXTS)
    offered, last_words = [], "text0-w" + str(LONGEST_TEXT // 10)
    for code in ("open:text:text-0", *[f"turn:text:text-0:{number}" for number in range(1, 30)]):
        boxes = frame.boxes(view(FULL, state, *size))
        offered.append(any(box.code == "read:text-0" for box in boxes))
        if offered[-1]:
            break
        assert any(box.code == code for box in boxes), "one tap leads on"
        state, told = tapped(state, code, FULL.snapshot, NOW_NS)
        assert told == ()
    assert offered == [False] * (len(offered) - 1) + [True]
    assert "xxx" in read([boxes]) or last_words in read([boxes]), "where it ends"


@pytest.mark.parametrize("size", SIZES, ids=[f"{w}x{h}" for h, w in SIZES])
def test_what_a_board_says_of_its_test_is_read_to_its_end(size: tuple[int, int]) -> None:
    assert FULL.snapshot is not None
    told = BoardTestView(name="board", failed=("button",), problem=words("problem", 300), remedy=words("remedy", 300))
    at_work = replace(FULL.snapshot, workshop=WorkshopView(opened_mono_ns=NOW_NS, boards=(told,)))
    state = ScreenState(page=Page.WORKSHOP, bench=Bench(item=Item.BOARD))
    said = read(walked(state, size, full=Seen(snapshot=at_work)))
    wanted = [word for name in ("problem", "remedy") for word in words(name, 300).split()[:-1]]
    assert [word for word in wanted if word not in said] == []


def test_a_job_has_its_number_of_the_map_wherever_it_is_named() -> None:
    assert FULL.snapshot is not None
    last = f"#{MOST_JOBS} EMERGENCY title{MOST_JOBS - 1}-w0"
    one = view(FULL, ScreenState(page=Page.JOBS), *SIZES[0])
    marks = [mark.words for mark in marks_of(one, FULL.snapshot) if mark.shape is Shape.JOB]
    assert marks == [f"#{number}" for number in range(1, MOST_JOBS + 1)]
    for state in (ScreenState(page=Page.JOBS), ScreenState(page=Page.JOBS, job=f"job-{MOST_JOBS - 1}")):
        assert any(box.words.startswith(last) for box in frame.boxes(view(FULL, state, *SIZES[0])))
    assert frame.notice(view(FULL, ScreenState(), *SIZES[0]))[0].startswith(f"NEW: {last}")


def test_once_core_is_gone_a_text_and_a_job_can_be_read_to_their_end_and_nothing_else_be_done() -> None:
    gone = Seen(last=FULL.snapshot, lost_mono_ns=NOW_NS - 10**9)
    for state in (
        ScreenState(page=Page.TEXTS, opened="text:text-0"),
        ScreenState(page=Page.JOBS, job="job-3", opened="job:job-3"),
    ):
        before = [box.code for box in frame.boxes(view(FULL, state, *SIZES[0])) if box.code]
        after = [box.code for box in frame.boxes(view(gone, state, *SIZES[0])) if box.code]
        assert after == before, "the way on and the way back"
        last = replace(state, leaves={state.opened: 99})
        assert not any(box.code.startswith("read:") for box in frame.boxes(view(gone, last, *SIZES[0])))


@pytest.mark.parametrize("language", list(Language))
def test_while_the_car_moves_taps_lead_from_job_to_job(language: Language) -> None:
    state, seen, size = ScreenState(page=Page.JOBS, language=language), [], SIZES[0]
    for _ in range(MOST_JOBS):
        one = view(FULL, state, *size, moving=True)
        boxes = frame.boxes(one)
        seen += [box.code for box in boxes if box.code.startswith("answer:")]
        assert "place" in read([boxes]), "where to drive is never hidden"
        assert "body" not in read([boxes]), "the rest is for those who stand"
        way = next(box.code for box in boxes if box.code.startswith("job:"))
        state, _ = tapped(state, way, one.snapshot, NOW_NS)
    assert seen[0] == f"answer:job-{MOST_JOBS - 1}:accepted", "the emergency first"
    assert set(seen) == {f"answer:{one}:accepted" for one in named("job", MOST_JOBS)}
