"""What the board keeps over resets and power cuts, and what it writes for that."""

import pytest

from firmware import frame, reporter
from firmware.inputs import BUTTON
from firmware.latch import Latch, from_record
from tests.unit.board_scene import SETTLED_MS, Bench, press


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
