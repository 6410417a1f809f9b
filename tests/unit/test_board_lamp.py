"""The board's lamp and buzzer: they show what is proved, that the terminal is dead, and nothing of what is silent."""

import pytest

from firmware import frame, lamp, reporter
from firmware.frame import TIME
from firmware.inputs import CUT
from tests.unit.board_scene import Bench, VirtualBoard, press


@pytest.mark.promise("P-SHOW-06")
def test_the_lamp_is_dark_until_the_press_is_kept_and_shows_core_s_rung_then(bench: Bench) -> None:
    bench.stores = False
    bench.board.kept.fails = True
    with pytest.raises(OSError, match="28"):
        press(bench)
    assert bench.board.fast.numbers() == [1]
    bench.program.show(bench.board.ticks_ms())
    assert bench.program.lamp.shown == "off"
    bench.say(bench.talk.show("pressed"))
    bench.board.kept.fails = False
    bench.run(1100)
    assert bench.program.lamp.shown == "pressed"
    bench.say(bench.talk.show("received"))
    bench.run(50)
    assert bench.program.lamp.shown == "received"


def test_no_rung_shows_nothing(bench: Bench) -> None:
    bench.say(bench.talk.show("sent"))
    bench.run(50)
    assert bench.program.lamp.shown == "sent"
    bench.say(bench.talk.show(""))
    bench.run(50)
    assert bench.program.lamp.shown == "off"


def levels_of(bench: Bench, ms: int) -> list[tuple[bool, bool]]:
    seen = []
    for _ in range(ms // reporter.PRESS_EVERY_MS * 10):
        bench.run(20)
        seen.append((bench.board.lamp, bench.board.buzzer))
    return seen


@pytest.mark.promise("P-KIND-06")
def test_silent_shows_and_sounds_nothing_whatever_happens_also_after_a_reset(bench: Bench) -> None:
    bench.talk._set = frame.encode("SET", "silent", 0)
    bench.run(2100)
    bench.stores = False
    press(bench)
    bench.say(bench.talk.show("received"))
    seen = levels_of(bench, 4000)
    bench.boot()
    bench.core = False
    seen += levels_of(bench, 12_000)
    bench.power_cut()
    seen += levels_of(bench, 3000)
    bench.run(3000, CUT)
    assert set(seen) == {(False, False)}
    assert len(bench.told) == 1


def test_a_board_stays_silent_over_resets_and_power_cuts_with_nothing_latched(bench: Bench) -> None:
    bench.talk._set = frame.encode("SET", "silent", 0)
    bench.run(2100)
    bench.core = False
    for start in (bench.boot, bench.power_cut, bench.power_cut):
        start()
        assert set(levels_of(bench, 9000)) == {(False, False)}
        assert bench.program.lamp.shown == "dead"


def test_loud_shows_and_sounds(bench: Bench) -> None:
    press(bench)
    bench.say(bench.talk.show("received"))
    lamps, buzzers = zip(*levels_of(bench, 4000), strict=True)
    assert True in lamps
    assert True in buzzers


def test_a_terminal_that_does_not_beat_is_shown_dead_and_its_first_beat_ends_that(bench: Bench) -> None:
    bench.core = False
    bench.run(reporter.CORE_DEAD_AFTER_MS - 1500)
    assert bench.program.lamp.shown == "off"
    bench.run(2000)
    assert bench.program.lamp.shown == "dead"
    bench.run(1000)
    bench.core = True
    bench.run(1100)
    assert bench.program.lamp.shown == "off"


def test_a_dead_terminal_stays_dead_over_the_wrap_of_the_clock() -> None:
    bench = Bench(VirtualBoard(TIME - 8000), core=False)
    bench.run(6000)
    bench.board.now_ms += TIME - 1000
    bench.run(100)
    assert bench.program.lamp.shown == "dead"


def test_every_rung_fault_and_dead_terminal_has_a_pattern_of_its_own() -> None:
    for which in (0, 1):
        times = [tuple(lamp.is_on(p[which], ms) for ms in range(0, 12_000, 10)) for p in lamp.PATTERNS.values()]
        assert len(set(times)) == len(lamp.PATTERNS)


def test_the_buzzer_falls_silent_and_the_lamp_goes_on(bench: Bench) -> None:
    bench.say(bench.talk.show("stored"))
    bench.run(lamp.BUZZES_FOR_MS + 100)
    lamps, buzzers = zip(*levels_of(bench, 4000), strict=True)
    assert True in lamps
    assert True not in buzzers
