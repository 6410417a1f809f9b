"""A disk that goes bad under a running core, at the press: the alarm is out at once, and stored when it is well."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.shown import Urgency
from tests.system.disk_scene import Scene
from tests.system.faulty_core import with_fault
from tests.system.officers_screen import OfficersScreen
from tests.system.patrol_car import LOOK_S, WITHIN_S, Board, Car, Process
from tests.system.strace import disturbed

WRITES = ("pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate")
SYNCS = ("fdatasync", "fsync")
FOR_EVER_US = 3_600_000_000
FAULTS = {
    "every write fails": (WRITES, "error=EIO"),
    "read-only": (WRITES, "error=EROFS"),
    "every sync stalls": (SYNCS, f"delay_enter={FOR_EVER_US}"),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Scene.serving(tmp_path_factory.mktemp("scene")) as scene:
        yield scene


def rungs(board: Board) -> list[str]:
    return [event["rung"] for event in board.events("lamp")]


@pytest.mark.promise("P-DISK-04", "P-DISK-05")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_press_on_a_disk_that_goes_bad_is_sent_called_not_stored_and_stored_later(scene: Scene, fault: str) -> None:
    car = scene.car()
    calls, what = FAULTS[fault]
    with Board(car.folder) as board, car.core() as core, car.screen(core) as screen, OfficersScreen(car.folder) as page:
        screen.until(lambda snapshot: snapshot.line.connected and snapshot.duty.received)
        page.until_says("Duty")
        with disturbed(core.process, car.folder / "strace", what, calls):
            incident = scene.press_and_hear(car, board, screen)
            page.until_says("✖ NOT STORED", "● RECEIVED by HQ")
            board.out.until(lambda _: "received" in rungs(board))
            assert not board.events("stored"), "the board is not told to let go"
        scene.see_it_stored(car, board, screen, incident)
        page.until_says("● STORED in the car", "● RECEIVED by HQ")
        page.until_says_no_more("NOT STORED")
        assert core.end() == 0


@pytest.mark.promise("P-DISK-04")
def test_a_core_that_waits_for_its_disk_would_be_noticed(scene: Scene) -> None:
    car = scene.car("[alarms]\nnot_confirmed_after_s = 0.5\nuse_the_radio_after_s = 1.0\n")
    faulty = with_fault("sends_what_is_stored")
    with Board(car.folder) as board, car.core(faulty) as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.connected and snapshot.duty.received)
        calls, what = FAULTS["every write fails"]
        with (
            disturbed(core.process, car.folder / "strace", what, calls),
            pytest.raises(AssertionError, match="it waits for the disk"),
        ):
            scene.press_and_hear(car, board, screen, Urgency.USE_THE_RADIO)


@pytest.mark.long
def test_core_ends_on_a_disk_that_hangs_for_ever(scene: Scene) -> None:
    """Database and journal alike; what a thread holds there is left to it."""
    car = scene.car()
    with Board(car.folder) as board:
        incident = press_and_end_while_it_hangs(scene, car, board)
        with car.core() as core, car.screen(core) as screen:
            scene.see_it_stored(car, board, screen, incident)
            assert core.end() == 0


def press_and_end_while_it_hangs(scene: Scene, car: Car, board: Board) -> str:
    calls = (*WRITES, "write")
    with car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.connected and snapshot.duty.received)
        paths = (car.outbox, car.outbox.with_name("outbox.db-wal"), car.folder / "car" / "journal" / "journal.jsonl")
        with disturbed(core.process, car.folder / "strace", f"delay_enter={FOR_EVER_US}", calls, paths):
            incident = scene.press_and_hear(car, board, screen)
            core.process.send_signal(signal.SIGTERM)
            until_left(core)
            core.err.until_told("the disk hangs")
        assert core.end() == 0
    return incident


def until_left(core: Process) -> None:
    """Wait until core has ended, but for threads that the disk holds: a zombie that the kernel keeps for their sake."""
    stat = Path(f"/proc/{core.process.pid}/stat")
    ends_s = time.monotonic() + WITHIN_S
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < ends_s, core.err.told
        time.sleep(LOOK_S)
