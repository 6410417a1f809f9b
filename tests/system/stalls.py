"""Cars, headquarters and a broker as processes in networks of their own: who knows of a swallowing cable, and when.

The supervision is as it is shipped; only what comes after a stall (pauses between tries) is shorter.
"""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, NamedTuple

from hq.config import Line
from terminal.asked import RaiseAlarm
from terminal.core.supervision import Supervision
from terminal.link import Snapshot
from terminal.shown import Trouble
from tests.system.headquarters import Headquarters, Watch
from tests.system.network import BROKER, Network
from tests.system.patrol_car import Car, Screen

PORT = 1883
MOSQUITTO = f"user root\nlistener {PORT} 0.0.0.0\nallow_anonymous true\nset_tcp_nodelay true\n"


PHASE_S = Supervision().presence_every_s
"""A stall may begin at any moment between two presences."""


class Cable(NamedTuple):
    """Whose cable swallows, and in which direction, seen from its owner."""

    owner: str
    up: bool
    down: bool


class Known(NamedTuple):
    """So long after the cable began to swallow each end knew; what it said.

    `claimed`: the car said of the alarm that was raised meanwhile that headquarters had it, which nobody could tell it.
    """

    by_hq_s: float
    by_car_s: float
    hq_said: dict[str, Any]
    car_said: Trouble
    claimed: bool


class World:
    """`cars` are names of networks, and of units in capitals; "hq" is headquarters'."""

    def __init__(self, folder: Path, *cars: str) -> None:
        self._folder = folder
        self._cars = cars
        self._all = contextlib.ExitStack()
        self.network = Network("hq", *cars)
        self.screens: dict[str, Screen] = {}
        self.raised: dict[str, int] = {}
        self.watch: Watch
        self.hq: Headquarters

    def __enter__(self) -> "World":
        self._folder.mkdir(exist_ok=True)
        with contextlib.ExitStack() as undo:
            undo.enter_context(self.network)
            self._start_broker(undo)
            self._start_hq(undo)
            for name in self._cars:
                self._start_car(undo, name)
            self.until_well()
            self._all = undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._all.close()

    def _start_broker(self, undo: contextlib.ExitStack) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program is not None, "mosquitto is not installed; ./scripts/test installs it"
        config = self._folder / "mosquitto.conf"
        config.write_text(MOSQUITTO)
        log = undo.enter_context((self._folder / "mosquitto.log").open("wb"))
        broker = subprocess.Popen([*self.network.inside(BROKER), program, "-c", config], stdout=log, stderr=log)
        undo.callback(broker.wait)
        undo.callback(broker.kill)

    def _start_hq(self, undo: contextlib.ExitStack) -> None:
        beat_s, host = Line().heartbeat_every_s, self.network.broker_of("hq")
        self.hq = Headquarters(self._folder / "hq", PORT, host=host, heartbeat_every_s=beat_s)
        undo.enter_context(self.hq.serving(lambda command: [*self.network.inside("hq"), *command]))
        self.watch = undo.enter_context(self.hq.watched())

    def _start_car(self, undo: contextlib.ExitStack, name: str) -> None:
        car = Car(self._folder / name, PORT, unit=name.upper(), host=self.network.broker_of(name))
        car.config.write_text(car.config.read_text().replace("[holding]", "[holding]\nconnect_within_s = 2.0"))
        core = undo.enter_context(car.core(lambda command: [*self.network.inside(name), *command]))
        self.screens[name] = undo.enter_context(car.screen(core))

    def until_well(self) -> None:
        """Wait until everybody hears everybody."""
        self.watch.until(lambda _: all(self._is_online(name) for name in self._cars))
        with ThreadPoolExecutor(len(self._cars)) as threads:
            list(threads.map(lambda name: self.screens[name].until(_is_well), self._cars))

    def _is_online(self, name: str) -> bool:
        told = [one["event"] for kind in ("unit-online", "unit-offline") for one in self._of_unit(kind, name)]
        return len(told) % 2 == 1

    def _of_unit(self, kind: str, name: str) -> list[dict[str, Any]]:
        return [one for one in self.watch.events(kind) if one["unit"] == name.upper()]

    def stall(self, cable: Cable, phase_s: float = 0.0) -> list[Known]:
        """The cable swallows from a moment on, and each car behind it raises an alarm; what both ends came to know."""
        time.sleep(phase_s)
        cars = self._cars if cable.owner == "hq" else (cable.owner,)
        before = {name: len(self._hq_words(cable, name)) for name in cars}
        began_s = time.monotonic()
        self.network.swallow(cable.owner, up=cable.up, down=cable.down)
        seen_before = {name: len(self.screens[name].seen) for name in cars}
        for name in cars:
            self.screens[name].send(RaiseAlarm())

        def known_by_hq(name: str) -> tuple[float, dict[str, Any]]:
            self.watch.until(lambda _: len(self._hq_words(cable, name)) > before[name])
            return time.monotonic() - began_s, self._hq_words(cable, name)[before[name]]

        def known_by_car(name: str) -> tuple[float, Trouble]:
            seen = self.screens[name].until(_is_in_trouble)
            return time.monotonic() - began_s, seen.line.trouble

        with ThreadPoolExecutor(2 * len(cars)) as threads:
            at_hq, in_cars = threads.map(known_by_hq, cars), threads.map(known_by_car, cars)
            told = list(zip(cars, at_hq, in_cars, strict=True))
        known = [Known(hq[0], car[0], hq[1], car[1], self._claimed(name, seen_before[name])) for name, hq, car in told]
        self.network.mend(cable.owner)
        self._answer(cars)
        return known

    def _claimed(self, name: str, since: int) -> bool:
        alarms = [alarm for seen in self.screens[name].seen[since:] for alarm in seen.alarms]
        assert any(not alarm.cleared_by for alarm in alarms), "the alarm is shown"
        return any(alarm.received for alarm in alarms if not alarm.cleared_by)

    def _answer(self, cars: Sequence[str]) -> None:
        """Wait until each car's alarm has arrived, and clear it."""
        for name in cars:
            alarm = self.screens[name].until_alarm(lambda one: one.received and not one.cleared_by)
            self.hq.ask("ack", alarm=alarm.incident, by="Dispatcher 7")
            self.hq.ask("clear", alarm=alarm.incident, by="Dispatcher 7", reason="measured")
            self.screens[name].until(lambda seen: all(one.cleared_by for one in seen.alarms))
            self.raised[name] = self.raised.get(name, 0) + 1
            assert len(self.hq.incidents(name.upper())) == self.raised[name], "one press, one incident"

    def _hq_words(self, cable: Cable, name: str) -> list[dict[str, Any]]:
        """Of its own cable headquarters says that it is deaf itself, of a car's that the car is silent."""
        return self.watch.events("deaf") if cable.owner == "hq" else self._of_unit("unit-offline", name)


def at_once(world: World, cables: Sequence[tuple[Cable, float]]) -> list[Known]:
    """All of them at the same time, each at its phase; cables of different owners."""
    with ThreadPoolExecutor(len(cables)) as threads:
        return [one for known in threads.map(lambda cable: world.stall(*cable), cables) for one in known]


def fifty_stalls(folder: Path, random: Random) -> list[Known]:
    """Forty of cars' cables, ten at a time, and ten of headquarters' own, at random phases and in random directions."""
    cars = [f"car{number}" for number in range(1, 11)]
    known: list[Known] = []
    with World(folder, *cars) as world:
        for _ in range(4):
            known += at_once(world, [(_random_cable(name, random), random.uniform(0, PHASE_S)) for name in cars])
            world.until_well()
        for _ in range(10):
            # One stall, however many cars have come to know of it: the last of them counts.
            of_all = world.stall(_random_cable("hq", random), random.uniform(0, PHASE_S))
            known.append(max(of_all, key=lambda one: one.by_car_s))
            world.until_well()
    return known


def _random_cable(owner: str, random: Random) -> Cable:
    up, down = random.choice([(True, True), (True, False), (False, True)])
    return Cable(owner, up, down)


def _is_well(snapshot: Snapshot) -> bool:
    return snapshot.line.connected and snapshot.line.trouble is Trouble.NONE and not snapshot.line.hq_silent


def _is_in_trouble(snapshot: Snapshot) -> bool:
    return snapshot.line.trouble not in (Trouble.NONE, Trouble.CONNECTING)
