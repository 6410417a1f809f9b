"""The board's firmware and core in board time: each press is one press, and nothing that is heard makes one."""

from pathlib import Path

import pytest

from drivers.io_board import Settings
from drivers.serial_frames import LOOK_S
from firmware import frame, reporter
from firmware.frame import TIME
from firmware.inputs import BUTTON, NORMAL
from firmware.latch import LAST, Latch
from hal.errors import SourceRefused
from hal.readings import ButtonHealth
from tests.unit.board_scene import SETTLED_MS, Bench, VirtualBoard, press


@pytest.mark.parametrize("ms", [50, 60, 100, 1000])
def test_a_press_of_50_ms_or_more_is_one_press(bench: Bench, ms: int) -> None:
    press(bench, ms)
    bench.run(SETTLED_MS)
    assert len(bench.told) == 1
    assert set(bench.told) == bench.made
    assert bench.board.kept.numbers() == []


def test_a_press_of_5_ms_is_none(bench: Bench) -> None:
    press(bench, 5)
    bench.run(SETTLED_MS)
    assert bench.made == set()


@pytest.mark.promise("P-PRESS-04")
def test_a_press_of_10_minutes_is_one_press_and_a_stuck_button_until_it_ends(bench: Bench) -> None:
    bench.run(10 * 60_000, BUTTON)
    assert len(bench.made) == 1
    assert bench.states[-1].health is ButtonHealth.STUCK
    bench.run(SETTLED_MS, NORMAL)
    assert bench.states[-1].health is ButtonHealth.OK
    press(bench)
    assert len(bench.made) == 2


@pytest.mark.promise("P-PRESS-17")
def test_ten_presses_in_a_second_are_ten_when_core_keeps_up(bench: Bench) -> None:
    for _ in range(10):
        bench.run(50, BUTTON)
        bench.run(50, NORMAL)
    bench.run(SETTLED_MS)
    assert [one.number for one in bench.told] == list(range(1, 11))


@pytest.mark.promise("P-PRESS-17")
def test_ten_presses_without_core_join_the_newest_and_are_all_told_later(bench: Bench) -> None:
    bench.core = False
    for _ in range(10):
        press(bench, 50)
    assert bench.board.fast.numbers() == [1, 2, 3, 4]
    bench.core = True
    bench.run(SETTLED_MS)
    assert [one.number for one in bench.told] == [1, 2, 3, 4]
    press(bench)
    bench.run(SETTLED_MS)
    assert [one.number for one in bench.told] == [1, 2, 3, 4, 5]


@pytest.mark.promise("P-PRESS-12")
def test_a_button_that_is_down_when_the_board_boots_is_a_press() -> None:
    board = VirtualBoard()
    board.raw = BUTTON
    bench = Bench(board)
    bench.run(SETTLED_MS)
    assert [one.number for one in bench.told] == [1]


@pytest.mark.promise("P-PRESS-13")
def test_a_press_while_the_terminal_is_off_waits_for_it() -> None:
    bench = Bench(core=False)
    press(bench)
    bench.run(60_000)
    assert bench.board.kept.numbers() == [1]
    bench.core = True
    bench.run(SETTLED_MS)
    assert len(bench.told) == 1
    assert bench.board.kept.numbers() == []


@pytest.mark.promise("P-TIME-03")
def test_the_board_s_clock_wraps_under_a_press() -> None:
    bench = Bench(VirtualBoard(TIME - 3000))
    bench.run(2950)
    press(bench)
    assert bench.board.ticks_ms() < 1000
    bench.run(5000)
    assert len(bench.told) == 1
    assert bench.states[-1].latched == ()
    assert bench.states[-1].health is ButtonHealth.OK
    assert not bench.program.reporter.core_dead


def test_a_quiet_board_goes_on_telling_over_the_wrap_of_its_clock() -> None:
    bench = Bench(VirtualBoard(TIME - 2000))
    bench.run(1900)
    said = len(bench.states)
    bench.run(4000)
    assert len(bench.states) - said >= 4000 // reporter.STATE_EVERY_MS - 1
    assert bench.program.lamp.shown == "off"


def test_presses_that_would_wrap_are_counted_under_a_new_nonce(bench: Bench) -> None:
    bench.program.reporter.latch = Latch(bench.program.reporter.latch.boot_nonce, LAST - 1)
    for _ in range(3):
        press(bench)
        bench.run(SETTLED_MS)
    assert [one.number for one in bench.told] == [LAST, 1, 2]
    assert len({one.boot_nonce for one in bench.told}) == 2


def test_stored_of_another_boot_or_said_only_once_changes_nothing(bench: Bench) -> None:
    bench.stores = False
    press(bench)
    nonce = bench.program.reporter.nonce
    for line in (("STORED", "00000001", 1), ("STORED", "00000001", 1), ("STORED", nonce, 1), ("STORED", nonce, 2)):
        bench.say((frame.encode(*line),))
    bench.run(100)
    assert bench.board.fast.numbers() == [1]
    bench.say((frame.encode("STORED", nonce, 1),) * 2)
    bench.run(100)
    assert bench.board.fast.numbers() == []


def test_frames_that_make_no_sense_do_nothing(bench: Bench) -> None:
    for line in (("STORED",), ("STORED", "x", "y"), ("SET", 1), ("SET", "loud", "x"), ("LOG", "x"), ("LAMP",), ("OH",)):
        bench.say((frame.encode(*line),) * 2)
    bench.run(100)
    press(bench)
    bench.run(SETTLED_MS)
    assert len(bench.told) == 1


def test_a_board_of_another_frame_version_is_refused_with_a_remedy(bench: Bench) -> None:
    fields = ["3", "B-9", "0000000A", "9.9", "abc", "power"]
    bench.talk.heard("HELLO", fields)
    with pytest.raises(SourceRefused, match="version 3, this terminal 2; flash it: patrola flash board --port /dev/b"):
        bench.talk.heard("HELLO", fields)


def test_a_babbling_board_makes_no_more_presses_than_a_board_can_hold(bench: Bench) -> None:
    nonce = bench.program.reporter.nonce
    for number in range(1000):
        for _ in range(2):
            bench.talk.heard("PRESS", [nonce, str(number), "5"])
    assert len(bench.talk._believed) <= frame.MOST_LATCHED


def test_what_is_heard_once_is_not_believed(bench: Bench) -> None:
    nonce = bench.program.reporter.nonce
    assert bench.talk.heard("PRESS", [nonce, "7", "5"]).state is None
    listed = bench.talk.heard("STATE", [nonce, "ok", "8", "5", "000", "0"])
    assert listed.state is not None
    assert listed.state.latched == ()


def test_core_knows_within_a_second_that_the_board_is_gone_and_misses_no_beat_of_it() -> None:
    silent_after_s = Settings(device=Path("/dev/board")).silent_after_s
    assert 3 * reporter.STATE_EVERY_MS / 1000 < silent_after_s < 1 - LOOK_S
