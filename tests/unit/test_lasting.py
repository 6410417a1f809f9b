"""What a defect ends is named and begun again; and core with a defect in it still takes, stores and sends a press."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from hal.clock import SystemClock
from hal.readings import AnyReading, ButtonState, Press
from terminal import config as unit_config
from terminal.contract.identity import digest_of_ids, incident_of_press
from terminal.contract.messages import StoredRange, encode
from terminal.contract.topics import Lane
from terminal.core.daemon import Core
from terminal.core.emergency import Emergency, UnconfirmedPress
from terminal.core.inputs import Told
from terminal.core.lasting import FIRST_PAUSE_S, LONGEST_PAUSE_S, lasting
from terminal.core.storing import EMERGENCY, Storing
from terminal.uplink.outbox import Entry, Limits, Outbox
from terminal.uplink.writer import Writer
from tests.model.virtual_time import VirtualLoop
from tests.unit.broken_once import BrokenOnce
from tests.unit.core_scene import Car

WITHIN_S = 30.0
Begin = Callable[[], Coroutine[Any, Any, None]]


def played(story: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


def failing(times: int, error: Callable[[], BaseException], begun_s: list[float]) -> Begin:
    """A work that fails so often, and then ends of its own accord."""

    async def work() -> None:
        begun_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        if len(begun_s) <= times:
            raise error()

    return work


@pytest.mark.parametrize("error", [lambda: RuntimeError("a defect"), asyncio.CancelledError])
def test_what_fails_is_named_once_with_its_trace_and_begun_again_until_it_ends_of_its_own_accord(
    error: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    begun_s: list[float] = []
    told: list[str] = []
    played(lasting("the tick", failing(8, error, begun_s), lambda name, _problem: told.append(name)))
    pauses_s = [after - before for before, after in itertools.pairwise(begun_s)]
    assert pauses_s[0] == pytest.approx(FIRST_PAUSE_S)
    assert pauses_s[-1] == pytest.approx(LONGEST_PAUSE_S)
    assert pauses_s == sorted(pauses_s)
    assert told == ["the tick"] * 8
    assert [bool(record.exc_info) for record in caplog.records] == [True] + [False] * 7
    assert all("core: the tick has failed" in record.message for record in caplog.records)


def test_a_work_that_is_cancelled_ends() -> None:
    async def story() -> None:
        task = asyncio.create_task(lasting("a work", asyncio.Event().wait, lambda *_: None))  # type: ignore[arg-type]
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    played(story())


UNIT = """
[unit]
realm = "LJ"
unit = "LJ-101"
[[brokers]]
host = "127.0.0.1"
port = 1
[storage]
folder = "state"
[link]
socket = "core.sock"
"""
PRESS = Press("board-1", 7, 1)


class Board:
    """A source with a button: says what it is given, and hears what is confirmed."""

    def __init__(self, name: str, lamp_works: bool = True) -> None:
        self.name = name
        self.says: asyncio.Queue[AnyReading] = asyncio.Queue()
        self.confirmed: asyncio.Queue[Press] = asyncio.Queue()
        self._lamp_works = lamp_works

    async def readings(self) -> AsyncIterator[AnyReading]:
        while True:
            yield await self.says.get()

    def confirm_stored(self, press: Press) -> None:
        self.confirmed.put_nowait(press)

    def show_rung(self, rung: str) -> None:
        if not self._lamp_works:
            raise RuntimeError(f"no lamp for {rung}")


@asynccontextmanager
async def running(folder: Path, board: Board, writer: Callable[[Path, Limits], Writer] = Writer) -> AsyncIterator[Core]:
    (folder / "unit.toml").write_text(UNIT)
    core = Core(unit_config.load(folder / "unit.toml"), [board], SystemClock(), writer=writer)
    task = asyncio.create_task(core.run())
    try:
        async with asyncio.timeout(WITHIN_S):
            yield core
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def press(board: Board) -> None:
    board.says.put_nowait(ButtonState(source=board.name, mono_ns=SystemClock().mono_ns(), latched=PRESS))


def saved(folder: Path) -> Emergency:
    outbox = Outbox.open(folder / "state" / "outbox.db", Limits(most_bytes=10_000_000))
    try:
        return msgspec.json.decode(outbox.load_state(EMERGENCY) or b"{}", type=Emergency)
    finally:
        outbox.close()


def test_what_the_last_run_left_is_taken_up_although_the_first_try_met_a_defect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        board = Board("board")
        async with running(tmp_path, board, BrokenOnce) as core:
            press(board)
            assert await board.confirmed.get() == PRESS
            # Only what has been restored is saved.
            while not core._state.restored:  # noqa: ASYNC110 - it is told to nobody
                await asyncio.sleep(0.01)

    asyncio.run(story())
    assert [alarm.incident for alarm in saved(tmp_path).alarms] == [incident_of_press("board-1", 7, 1)]
    assert any("core: restore has failed" in record.message for record in caplog.records)


def test_an_effect_that_breaks_takes_neither_the_storing_nor_the_sending_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        board = Board("board", lamp_works=False)
        async with running(tmp_path, board) as core:
            press(board)
            assert await board.confirmed.get() == PRESS
            assert core._sender._alarms

    asyncio.run(story())
    assert saved(tmp_path).presses == (PRESS,)
    assert any("a ShowRung could not be done" in record.message for record in caplog.records)


def test_a_disks_word_that_breaks_the_moment_it_is_waited_for_comes_with_the_commit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_storing: Storing) -> list[Told]:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Storing, "soon", broken)

    async def story() -> None:
        board = Board("board")
        async with running(tmp_path, board):
            press(board)
            assert await board.confirmed.get() == PRESS

    asyncio.run(story())
    assert saved(tmp_path).presses == (PRESS,)
    assert any("what the disk took could not be told" in record.message for record in caplog.records)


def test_a_press_that_waited_under_a_boards_old_name_is_confirmed_to_the_board_that_knows_it(tmp_path: Path) -> None:
    car = Car()
    car.press(press=PRESS, source="its old name")
    (raised,) = car.state.emergency.alarms
    before = car.state.emergency
    assert before.unconfirmed == (UnconfirmedPress("its old name", PRESS, raised.raised_id),)
    (tmp_path / "state").mkdir()
    outbox = Outbox.open(tmp_path / "state" / "outbox.db", Limits(most_bytes=10_000_000))
    outbox.commit([], {EMERGENCY: msgspec.json.encode(before)})
    outbox.close()

    async def story() -> None:
        board = Board("its new name")
        async with running(tmp_path, board):
            assert await board.confirmed.get() == PRESS

    asyncio.run(story())


@pytest.mark.promise("P-RECEIPT-07")
@pytest.mark.parametrize("store_now", ["a", "b"])
def test_a_receipt_on_disk_counts_of_the_store_that_headquarters_has_now(tmp_path: Path, store_now: str) -> None:
    """The state that knew of another store came to the disk, and then the power failed."""
    car = Car()
    car.press(press=PRESS)
    (alarm,) = car.state.emergency.alarms
    before = replace(car.state.emergency, epoch=store_now)
    (tmp_path / "state").mkdir()
    outbox = Outbox.open(tmp_path / "state" / "outbox.db", Limits(most_bytes=10_000_000))
    outbox.commit(
        [Entry(alarm.raised_id, Lane.ALARM, encode(alarm.unstored[0]))], {EMERGENCY: msgspec.json.encode(before)}
    )
    outbox.forget_receipts("a")
    assert outbox.settle(Lane.ALARM, (StoredRange(1, 1, digest_of_ids([alarm.raised_id])),), "a")
    outbox.close()

    async def story() -> None:
        async with running(tmp_path, Board("board")) as core:
            while not core._state.restored:  # noqa: ASYNC110 - it is told to nobody
                await asyncio.sleep(0.01)
            assert [one.received for one in core._state.emergency.alarms] == [store_now == "a"]

    asyncio.run(story())
