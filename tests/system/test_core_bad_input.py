"""Sources that are absent, die, vanish or talk nonsense: named, survived, and nothing that was read is lost."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from terminal.asked import SetDuty
from terminal.contract.messages import SourceChanged, decode_event
from terminal.contract.topics import Lane
from terminal.link import Snapshot
from terminal.shown import SourceView
from terminal.uplink.outbox import Limits, Outbox
from tests.system.patrol_car import Board, Car, Screen
from tests.system.receiver import RealGpsd, Receiver, epoch, free_port, sentence

EVERY_S = 0.05
ABSURD = [
    sentence("GPRMC,121500.00,A,9915.6000,N,01950.0000,E,10.0,90.0,150626,,,A"),
    sentence("GPGGA,121500.00,nan,N,01950.0000,E,1,08,1.1,80.5,M,40.0,M,,"),
    sentence("GPRMC,121500.00,A,4515.6000,N,01950.0000,E,99999.0,90.0,150626,,,A"),
    b"$GPRMC,121500.00,A,0000.0000,N,00000.0000,E,10.0,90.0,150626,,,A*00\r\n",
    b"\x00\xff" * 300 + b"\r\n",
]
"""Off the earth, no number, faster than sound, a wrong checksum, noise."""


@contextmanager
def speaking(receiver: Receiver, between: list[bytes]) -> Iterator[None]:
    """The receiver says a drive to the east, with something between its seconds."""
    stop = threading.Event()

    def speak() -> None:
        for second, noise in zip(itertools.count(), itertools.cycle(between), strict=False):
            if stop.wait(EVERY_S):
                return
            receiver.say(epoch(second % 3000) + noise)

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """A GNSS receiver on a pty."""
    plugged = Receiver(tmp_path / "gnss0")
    yield plugged
    plugged.unplug()


def gnss(snapshot: Snapshot) -> SourceView:
    """How the receiver is; up before anything was heard of it."""
    return next((one for one in snapshot.sources if one.name == "gnss"), SourceView("gnss", up=True))


def drive_on(screen: Screen, status: str) -> None:
    """Have a fresh position, and a point of it recorded with a new duty status."""
    screen.until(lambda snapshot: gnss(snapshot).up and not snapshot.position.stale)
    screen.send(SetDuty(status=status))
    screen.until(lambda snapshot: snapshot.duty.status == status)


def told_of_source(car: Car) -> tuple[list[bool], int]:
    """What the outbox of a core that has ended holds of the receiver's ups and downs, and how many points."""
    outbox = Outbox.open(car.outbox, Limits(most_bytes=8_000_000))
    events = [decode_event(row.body) for row in outbox.pending(Lane.EVENT)]
    points = len(outbox.pending(Lane.TRACK))
    outbox.close()
    return [one.up for one in events if isinstance(one, SourceChanged) and one.source == "gnss"], points


@pytest.mark.promise("P-HARD-05")
def test_a_gpsd_that_is_absent_comes_is_killed_and_comes_again(receiver: Receiver, tmp_path: Path) -> None:
    port = free_port()
    car = Car(tmp_path / "car-1", free_port(), f'\n[sources.gnss]\ndriver = "gpsd"\nport = {port}\n')
    with speaking(receiver, [b""]), car.core() as core, car.screen(core) as screen:
        down = gnss(screen.until(lambda snapshot: not gnss(snapshot).up))
        assert str(port) in down.problem
        assert "gpsd" in down.remedy
        for status in ("available", "busy"):
            daemon = RealGpsd(receiver.device, port)
            try:
                drive_on(screen, status)
            finally:
                daemon.kill()
            assert gnss(screen.until(lambda snapshot: not gnss(snapshot).up)).problem
        assert core.end() == 0
    ups, points = told_of_source(car)
    assert ups == [False, True, False, True, False]
    assert points >= 2


@pytest.mark.promise("P-HARD-05")
def test_a_serial_receiver_that_talks_nonsense_is_unplugged_and_comes_back(receiver: Receiver, tmp_path: Path) -> None:
    car = Car(
        tmp_path / "car-1", free_port(), f'\n[sources.gnss]\ndriver = "nmea_serial"\ndevice = "{receiver.path}"\n'
    )
    with car.core() as core, car.screen(core) as screen:
        with speaking(receiver, ABSURD):
            drive_on(screen, "available")
        receiver.unplug()
        down = gnss(screen.until(lambda snapshot: not gnss(snapshot).up))
        assert str(receiver.path) in down.problem or "gone" in down.problem
        assert down.remedy
        receiver.plug_in()
        with speaking(receiver, ABSURD):
            drive_on(screen, "busy")
        fixes = [snapshot.position.fix for snapshot in screen.seen if snapshot.position.fix]
        assert {round(fix.lat_deg, 3) for fix in fixes if fix.lat_deg is not None} == {45.26}
        assert all(fix.speed_mps is None or fix.speed_mps < 100 for fix in fixes)
        assert core.end() == 0
        assert "gnss: GPRMC: lat is 9915.6000,N" in "".join(core.err.told)
    ups, points = told_of_source(car)
    assert ups == [False, True]
    assert points >= 2


@pytest.mark.promise("P-HARD-05")
def test_a_dbc_that_cannot_be_used_is_named_and_takes_nothing_from_the_button(tmp_path: Path) -> None:
    (tmp_path / "car.dbc").write_text('BO_ 1 A: 1 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X\n\nVAL_ 1 GONE 0 "a" ;\n')
    (tmp_path / "map.toml").write_text('name = "A"\ndbc = "car.dbc"\n[signals]\n"Vehicle.Speed" = { dbc = "A.S" }\n')
    source = f'\n[sources.can]\ndriver = "socketcan"\nchannel = "can0"\nvehicle = "{tmp_path}/map.toml"\n'
    car = Car(tmp_path / "car-1", free_port(), source)
    with Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        can = screen.until(lambda snapshot: len(snapshot.sources) == 2).sources[1]
        assert (can.name, can.up) == ("can", False)
        assert "car.dbc:4: cantools refuses it" in can.problem
        assert "delete" in can.remedy
        board.press()
        screen.until_alarm(lambda alarm: alarm.stored)
        assert core.end() == 0
        assert "car.dbc:4: cantools refuses it" in "".join(core.err.told)
