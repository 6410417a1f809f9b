"""What a technician's taps do in the self-test, and what core is told."""

import pytest

from terminal.asked import LONGEST_PIN, ArmButton, CloseWorkshop, Examine, OpenWorkshop, RaiseAlarm
from terminal.examination import Item, Trial
from terminal.screen import frame
from terminal.screen.bench import Bench
from terminal.screen.feed import Seen
from terminal.screen.language import Language
from terminal.screen.sos import Sos
from terminal.screen.sound import Sound
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import Tapped, tapped
from tests.screen.gallery import ALARM, NOW_NS, SIZES, UNTRIED, VehicleView, by_name, car, in_scene, replace, view

HERE = car(UNTRIED)


def taps(*codes: str, state: ScreenState | None = None) -> Tapped:
    state, told = state or ScreenState(page=Page.SYSTEM), ()
    for code in codes:
        state, wanted = tapped(state, code, HERE, NOW_NS)
        told += wanted
    return state, told


def test_the_pin_is_typed_hidden_and_given_to_core_and_kept_nowhere() -> None:
    state, told = taps("bench:", "type:technician", *[f"key:{digit}" for digit in "471147"])
    assert (state.page, told) == (Page.KEYBOARD, ())
    drawn = frame.boxes(view(Seen(snapshot=HERE), state, *SIZES[0]))
    assert not any("4711" in box.words for box in drawn)
    state, told = taps("typed", state=state)
    assert told == (OpenWorkshop(pin="471147"),)
    assert (state.page, state.typing.typed) == (Page.WORKSHOP, "")


def test_no_more_digits_are_taken_than_core_would_take() -> None:
    _, told = taps("type:technician", *["key:1"] * (LONGEST_PIN + 3), "typed")
    assert told == (OpenWorkshop(pin="1" * LONGEST_PIN),)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("bench:disk", Examine(what="disk")),
        ("bench:boards", Examine(what="boards")),
        ("bench:hidden", ArmButton(asked_mono_ns=NOW_NS, silent=True)),
        ("try-button", ArmButton(asked_mono_ns=NOW_NS)),
        ("test", RaiseAlarm(kind="test")),
        ("bench:tone", Sound.TRIAL),
    ],
)
def test_what_can_be_tried_is_a_tap_and_the_page_stays(code: str, wanted: object) -> None:
    state, told = taps("bench:", "bench:item:disk", code)
    assert told == (wanted,)
    assert (state.page, state.bench.item) == (Page.WORKSHOP, Item.DISK)


def test_every_thing_has_its_page_and_a_way_back() -> None:
    for item in Item:
        state, told = taps("bench:", f"bench:item:{item}")
        assert (state.bench.item, told) == (item, ())
        assert taps("bench:", state=state)[0].bench.item is None


def test_what_the_person_says_of_the_tone_is_kept_until_it_is_closed() -> None:
    assert taps("bench:heard:no")[0].bench.trial.heard is False
    state, told = taps("bench:heard:yes", "bench:")
    assert state.bench.trial.heard is True
    state, told = taps("bench:close", state=state)
    assert (state.bench, told) == (Bench(), (CloseWorkshop(),))


def test_four_corners_are_hit_or_it_is_said_how_many_were() -> None:
    state, _ = taps("bench:item:touch", "bench:touch", *["bench:corner"] * 4)
    assert state.bench == Bench(item=Item.TOUCH, trial=Trial(corners=4))
    state, _ = taps("bench:item:touch", "bench:touch", "bench:corner", "bench:stop")
    assert state.bench == Bench(item=Item.TOUCH, trial=Trial(corners=1))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_corners_are_those_of_the_panel_but_for_that_of_sos(height: int, width: int) -> None:
    found = set()
    for number in range(1, 5):
        boxes = frame.boxes(in_scene(f"bench-corner-{number}", Language.ENGLISH, height, width))
        (corner,) = [box.area for box in boxes if box.code == "bench:corner"]
        (sos,) = [box.area for box in boxes if box.code == "arm"]
        found.add((corner.top, corner.left))
    assert found == {(0, 0), (0, width - 4), (height - 3, 0), (sos.top - 3, width - 4)}


def test_whatever_cannot_wait_comes_before_the_corners() -> None:
    state = ScreenState(page=Page.WORKSHOP, bench=Bench(touching=0))
    alarmed = replace(HERE, alarms=(ALARM,))
    moving = replace(HERE, vehicle=VehicleView(speed_mps=20.0))
    closed = replace(HERE, workshop=None)
    for seen, one in (
        (alarmed, state),
        (moving, state),
        (closed, state),
        (HERE, replace(state, sos=Sos(NOW_NS))),
        (HERE, replace(state, page=Page.DUTY)),
        (None, state),
    ):
        codes = {box.code for box in frame.boxes(view(Seen(snapshot=seen), one, *SIZES[0]))}
        assert "bench:corner" not in codes
    drawn = frame.boxes(view(Seen(snapshot=HERE), state, *SIZES[0]))
    assert any(box.words.startswith("On scene?") for box in drawn), "what no page says is said here too"
    assert "bench:corner" in {box.code for box in frame.boxes(view(Seen(snapshot=HERE), state, *SIZES[0]))}


@pytest.mark.parametrize("language", list(Language))
def test_what_is_to_be_done_is_never_cut_off(language: Language) -> None:
    for name in [name for name in by_name() if name.startswith(("bench-bad-", "bench-untried-"))]:
        if not name.endswith("-all"):
            words = [box.words for box in frame.boxes(in_scene(name, language, *SIZES[0])) if not box.code]
            assert any(line.startswith(("Do: ", "Stori: ", "Уради: ", "Uradi: ")) for line in words), name
