"""Headquarters with a bad disk receipts nothing and says so to every car; once the disk is back nothing is missing."""

from pathlib import Path

import pytest

from terminal.asked import SetDuty
from terminal.contract.mqtt import Broker
from terminal.link import Snapshot
from tests.system.bad_disk import fill, make_room, on_small_disk
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import Board, Car, Gone, Screen


@pytest.fixture
def hq(tmp_path: Path, mosquitto: Broker) -> Headquarters:
    """Headquarters on a broker of its own, not started."""
    return Headquarters(tmp_path / "hq", mosquitto.port)


@pytest.fixture
def car(tmp_path: Path, mosquitto: Broker) -> Car:
    """Its one car."""
    return Car(tmp_path / "car-1", mosquitto.port)


def is_settled(snapshot: Snapshot) -> bool:
    return snapshot.line.storing and snapshot.line.pending == 0


def change_duty_until_it_does_not_store(screen: Screen) -> None:
    """The log may have a little room left in its pages."""
    choices = [one.code for one in screen.seen[-1].profile.statuses]
    for status in (choices * 3)[1:]:
        screen.send(SetDuty(status=status))
        now = screen.until(lambda now, status=status: now.duty.status == status and is_answered(now))
        if not now.line.storing:
            return
    raise AssertionError("the disk never got full")


def is_answered(snapshot: Snapshot) -> bool:
    return snapshot.duty.received or not snapshot.line.storing


@pytest.mark.promise("P-RECEIPT-01", "P-RECEIPT-12")
def test_a_full_disk_stops_the_receipts_and_is_told_to_the_car_until_there_is_room(hq: Headquarters, car: Car) -> None:
    disk = hq.store.parent
    with hq.serving(on_small_disk(disk)) as serving, Board(car.folder) as board:
        with car.core() as core, car.screen(core) as screen, hq.watched() as watch:
            screen.until(is_settled)
            fill(serving, disk)
            change_duty_until_it_does_not_store(screen)
            assert not screen.seen[-1].line.hq_silent, "it is there, and says that it does not store"
            incident = board.press()
            screen.until_alarm(lambda alarm: alarm.sent)
            serving.err.until_told("hq.db: the disk is full; free space")
            watch.until_told('"store-failed"')
            watch.until_told('"alarm-not-stored"')
            assert not any(alarm.received for alarm in screen.seen[-1].alarms)
            make_room(serving, disk)
            screen.until_alarm(lambda alarm: alarm.received)
            screen.until(is_settled)
            assert [(one["incident"], one["signals"]) for one in hq.incidents(car.unit)] == [(incident, 1)]
            (unit,) = hq.ask("units")["units"]
            assert unit["duty"] == screen.seen[-1].duty.status
            assert core.end() == 0
        assert serving.end() == 0


@pytest.mark.parametrize(
    ("options", "said"), [("size=8m,ro", "cannot be written"), ("size=8k", "the disk is full; free space")]
)
def test_a_disk_that_is_bad_at_the_start_ends_it_with_the_reason(hq: Headquarters, options: str, said: str) -> None:
    with (
        pytest.raises(Gone, match=rf"patrola hq: .*hq\.db: {said}"),
        hq.serving(on_small_disk(hq.store.parent, options)),
    ):
        pass
    assert hq.process is not None
    assert hq.process.process.returncode == 2


@pytest.mark.promise("P-RECEIPT-07")
def test_a_damaged_store_stands_aside_and_cars_send_again_what_they_hold(hq: Headquarters, car: Car) -> None:
    with Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        with hq.serving() as serving:
            incident = board.press()
            screen.until_alarm(lambda alarm: alarm.received)
            assert serving.end() == 0
        hq.store.write_bytes(b"no database at all" * 500)
        with hq.serving() as serving, hq.watched() as watch:
            serving.err.until_told("was damaged")
            watch.until(lambda _: watch.events("alarm-raised") or hq.incidents(car.unit))
            assert [one["incident"] for one in hq.incidents(car.unit)] == [incident]
            screen.until(is_settled)
            assert serving.end() == 0
        assert core.end() == 0
