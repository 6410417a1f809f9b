"""Core killed, or refused, at calls that change the disk: a press is one incident, and "stored" was never a lie."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terminal.asked import SetDuty
from terminal.contract.messages import AlarmRaised, AlarmSignalled, decode_alarm
from terminal.contract.topics import Lane
from terminal.shown import AlarmView
from terminal.uplink.outbox import Limits, Outbox
from tests.system.patrol_car import Board, Car, Gone, Process
from tests.system.receiver import free_port
from tests.system.strace import disk_calls, every_call, under_strace

AT_ONCE = 2
PRESSES = 2
SAMPLE = 4
DATABASE_CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "fallocate")
SIMULATED = '\n[sources.car]\ndriver = "simulator"\n'


class Shift:
    """A car whose button is pressed twice, over as many lives of core as it takes."""

    def __init__(self, folder: Path, board: Board) -> None:
        self.car = Car(folder, free_port(), SIMULATED)
        self.board = board
        self.shown: set[str] = set()
        """Incidents that some screen was told are on disk."""
        self.incident = ""
        self.first_code = 0
        """How the first core ended."""

    def work(self, core: Process) -> None:
        """Press what is still to be pressed, wait until all of it is on disk; Gone if core dies before."""
        with self.car.screen(core) as screen:
            try:
                screen.until(lambda snapshot: any(source.up for source in snapshot.sources))
                screen.send(SetDuty(status="available"))
                while (pressed := len(self.board.events("press"))) < PRESSES:
                    incident = self.board.press()
                    self.incident = self.incident or incident
                    screen.until_alarm(lambda alarm, signals=pressed + 1: self._stored(alarm, signals))
                screen.until_alarm(lambda alarm: self._stored(alarm, PRESSES))
            finally:
                self.shown |= {alarm.incident for one in screen.seen for alarm in one.alarms if alarm.stored}

    def _stored(self, alarm: AlarmView, signals: int) -> bool:
        return alarm.stored and alarm.signals == signals and len(self.board.events("stored")) == signals

    def check(self) -> None:
        """After another life of core: one incident, a message for each press, and a board that holds nothing."""
        with self.car.core() as core:
            self.work(core)
            assert core.end() == 0, core.err.told
            assert not [line for line in core.err.told if "Traceback" in line or "ERROR" in line]
        assert self.shown == {self.incident}
        outbox = Outbox.open(self.car.outbox, Limits(most_bytes=8_000_000))
        told = [decode_alarm(row.body) for row in outbox.pending(Lane.ALARM)]
        outbox.close()
        assert outbox.problem == ""
        assert [type(message) for message in told] == [AlarmRaised, AlarmSignalled]
        assert {message.incident for message in told} == {self.incident}


def disturbed(folder: Path, *injections: str) -> Shift:
    """A shift whose first core has this done to it, and the second nothing."""
    folder.mkdir()
    with Board(folder) as board:
        shift = Shift(folder, board)
        with shift.car.core(lambda command: under_strace(command, folder / "strace", *injections)) as core:
            with contextlib.suppress(Gone):
                shift.work(core)
            shift.first_code = core.end()
        shift.check()
    return shift


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a shift asks of the disk."""
    folder = tmp_path_factory.mktemp("count") / "shift"
    disturbed(folder)
    counts = disk_calls(folder / "strace")
    assert counts["pwrite64"] > 50
    assert counts["fdatasync"] > 5
    return counts


def everywhere(folder: Path, calls: dict[str, int], what: str, sample: int | None) -> list[Shift]:
    def at(one: tuple[str, int]) -> Shift:
        call, when = one
        return disturbed(folder / f"{call}-{when}", f"{call}:{what}:when={when}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(at, every_call(calls, sample)))


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> int | None:
    """How many occurrences of each call are tried."""
    return None if request.config.getoption("--long") else SAMPLE


@pytest.mark.promise("P-DISK-02", "P-RECEIPT-14")
def test_core_survives_a_kill_at_its_disk_calls(tmp_path: Path, calls: dict[str, int], sample: int | None) -> None:
    shifts = everywhere(tmp_path, calls, "signal=SIGKILL", sample)
    # No two shifts make just as many calls, so a kill at the very last ones may come too late.
    assert sum(shift.first_code == -9 for shift in shifts) > 0.8 * len(shifts)
    assert any(shift.shown for shift in shifts)


@pytest.mark.promise("P-DISK-02")
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_core_survives_a_disk_call_that_fails_once(
    tmp_path: Path, calls: dict[str, int], sample: int | None, error: str
) -> None:
    of_database = {call: calls[call] for call in DATABASE_CALLS}
    shifts = everywhere(tmp_path, of_database, f"error={error}", sample)
    assert {shift.first_code for shift in shifts} == {0}, "core goes on"
