"""Headquarters killed, or refused, at calls that change its disk: what it receipted or answered is there, once."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from hq import audit, verify
from hq.audit import What
from terminal.contract.mqtt import Broker
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters, SaidNo
from tests.system.patrol_car import WITHIN_S, Gone, Process
from tests.system.scripted_car import ScriptedCar
from tests.system.strace import disk_calls, every_call, under_strace

AT_ONCE = 2
SAMPLE = 5
DATABASE_CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate")
BY = "Dispatcher"
ESCALATES_AT_ONCE = "[escalation]\nall_desks_after_s = 0\n"
_numbers = count(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One Mosquitto for every headquarters of this module, each in a realm of its own."""
    server = Mosquitto(tmp_path_factory.mktemp("broker"))
    try:
        server.start()
        yield server.broker
    finally:
        server.kill()


class Watch:
    """One headquarters and one car of it, over as many lives as it takes."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        number = next(_numbers)
        self.hq = Headquarters(folder, broker.port, f"HQ-{number}", f"R{number}", ESCALATES_AT_ONCE)
        self.car = ScriptedCar(broker, f"R{number}", f"CAR-{number}")
        self.receipted: set[str] = set()
        self.acknowledged = False
        self.first: Process | None = None

    def work(self, hq: Process) -> None:
        """Send all that was not receipted; once the alarm is there a dispatcher takes it."""
        alarm, *rest = self.car.messages
        try:
            asyncio.run(self.car.send([alarm], hq))
            if not self.acknowledged:
                self.until_escalated(hq)
            while not self.acknowledged and hq.alive():
                with contextlib.suppress(SaidNo):
                    self.hq.ask("ack", alarm=self.car.incident, by=BY)
                    self.acknowledged = True
            asyncio.run(self.car.send(rest, hq))
        finally:
            self.receipted |= self.car.receipted

    def until_escalated(self, hq: Process) -> None:
        """All desks were called, and the store knows it."""
        deadline_s = time.monotonic() + WITHIN_S
        while hq.alive() and not self.hq.incidents(self.car.unit)[0]["escalated"]:
            assert time.monotonic() < deadline_s, "nobody was called"
            time.sleep(0.01)

    def check(self) -> None:
        """In another life: what was receipted is no news, what a person did stands, and all is there in the end."""
        total, was_receipted, was_acknowledged = len(self.car.messages), len(self.receipted), self.acknowledged
        with self.hq.serving() as hq, self.hq.watched() as watch:
            incidents = self.hq.incidents(self.car.unit)
            if was_acknowledged:
                assert [one["acknowledged_by"] for one in incidents] == [BY]
            self.work(hq)
            asyncio.run(self.car.send(self.car.messages, hq))
            last = self.car.event()
            self.car.messages.append(last)
            asyncio.run(self.car.send([last], hq))
            assert {message.id for message in self.car.messages} <= self.car.receipted | self.receipted
            watch.until(lambda _: news(watch) and watch.events("messages-stored")[-1]["lane"] == "event")
            assert news(watch) - 1 <= total - was_receipted
            assert len(watch.events("alarm-raised")) == (0 if incidents else 1)
            (incident,) = self.hq.incidents(self.car.unit)
            assert (incident["incident"], incident["signals"], incident["acknowledged_by"]) == (
                self.car.incident,
                2,
                BY,
            )
            self.until_escalated(hq)
            assert hq.end() == 0, hq.err.told
        self.check_log()

    def check_log(self) -> None:
        """What happened is told once, and the chain of its entries is whole, whenever headquarters was killed."""
        assert verify.verify(self.hq.store, 1, None) == 0
        with verify.reading(self.hq.store) as db:
            told = [entry.fact for entry in audit.entries(db) if entry.fact.what is not What.ALARM_SHOWN]
        # It waited twice: until somebody took it, and again since the second signal.
        alarms = {"alarm-raised": 1, "alarm-signalled": 1, "alarm-acknowledged": 1, "alarm-escalated": 2}
        assert Counter(fact.what for fact in told if fact.incident) == alarms
        assert {fact.by for fact in told} == {"", BY}


def news(watch) -> int:
    """How many messages headquarters had not stored before."""
    return sum(event["count"] for event in watch.events("messages-stored"))


def disturbed(folder: Path, broker: Broker, *injections: str) -> Watch:
    """A watch whose first headquarters has this done to it, and the second nothing."""
    watch = Watch(folder, broker)
    wrapped = lambda command: under_strace(command, folder / "strace", *injections)  # noqa: E731
    with contextlib.suppress(Gone, ConnectionError), watch.hq.serving(wrapped) as hq:
        watch.work(hq)
        hq.end()
    watch.first = watch.hq.process
    watch.check()
    return watch


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> dict[str, int]:
    """What a watch asks of the disk."""
    folder = tmp_path_factory.mktemp("count")
    watch = disturbed(folder, broker)
    assert watch.first.process.returncode == 0
    counts = disk_calls(folder / "strace")
    assert counts["pwrite64"] > 30
    assert counts["fdatasync"] > 5
    return counts


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> int | None:
    """How many occurrences of each call are tried."""
    return None if request.config.getoption("--long") else SAMPLE


def everywhere(folder: Path, broker: Broker, calls: dict[str, int], what: str, sample: int | None) -> list[Watch]:
    def at(one: tuple[str, int]) -> Watch:
        call, when = one
        return disturbed(folder / f"{call}-{when}", broker, f"{call}:{what}:when={when}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(at, every_call(calls, sample)))


@pytest.mark.promise("P-RECEIPT-09", "P-RECEIPT-14")
def test_headquarters_survives_a_kill_at_its_disk_calls(
    tmp_path: Path, broker: Broker, calls: dict[str, int], sample: int | None
) -> None:
    watches = everywhere(tmp_path, broker, calls, "signal=SIGKILL", sample)
    # A car repeats what takes long: no two watches make just as many calls, and a kill at the last may come too late.
    assert sum(watch.first.process.returncode == -9 for watch in watches) > 0.6 * len(watches)
    assert any(watch.receipted for watch in watches)


@pytest.mark.promise("P-RECEIPT-09")
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_disk_call_that_fails_once_costs_headquarters_nothing(
    tmp_path: Path, broker: Broker, calls: dict[str, int], sample: int | None, error: str
) -> None:
    watches = everywhere(tmp_path, broker, {call: calls[call] for call in DATABASE_CALLS}, f"error={error}", sample)
    for watch in watches:
        ended_at_once = watch.first.process.returncode == 2
        assert ended_at_once or watch.first.process.returncode == 0
        assert not ended_at_once or "hq.db: the disk" in "".join(watch.first.err.told)
