"""A target whose meaning at its place is new takes no tap for a moment; SOS always does."""

import pytest
from msgspec.structs import replace

from terminal.screen import frame
from terminal.screen.cells import Area, Box, target
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.settling import SETTLED_NS, TOLD_SETTLED_NS, Standing, refused, settled_ns, stood, takes
from terminal.screen.sos import PLACES, Sos
from terminal.screen.sound import Sound
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import tapped
from terminal.screen.view import View
from tests.screen.gallery import ALARM, NOW_NS, in_scene, scenes, snapshot, view

LEFT, RIGHT = Area(0, 0, 4, 10), Area(0, 12, 4, 10)


def after(*pictures: list[Box], every_ns: int = 1) -> tuple[Standing, ...]:
    """What stands there once these were drawn, one after the other; the last one at NOW_NS."""
    standing: tuple[Standing, ...] = ()
    for number, boxes in enumerate(pictures, 1 - len(pictures)):
        standing = stood(standing, boxes, NOW_NS + number * every_ns)
    return standing


def test_what_comes_where_something_else_was_settles_before_it_takes_a_tap() -> None:
    before, now = target(LEFT, "Accept", "answer:1:accepted"), target(LEFT, "En route", "answer:1:en-route")
    standing = after([before], [now])
    assert not takes(standing, now, NOW_NS + TOLD_SETTLED_NS - 1)
    assert takes(standing, now, NOW_NS + TOLD_SETTLED_NS)
    assert not takes(standing, before, NOW_NS + TOLD_SETTLED_NS), "it does not stand there any more"


def test_what_only_the_screen_does_settles_sooner() -> None:
    before, now = target(LEFT, "Next\n1/3", "turn:a:1"), target(LEFT, "Next\n2/3", "turn:a:2")
    standing = after([before], [now])
    assert not takes(standing, now, NOW_NS + SETTLED_NS - 1)
    assert takes(standing, now, NOW_NS + SETTLED_NS)


TAKEN_BACK = ("duty", "bench")
"""First words of commands that another tap takes back, or that a technician's bench alone has."""


def test_every_target_of_every_page_that_tells_core_something_settles_for_as_long_as_a_double_tap_lasts() -> None:
    found = set()
    for _, seen, state in scenes():
        for box in frame.boxes(view(seen, state, 15, 50)):
            verb = box.code.partition(":")[0]
            if not box.code or box.located or verb in (*PLACES, *TAKEN_BACK):
                continue
            _, wanted = tapped(state, box.code, seen.snapshot, NOW_NS)
            if any(not isinstance(one, Sound) for one in wanted):
                assert settled_ns(box.code) == TOLD_SETTLED_NS, box.code
                found.add(verb)
    assert {"answer", "in", "out", "shift", "check-in", "cancel", "file", "ready", "read", "test"} <= found


def test_only_what_came_by_itself_waits_until_the_hand_has_stopped() -> None:
    well, step = target(LEFT, "I AM WELL", "check-in:answer"), target(RIGHT, "En route", "answer:1:en-route")
    standing = after([], [target(LEFT, "A", "key:a")], [well, step])
    touched_ns = NOW_NS + TOLD_SETTLED_NS - 1
    standing = refused(refused(standing, well, touched_ns), step, touched_ns)
    assert not takes(standing, well, touched_ns + TOLD_SETTLED_NS - 1)
    assert takes(standing, well, touched_ns + TOLD_SETTLED_NS)
    assert takes(standing, step, NOW_NS + TOLD_SETTLED_NS)


def test_a_list_that_shifts_under_the_finger_is_new_and_what_stays_is_not() -> None:
    first, second = target(LEFT, "A", "in:1"), target(RIGHT, "B", "in:2")
    moved = replace(second, area=LEFT)
    standing = after([first, second], [moved])
    assert not takes(standing, moved, NOW_NS)
    standing = after([first, second], [replace(first, words="A!", tone="chosen"), moved])
    assert takes(standing, first, NOW_NS)


def test_what_is_drawn_again_and_again_stays_settled_and_the_first_picture_is() -> None:
    standing = after(*[[target(LEFT, "A", "a")]] * 5, every_ns=SETTLED_NS)
    assert takes(standing, target(LEFT, "A", "a"), NOW_NS)
    assert takes(after([target(LEFT, "A", "a")]), target(LEFT, "A", "a"), NOW_NS)


def test_what_nobody_touches_stands_still_so_that_it_takes_a_tap_some_time() -> None:
    def targets(one: View) -> set[tuple[str, Area]]:
        return {(box.code, box.area) for box in frame.boxes(one) if box.code}

    for name, seen, state in scenes():
        one = view(seen, replace(state, sos=Sos()), 15, 50)
        assert targets(one) == targets(replace(one, now_ns=NOW_NS + TOLD_SETTLED_NS)), name


@pytest.mark.promise("P-PRESS-10")
def test_sos_and_its_second_place_take_every_tap() -> None:
    before, now = (
        frame.boxes(in_scene("duty", Language.ENGLISH, 15, 50)),
        frame.boxes(in_scene("armed", Language.ENGLISH, 15, 50)),
    )
    standing = after(before, now)
    codes = [box.code for box in now if box.code and takes(standing, box, NOW_NS)]
    assert {"arm", "send"} <= set(codes)


@pytest.mark.promise("P-PRESS-20")
def test_the_page_of_an_alarm_that_comes_by_itself_takes_no_tap_at_first() -> None:
    typing = ScreenState(page=Page.KEYBOARD)
    before = frame.boxes(view(Seen(snapshot=snapshot()), typing, 15, 50))
    now = frame.boxes(view(Seen(snapshot=replace(snapshot(), alarms=(ALARM,))), typing, 15, 50))
    standing = after(before, now)
    assert [box.code for box in now if box.code and takes(standing, box, NOW_NS)] == ["arm"]
