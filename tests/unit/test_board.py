"""The board's firmware and core's conversation in board time: presses, faults, lamps, and all that may go wrong."""

import random
from pathlib import Path

import pytest

from drivers.io_board import Settings
from drivers.serial_frames import LOOK_S
from firmware import frame, inputs, lamp, pins, reporter
from firmware.frame import TIME
from firmware.inputs import BUTTON, CUT, IMPLAUSIBLE, NORMAL, SHORT
from firmware.latch import LAST, Latch, from_record
from hal.errors import SourceRefused
from hal.readings import ButtonHealth
from tests.unit.board_scene import Bench, VirtualBoard

SETTLED_MS = 1500


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.run(SETTLED_MS)
    return made


def press(bench: Bench, ms: int = 100) -> None:
    bench.run(ms, BUTTON)
    bench.run(50, NORMAL)


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


def test_edges_wrap_and_every_one_is_told(bench: Bench) -> None:
    bench.program.inputs.log.count = frame.EDGES - 2
    bench.run(1000)
    bench.talk.edges_lost = 0
    for level in (2, 0, 2, 0, 2):
        bench.run(250, level)
    assert bench.program.inputs.log.count == 3
    assert bench.talk.edges_lost == 0
    assert bench.states[-1].inputs == {"lightbar"}


def test_a_lightbar_that_flashes_on_between_two_states_is_seen(bench: Bench) -> None:
    bench.down = lambda _: b""
    before = len(bench.states)
    bench.up = lambda data: b"".join(line for line in data.splitlines(True) if b"STATE" not in line)
    bench.run(250, 2)
    bench.run(250, 0)
    assert [state.inputs for state in bench.states[before:]] == [{"lightbar"}, set()]


def test_edges_that_the_line_lost_are_fetched_and_those_that_are_gone_counted(bench: Bench) -> None:
    bench.up = lambda _: b""
    for level in (2, 0) * 10:
        bench.run(250, level)
    bench.up = bytes
    bench.run(1000)
    assert bench.talk.edges_lost == 0
    bench.up = lambda _: b""
    for level in (2, 0) * 30:
        bench.run(250, level)
    bench.up = bytes
    bench.run(1000)
    assert bench.talk.edges_lost == 60 - inputs.LOGGED


@pytest.mark.parametrize("raw", [2, 0])
def test_lightbar_switches_want_200_ms(bench: Bench, raw: int) -> None:
    bench.run(1000, 2 - raw)
    bench.run(190, raw)
    assert bench.program.inputs.on == 2 - raw
    bench.run(30)
    assert bench.program.inputs.on == raw


@pytest.mark.promise("P-PRESS-08")
@pytest.mark.parametrize(
    ("raw", "health"),
    [
        (CUT, ButtonHealth.CUT),
        (SHORT, ButtonHealth.SHORT),
        (IMPLAUSIBLE, ButtonHealth.IMPLAUSIBLE),
        (BUTTON, ButtonHealth.STUCK),
    ],
)
def test_each_fault_of_the_circuit_is_told_within_2_s_and_so_is_its_end(
    bench: Bench, raw: int, health: ButtonHealth
) -> None:
    bench.run(2000, raw)
    assert bench.states[-1].health is health
    assert bench.program.lamp.shown in ("fault", "pressed")
    bench.run(2000, NORMAL)
    assert bench.states[-1].health is ButtonHealth.OK
    assert len(bench.made) == (raw == BUTTON)


def test_bands_hold_all_that_the_tolerances_allow_and_leave_gaps() -> None:
    where = inputs.bands(pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM, pins.TOLERANCE_PERCENT)
    assert list(where) == sorted(where)
    rng = random.Random(1)
    for _ in range(5000):
        pull, line, contact = (
            ohm * (1 + rng.uniform(-1, 1) * pins.TOLERANCE_PERCENT / 100)
            for ohm in (pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM)
        )
        wire = rng.uniform(0, inputs.WIRE_OHM)
        for ohm, meaning in (
            (line + wire, NORMAL),
            (line * contact / (line + contact) + wire, BUTTON),
            (wire, SHORT),
            (rng.uniform(inputs.LEAK_OHM, 1e9), CUT),
        ):
            assert inputs.supervised(round(1000 * ohm / (ohm + pull)), where) == meaning
    gaps = [(where[index] + where[index + 1]) // 2 for index in (1, 3, 5)]
    assert [inputs.supervised(permille, where) for permille in gaps] == [IMPLAUSIBLE] * 3


def test_two_contacts_tell_the_same_states() -> None:
    assert [inputs.two_contacts(no, nc) for no, nc in ((0, 1), (1, 0), (0, 0), (1, 1))] == [NORMAL, BUTTON, CUT, SHORT]


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


def test_flash_that_fails_is_tried_once_a_second_and_does_not_stop_anything(bench: Bench) -> None:
    bench.board.kept.fails = True
    before, errors = bench.board.kept.writes, 0
    bench.board.raw = BUTTON
    for _ in range(5000):
        try:
            bench.run(1)
        except OSError:
            errors += 1
    assert 4 <= bench.board.kept.writes - before <= 8
    assert len(bench.told) == 1


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


def test_the_supply_is_cycled_only_where_that_was_set_and_only_after_its_time(bench: Bench) -> None:
    for quiet in (bench, Bench(core=False)):
        quiet.core = False
        quiet.run(200_000)
        assert quiet.board.cycles == []
    bench.core = True
    bench.talk._set = frame.encode("SET", "loud", 90)
    bench.run(2100)
    bench.core = False
    bench.run(88_000)
    assert bench.board.cycles == []
    bench.run(3000)
    assert bench.board.cycles == [True]
    bench.run(reporter.CYCLE_FOR_MS)
    assert bench.board.cycles == [True, False]
    bench.run(85_000)
    assert bench.board.cycles == [True, False]


@pytest.mark.promise("P-PRESS-05")
def test_a_press_outlives_a_reset_and_a_power_cut_under_its_name(bench: Bench) -> None:
    bench.stores = False
    press(bench)
    bench.boot()
    bench.run(SETTLED_MS)
    bench.power_cut()
    bench.run(SETTLED_MS)
    assert len(bench.told) == 1
    press(bench)
    bench.run(SETTLED_MS)
    assert [one.number for one in bench.told] == [1, 2]
    bench.stores = True
    bench.run(SETTLED_MS)
    assert bench.board.kept.numbers() == bench.board.fast.numbers() == []


@pytest.mark.promise("P-PRESS-05")
def test_a_board_that_resets_every_second_loses_no_press_and_makes_none() -> None:
    bench = Bench()
    for second in range(20):
        bench.boot()
        bench.run(900)
        if second % 5 == 0:
            press(bench)
    bench.run(SETTLED_MS)
    assert set(bench.told) == bench.made
    assert len(bench.told) == 4


def test_a_torn_record_is_none(bench: Bench) -> None:
    record = Latch(1, 5, 3).record()
    assert from_record(record) is not None
    for place in range(len(record)):
        torn = record[:place] + bytes([record[place] ^ 1]) + record[place + 1 :]
        assert from_record(torn) is None
    assert from_record(bytes(16)) is None
    assert from_record(b"\xff" * 16) is None
    assert from_record(None) is None


def test_a_job_that_hangs_starves_the_watchdog(bench: Bench) -> None:
    program, board = bench.program, bench.board
    program._ran_ms["sample"] = board.ticks_ms()
    program.watch(board.ticks_ms())
    feeds = board.feeds
    board.now_ms += 2000
    program.watch(board.ticks_ms())
    assert board.feeds == feeds


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


def test_a_start_that_changes_nothing_writes_no_flash_and_one_that_finds_an_old_record_does(bench: Bench) -> None:
    bench.stores = False
    press(bench)
    old = bench.board.kept.record
    bench.stores = True
    bench.run(SETTLED_MS)
    before = bench.board.kept.writes
    bench.boot()
    bench.run(SETTLED_MS)
    assert bench.board.kept.writes == before
    bench.board.kept.record = old
    bench.boot()
    bench.run(SETTLED_MS)
    assert bench.board.kept.numbers() == []
    assert len(bench.told) == 1


def test_one_memory_for_both_is_written_once_a_change(bench: Bench) -> None:
    bench.board.kept = bench.board.fast
    bench.boot()
    bench.stores = False
    before = bench.board.fast.writes
    press(bench)
    bench.run(SETTLED_MS)
    assert bench.board.fast.writes == before + 1
    assert bench.program.lamp.shown == "pressed"


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


def test_an_error_in_a_job_ends_nothing(bench: Bench) -> None:
    import asyncio

    program, board = bench.program, bench.board
    board.broken = True
    runs = 0

    async def sleep_ms(ms: int) -> None:
        nonlocal runs
        runs += 1
        if runs == 5:
            board.broken = False
            board.raw = BUTTON
        if runs > 20:
            raise asyncio.CancelledError
        board.now_ms += ms

    board.sleep_ms = sleep_ms  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(program.repeat("sample", program.sample, 2))
    assert program.errors == 5
    assert program.last_error == "OSError"
    assert len(bench.made) == 1
