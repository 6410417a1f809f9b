"""Headquarters that serves, and cars for it whose disk something is wrong with; each has a board."""

import contextlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from terminal.shown import Urgency
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import Board, Car, Screen

_numbers = count(101)


class Scene:
    """Headquarters that serves, and cars for it, each with a board."""

    def __init__(self, folder: Path, port: int) -> None:
        self.hq = Headquarters(folder / "hq", port)
        self.port = port
        self.folder = folder

    def car(self, more: str = "") -> Car:
        unit = f"LJ-{next(_numbers)}"
        return Car(self.folder / unit, self.port, more, unit)

    def press_and_hear(self, car: Car, board: Board, screen: Screen, at_latest: Urgency | None = None) -> str:
        """Press, and wait until headquarters has it though the disk has not; the incident."""
        incident = board.press()
        alarm = screen.until_alarm(
            lambda alarm: alarm.store_failed and (alarm.received or alarm.urgency is at_latest),
        )
        assert alarm.received, "it waits for the disk"
        assert alarm.incident == incident
        assert not any(alarm.stored for snapshot in screen.seen for alarm in snapshot.alarms)
        assert not board.events("stored"), "the board is not told to let go"
        assert [one["incident"] for one in self.hq.incidents(car.unit)] == [incident]
        return incident

    def see_it_stored(self, car: Car, board: Board, screen: Screen, incident: str) -> None:
        """Wait until the disk has it; it is still one press, one incident."""
        assert screen.until_alarm(lambda alarm: alarm.stored).incident == incident
        screen.until(lambda snapshot: not snapshot.line.disk_problem)
        board.out.until(lambda _: board.events("stored"))
        screen.until(lambda snapshot: snapshot.line.pending == 0)
        self.hq.until_incidents(car.unit, (incident, 1))

    @classmethod
    @contextlib.contextmanager
    def serving(cls, folder: Path) -> Iterator["Scene"]:
        """One headquarters for all cars of a module, until the block is left."""
        broker = Mosquitto(folder)
        broker.start()
        scene = cls(folder, broker.broker.port)
        try:
            with scene.hq.serving() as hq:
                yield scene
                assert hq.alive(), hq.err.told
        finally:
            broker.kill()
