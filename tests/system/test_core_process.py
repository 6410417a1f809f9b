"""Core as a process, ill-treated: killed, stopped, started twice, starved of files and memory, on a wrong clock."""

import contextlib
import signal
import socket
import time
from pathlib import Path

import pytest

from terminal.asked import RaiseAlarm, SetDuty
from terminal.contract.messages import AlarmRaised, decode_alarm
from terminal.contract.topics import Lane
from terminal.link import Snapshot
from terminal.uplink.outbox import Limits, Outbox
from tests.system.patrol_car import WITHIN_S, Board, Car, Denied, Process, Wrap
from tests.system.receiver import free_port

LIMITS = Limits(most_bytes=8_000_000)
SIMULATED = '\n[sources.car]\ndriver = "simulator"\n'
CROWD = 200
EVERY_S = 0.1
"""Below the rate at which core refuses commands."""


@pytest.fixture
def car(tmp_path: Path) -> Car:
    """A car whose broker nobody listens at."""
    return Car(tmp_path / "car-1", free_port())


def held(car: Car, lane: Lane) -> list[bytes]:
    """What waits in the outbox of a core that has ended."""
    outbox = Outbox.open(car.outbox, LIMITS)
    bodies = [row.body for row in outbox.pending(lane, limit=1000)]
    outbox.close()
    return bodies


@pytest.mark.promise("P-DISK-10")
def test_a_killed_core_takes_up_its_open_alarm_and_the_press_that_it_had_not_stored(car: Car) -> None:
    folder = car.outbox.parent
    with Board(car.folder) as board:
        with car.core() as core, car.screen(core) as screen:
            first = board.press()
            screen.send(SetDuty(status="available"))
            screen.until_alarm(lambda alarm: alarm.stored)
            screen.until(lambda snapshot: snapshot.duty.status == "available")
            assert core.end() == 0
        folder.rename(folder.with_name("away"))
        folder.write_text("in the way")
        with car.core() as core, car.screen(core) as screen:
            screen.until(lambda snapshot: snapshot.line.disk_problem)
            second = board.press()
            screen.until_alarm(lambda alarm: alarm.store_failed)
            assert core.end(signal.SIGKILL) == -signal.SIGKILL
        folder.unlink()
        folder.with_name("away").rename(folder)
        with car.core() as core, car.screen(core) as screen:
            snapshot = screen.until(lambda snapshot: any(alarm.signals == 2 for alarm in snapshot.alarms))
            assert [alarm.incident for alarm in snapshot.alarms] == [first], "a second press goes to the open incident"
            assert snapshot.duty.status == "available"
            board.out.until(lambda _: len(board.events("stored")) == 2)
            assert core.end() == 0
    assert second != first
    assert len(held(car, Lane.ALARM)) == 2


def test_an_outbox_that_comes_back_late_is_taken_up_and_not_written_over(car: Car) -> None:
    folder = car.outbox.parent
    with Board(car.folder) as board:
        with car.core() as core, car.screen(core) as screen:
            first = board.press()
            screen.send(SetDuty(status="available"))
            screen.until_alarm(lambda alarm: alarm.stored)
            screen.until(lambda snapshot: snapshot.duty.status == "available")
            assert core.end() == 0
        folder.rename(folder.with_name("away"))
        folder.write_text("in the way")
        with car.core() as core, car.screen(core) as screen:
            screen.until(lambda snapshot: snapshot.line.disk_problem)
            second = board.press()
            screen.until_alarm(lambda alarm: alarm.store_failed)
            folder.unlink()
            folder.with_name("away").rename(folder)
            # Commits go on all the time, so that some come before what was on the disk has been read.
            deadline_s = time.monotonic() + WITHIN_S
            while len(screen.seen[-1].alarms) < 2:
                assert time.monotonic() < deadline_s, screen.seen[-1].alarms
                before = signals(screen.seen[-1])
                screen.send(RaiseAlarm())
                screen.until(lambda snapshot, before=before: signals(snapshot) > before)
                time.sleep(EVERY_S)
            screen.until(all_stored)
            assert {alarm.incident for alarm in screen.seen[-1].alarms} == {first, second}
            screen.until(lambda snapshot: snapshot.duty.status == "available")
            assert core.end() == 0
        with car.core() as core, car.screen(core) as screen:
            snapshot = screen.until(lambda snapshot: snapshot.alarms)
            assert {alarm.incident for alarm in snapshot.alarms} == {first, second}
            assert all_stored(snapshot)
            assert core.end() == 0
    raised = [decode_alarm(body) for body in held(car, Lane.ALARM)]
    assert [message.incident for message in raised if isinstance(message, AlarmRaised)] == [first, second]


def signals(snapshot: Snapshot) -> int:
    return sum(alarm.signals for alarm in snapshot.alarms)


def all_stored(snapshot: Snapshot) -> bool:
    return all(alarm.stored for alarm in snapshot.alarms)


def test_points_that_wait_for_their_batch_are_on_disk_when_core_is_told_to_end(tmp_path: Path) -> None:
    car = Car(tmp_path / "car-1", free_port(), SIMULATED)
    with car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: not snapshot.position.stale)
        for status in ("available", "busy", "on-scene"):
            screen.send(SetDuty(status=status))
            screen.until(lambda snapshot, status=status: snapshot.duty.status == status)
        assert core.end() == 0
    assert len(held(car, Lane.TRACK)) >= 4, "the first fix, and one with each duty status"


def test_core_ends_when_told_to_while_a_broker_does_not_take_its_call(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, contextlib.ExitStack() as callers:
        for _ in range(4):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(busy.getsockname())
        car = Car(tmp_path / "car-1", busy.getsockname()[1])
        with car.core() as core, car.screen(core) as screen:
            screen.until(lambda snapshot: snapshot.line.pending)
            assert core.end() == 0


@pytest.mark.promise("P-SEND-15")
def test_core_ends_when_told_to_while_a_broker_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        car = Car(tmp_path / "car-1", silent.getsockname()[1])
        with car.core() as core, car.screen(core):
            silent.settimeout(60)
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                assert core.end() == 0


def test_a_second_core_on_an_outbox_says_who_holds_it_and_takes_over(car: Car) -> None:
    other = Car(car.folder.with_name("car-2"), free_port(), unit="LJ-102")
    other.config.write_text(other.config.read_text().replace('folder = "car"', f'folder = "{car.outbox.parent}"'))
    with car.core() as core, car.screen(core) as screen, Board(other.folder) as board:
        screen.until(lambda snapshot: snapshot.line.pending)
        with other.core() as second, other.screen(second) as its_screen:
            problem = its_screen.until(lambda snapshot: snapshot.line.disk_problem).line.disk_problem
            assert f"process {core.process.pid} (" in problem
            assert "holds it; stop the other one" in problem
            board.press()
            its_screen.until_alarm(lambda alarm: alarm.store_failed)
            assert core.end() == 0
            its_screen.until_alarm(lambda alarm: alarm.stored)
            assert second.end() == 0


def test_a_second_core_on_a_socket_ends_with_the_reason(car: Car) -> None:
    with car.core() as core, car.screen(core) as screen:
        with car.core() as second:
            assert second.process.wait(60) == 2
            second.err.join()
            assert "listens here; stop it first" in "".join(second.err.told)
        screen.send(SetDuty(status="available"))
        screen.until(lambda snapshot: snapshot.duty.status == "available")


def limited(*limits: str) -> Wrap:
    return lambda command: ["prlimit", *limits, *command]


@pytest.mark.promise("P-HARD-01")
@pytest.mark.parametrize("limit", ["--nofile=40", "--as=400000000"])
def test_a_crowd_at_the_socket_takes_neither_files_nor_memory_from_an_alarm(car: Car, limit: str) -> None:
    with Board(car.folder) as board, car.core(limited(limit)) as core, car.screen(core) as screen:
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(CROWD)]
        try:
            for one in crowd:
                one.setblocking(False)
                one.connect_ex(str(car.folder / "core.sock"))
            incident = board.press()
            assert screen.until_alarm(lambda alarm: alarm.stored).incident == incident
            board.out.until(lambda _: board.events("stored"))
            board.tell("unplug")
            screen.until(lambda snapshot: not any(source.up for source in snapshot.sources))
            board.tell("plug")
            screen.until(lambda snapshot: all(source.up for source in snapshot.sources))
        finally:
            for one in crowd:
                one.close()
        assert welcomed(car, core).alarms
        assert core.end() == 0


def welcomed(car: Car, core: Process) -> Snapshot:
    """What a new screen sees, once core has noticed that others went."""
    deadline_s = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline_s:
        with contextlib.suppress(Denied), car.screen(core) as another:
            return another.until(lambda snapshot: True)
    raise AssertionError("nobody is let in any more")


LIBRARY = "libfaketimeMT.so.1"
WRONG = ["1970-01-01 00:00:00", "2099-12-31 23:59:59"]


def wrong_clock(wall: str) -> Wrap:
    """Runs a command under another wall clock; the time that only counts on is left alone."""
    (library,) = Path("/usr/lib").glob(f"*/faketime/{LIBRARY}")
    faked = [f"FAKETIME=@{wall}", "FAKETIME_DONT_FAKE_MONOTONIC=1", f"LD_PRELOAD={library}"]
    return lambda command: ["env", *faked, *command]


@pytest.mark.promise("P-TIME-01")
@pytest.mark.parametrize("wall", WRONG)
def test_a_wall_clock_that_is_far_wrong_dates_nothing_and_holds_nothing_up(car: Car, wall: str) -> None:
    with Board(car.folder) as board:
        with car.core(wrong_clock(wall)) as core, car.screen(core) as screen:
            incident = board.press()
            screen.until_alarm(lambda alarm: alarm.stored)
            assert core.end() == 0
        with car.core() as core, car.screen(core) as screen:
            assert screen.until_alarm(lambda alarm: alarm.stored).incident == incident
            assert core.end() == 0
    (raised,) = (decode_alarm(body) for body in held(car, Lane.ALARM))
    assert raised.utc_ms is None, "no clock was trusted"
