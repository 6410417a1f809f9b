"""Core without a file descriptor to open, and screens that crash: the alarm goes out all the same."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.officers_screen import OfficersScreen
from tests.system.patrol_car import Board, Car, Process

CRASHES = 3
STANDARD_FILES = 3


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


@pytest.mark.promise("P-HARD-02")
def test_an_alarm_needs_no_new_file_and_a_line_that_does_is_named_and_comes_back(
    tmp_path: Path, mosquitto_server: Mosquitto
) -> None:
    port = mosquitto_server.broker.port
    hq, car = Headquarters(tmp_path / "hq", port), Car(tmp_path / "car", port)
    with hq.serving(), Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.line.connected and snapshot.duty.received)
        with no_file_left(core):
            incident = board.press()
            assert screen.until_alarm(lambda alarm: alarm.received and alarm.stored).incident == incident
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
