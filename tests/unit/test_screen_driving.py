"""What is locked while the car moves is so at once, and opens when it has been slow for a while."""

from terminal.screen import frame
from terminal.screen.driving import STANDS_AFTER_NS, is_locked
from terminal.screen.feed import Seen
from terminal.screen.following import followed
from terminal.screen.state import Page, ScreenState
from terminal.shown import VehicleView
from tests.screen.gallery import NOW_NS, SIZES, Snapshot, replace, snapshot, view

S = 1_000_000_000


def at(speed_mps: float | None) -> Snapshot:
    return replace(snapshot(), vehicle=VehicleView(speed_mps=speed_mps))


def locks(*speeds_mps: float | None, every_ns: int = S) -> list[bool]:
    """Whether it is locked as each of these speeds is told, one after the other."""
    state, before, found = ScreenState(), Seen(), []
    for number, speed_mps in enumerate(speeds_mps):
        now_ns, seen = number * every_ns, Seen(snapshot=at(speed_mps))
        state, before = followed(state, before, seen, now_ns), seen
        found.append(is_locked(seen.snapshot, state.moved_ns, now_ns))
    return found


def test_at_a_crawl_about_the_limit_it_is_locked_once_and_stays_so() -> None:
    assert locks(1.9, *[2.1, 1.9] * 10) == [False, *[True] * 20]


def test_it_is_locked_at_once_and_opens_after_three_seconds_below_the_limit() -> None:
    assert locks(0.0, 2.1, 1.9, 1.9, 1.9, 0.0) == [False, True, True, True, True, False]
    assert locks(20.0, None, None, None, None) == [True, True, True, True, False]


def test_a_speed_that_core_told_once_held_until_it_told_another() -> None:
    assert locks(20.0, 0.0, 0.0, every_ns=STANDS_AFTER_NS) == [True, True, False]


def test_the_list_of_jobs_comes_back_when_the_car_has_been_slow_for_so_long() -> None:
    for since_ns, is_list in ((STANDS_AFTER_NS - 1, False), (STANDS_AFTER_NS, True)):
        one = view(Seen(snapshot=at(1.9)), ScreenState(page=Page.JOBS, moved_ns=NOW_NS - since_ns), *SIZES[0])
        assert ({"job:01", "job:02"} <= {box.code for box in frame.boxes(one)}) is is_list


def test_the_page_says_that_it_is_the_moving_that_locks_it() -> None:
    state = ScreenState(page=Page.REPORT, moved_ns=NOW_NS - 1)
    boxes = frame.boxes(view(Seen(snapshot=at(0.0)), state, *SIZES[0]))
    assert any("It opens when you stop." in box.words for box in boxes)
