"""Core without a file descriptor to open or memory to take, and screens that crash: the alarm goes out all the same."""

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.conftest import Mosquitto
from tests.system.faulty_core import with_fault
from tests.system.headquarters import Headquarters
from tests.system.officers_screen import OfficersScreen
from tests.system.patrol_car import LOOK_S, WITHIN_S, Board, Car, Gone, Process, Screen

CRASHES = 3
STANDARD_FILES = 3
CROWD = 100
STARTS_MEGABYTES = (20, 40, 60, 80)
"""Of address space: too little for Python itself, for core's threads, for a line besides, and about enough."""


@contextmanager
def no_file_left(core: Process) -> Iterator[None]:
    """Core keeps what it has open and may open nothing, not even in the place of what it closes."""
    pid = core.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (STANDARD_FILES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def press_and_see(board: Board, screen: Screen) -> str:
    """Press, and wait until it is on disk here and there; the incident."""
    incident = board.press()
    assert screen.until_alarm(lambda alarm: alarm.received and alarm.stored).incident == incident
    return incident


@pytest.mark.promise("P-HARD-02")
def test_an_alarm_needs_no_new_file_and_a_line_that_does_is_named_and_comes_back(
    tmp_path: Path, mosquitto_server: Mosquitto
) -> None:
    port = mosquitto_server.broker.port
    hq, car = Headquarters(tmp_path / "hq", port), Car(tmp_path / "car", port)
    with hq.serving(), Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.connected and snapshot.duty.received)
        with no_file_left(core):
            incident = press_and_see(board, screen)
            mosquitto_server.kill()
            mosquitto_server.start()
            screen.until(lambda snapshot: "may open no more files" in snapshot.line.problem)
            board.press()
            screen.until_alarm(lambda alarm: alarm.signals == 2 and alarm.stored)
            late = car.screen(core)
        with late:
            late.until_alarm(lambda alarm: alarm.signals == 2)
        screen.until(lambda snapshot: snapshot.line.connected)
        hq.until_incidents(car.unit, (incident, 2))
        assert core.end() == 0


@pytest.mark.promise("P-HARD-02")
def test_a_core_that_needs_a_file_for_an_alarm_would_be_noticed(tmp_path: Path, mosquitto_server: Mosquitto) -> None:
    car = Car(tmp_path / "car", mosquitto_server.broker.port)
    faulty = with_fault("opens_a_file_for_an_alarm")
    with Board(car.folder) as board, car.core(faulty) as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.connected)
        with no_file_left(core), pytest.raises(Gone):
            press_and_see(board, screen)


@contextmanager
def no_more_memory(core: Process) -> Iterator[None]:
    """Core keeps what it has, and gets no page more."""
    pid = core.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.getpagesize(), before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)


@contextmanager
def crowd(path: Path) -> Iterator[None]:
    """Many who want to be told, and take nothing of it."""
    with contextlib.ExitStack() as links:
        for _ in range(CROWD):
            link = links.enter_context(socket.socket(socket.AF_UNIX))
            link.setblocking(False)
            with contextlib.suppress(OSError):
                link.connect(str(path))
        yield


@pytest.mark.promise("P-HARD-03")
def test_an_alarm_needs_no_more_memory_than_core_has(tmp_path: Path, mosquitto_server: Mosquitto) -> None:
    port = mosquitto_server.broker.port
    hq, car = Headquarters(tmp_path / "hq", port), Car(tmp_path / "car", port)
    with hq.serving(), Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.connected and snapshot.duty.received)
        with no_more_memory(core), crowd(car.folder / "core.sock"):
            incident = press_and_see(board, screen)
        board.press()
        screen.until_alarm(lambda alarm: alarm.signals == 2 and alarm.received and alarm.stored)
        hq.until_incidents(car.unit, (incident, 2))
        assert core.end() == 0


def lived_on(megabytes: int, car: Car, board: Board) -> bool:
    """Whether core, started with so much memory, put the press on disk, or said that it is not, before it ended."""
    with car.core(lambda command: ["prlimit", f"--as={megabytes << 20}", *command]) as core:
        ends_s = time.monotonic() + WITHIN_S
        while core.alive() and not (board.events("stored") or any("alarm-not-stored" in one for one in core.out.told)):
            assert time.monotonic() < ends_s, core.err.told
            time.sleep(LOOK_S)
        return core.alive()


@pytest.mark.promise("P-HARD-03")
def test_a_press_outlives_starts_that_have_too_little_memory(tmp_path: Path, mosquitto_server: Mosquitto) -> None:
    """As systemd would, core is started again and again, each time with more."""
    port = mosquitto_server.broker.port
    hq, car = Headquarters(tmp_path / "hq", port), Car(tmp_path / "car", port)
    with hq.serving(), Board(car.folder) as board:
        incident = board.press()
        lived = [lived_on(megabytes, car, board) for megabytes in STARTS_MEGABYTES]
        assert not lived[0]
        with car.core() as core, car.screen(core) as screen:
            screen.until_alarm(lambda alarm: alarm.received and alarm.stored)
            board.out.until(lambda _: board.events("stored"))
            hq.until_incidents(car.unit, (incident, 1))
            assert core.end() == 0


@pytest.mark.promise("P-HARD-04")
def test_screens_that_crash_take_nothing_from_core(tmp_path: Path, mosquitto_server: Mosquitto) -> None:
    car = Car(tmp_path / "car", mosquitto_server.broker.port)
    with Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        for presses in range(1, CRASHES + 1):
            with OfficersScreen(car.folder) as page:
                page.until_says("LJ-101")
                page.crash()
            board.press()
            screen.until_alarm(lambda alarm, presses=presses: alarm.signals == presses and alarm.stored)
        assert len(board.events("stored")) == CRASHES
        assert core.end() == 0
