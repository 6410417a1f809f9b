"""Whatever is wrong with the disk: the alarm goes out, NOT STORED is said, and it is stored once it can be."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.asked import RaiseAlarm, SetDuty
from terminal.link import Snapshot
from tests.system.bad_disk import fill, make_room, on_small_disk, remount, seen_by
from tests.system.disk_scene import Scene
from tests.system.patrol_car import Board, Process, Screen, Wrap
from tests.system.strace import under_strace


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Scene.serving(tmp_path_factory.mktemp("scene")) as scene:
        yield scene


def a_file(folder: Path) -> None:
    folder.write_text("not a folder")


def another_programs_database(folder: Path) -> None:
    folder.mkdir()
    other = sqlite3.connect(folder / "outbox.db")
    other.execute("CREATE TABLE recipes (name)")
    other.close()


def nothing_writable(folder: Path) -> None:
    """A database of ours that is a folder."""
    (folder / "outbox.db").mkdir(parents=True)


def gone(folder: Path) -> None:
    folder.unlink() if folder.is_file() else shutil.rmtree(folder)


@pytest.mark.promise("P-DISK-04")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (a_file, "cannot be written"),
        (nothing_writable, "cannot be written"),
        (another_programs_database, "is a database of another program; move it away"),
    ],
    ids=["no folder", "no file", "another program's"],
)
def test_a_folder_that_cannot_be_used_is_named_and_holds_no_alarm_back(scene: Scene, wrong, said: str) -> None:
    car = scene.car()
    folder = car.outbox.parent
    wrong(folder)
    with Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        problem = screen.until(lambda snapshot: snapshot.line.disk_problem).line.disk_problem
        assert str(car.outbox) in problem or str(folder) in problem
        assert said in problem
        incident = scene.press_and_hear(car, board, screen)
        gone(folder)
        scene.see_it_stored(car, board, screen, incident)
        assert core.end() == 0


@pytest.mark.promise("P-DISK-07")
def test_a_damaged_outbox_stands_aside_and_headquarters_is_told(scene: Scene) -> None:
    car = scene.car()
    car.outbox.parent.mkdir()
    car.outbox.write_bytes(b"no database at all" * 500)
    with scene.hq.watched() as watch, Board(car.folder) as board, car.core() as core, car.screen(core) as screen:
        core.out.until_told('"outbox-repaired"')
        incident = board.press()
        scene.see_it_stored(car, board, screen, incident)
        assert core.end() == 0
        assert "was damaged" in "".join(core.err.told)
        assert [event["incident"] for event in watch.events("alarm-raised")] == [incident]
    assert car.outbox.with_name("outbox.db.corrupt-1").read_bytes().startswith(b"no database at all")


@pytest.mark.promise("P-DISK-04")
@pytest.mark.parametrize(
    ("bad", "said", "good"),
    [("size=8m,ro", "cannot be written", "rw"), ("size=12k", "the disk is full; free space", "size=8m")],
    ids=["read-only", "full"],
)
def test_a_core_that_starts_on_a_bad_disk_sends_from_memory(scene: Scene, bad: str, said: str, good: str) -> None:
    car = scene.car()
    disk = car.outbox.parent
    with Board(car.folder) as board, car.core(on_small_disk(disk, bad)) as core, car.screen(core) as screen:
        assert said in screen.until(lambda snapshot: snapshot.line.disk_problem).line.disk_problem
        incident = scene.press_and_hear(car, board, screen)
        remount(core, disk, good)
        scene.see_it_stored(car, board, screen, incident)
        assert core.end() == 0


@pytest.mark.promise("P-DISK-06")
def test_the_reserve_lets_an_alarm_onto_a_full_disk_and_what_waits_is_stored_once_there_is_room(scene: Scene) -> None:
    car = scene.car()
    disk = car.outbox.parent
    with Board(car.folder) as board, car.core(on_small_disk(disk)) as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.duty.received)
        fill(core, disk)
        status = change_duty_until_it_is_full(screen)
        assert "the disk is full; free space" in screen.seen[-1].line.disk_problem
        incident = board.press()
        alarm = screen.until_alarm(lambda alarm: alarm.stored)
        assert (alarm.incident, alarm.store_failed) == (incident, False)
        board.out.until(lambda _: board.events("stored"))
        make_room(core, disk)
        screen.until(lambda snapshot: snapshot.duty.received and snapshot.duty.status == status)
        screen.until(lambda snapshot: snapshot.line.pending == 0)
        assert core.end() == 0
    units = {one["unit"]: one for one in scene.hq.ask("units")["units"]}
    assert units[car.unit]["duty"] == status, "events arrive in their order"


def change_duty_until_it_is_full(screen: Screen) -> str:
    """The log may have a little room left in its pages; the duty status that was set last."""
    choices = [one.code for one in screen.seen[-1].profile.statuses]
    for status in (choices * 3)[1:]:
        screen.send(SetDuty(status=status))
        now = screen.until(lambda now, status=status: now.duty.status == status and is_answered(now))
        if now.line.disk_problem:
            return status
    raise AssertionError("the disk never got full")


def is_answered(snapshot: Snapshot) -> bool:
    return snapshot.duty.received or bool(snapshot.line.disk_problem)


@pytest.mark.promise("P-DISK-07", "P-PRESS-03")
def test_an_outbox_that_is_damaged_under_a_running_core_is_begun_anew_under_a_new_account(scene: Scene) -> None:
    car = scene.car()
    disk = car.outbox.parent
    with Board(car.folder) as board, car.core(on_small_disk(disk)) as core, car.screen(core) as screen:
        first = board.press()
        scene.see_it_stored(car, board, screen, first)
        fill(core, disk)
        for path in (car.outbox.with_name("outbox.db-wal"), car.outbox):
            # The log first: closing the outbox, which core does at any moment on a full disk, writes what is sound in
            # it over what is damaged in the database.
            size_bytes = seen_by(core, path).stat().st_size
            with seen_by(core, path).open("r+b") as file:
                file.write(bytes(size_bytes))
        change_duty_until_it_is_full(screen)
        make_room(core, disk)
        core.out.until_told('"outbox-repaired"')
        board.press()
        screen.until_alarm(lambda alarm: alarm.signals == 2)
        board.out.until(lambda _: len(board.events("stored")) == 2)
        screen.until(lambda snapshot: snapshot.line.pending == 0 and not snapshot.line.disk_problem)
        scene.hq.until_incidents(car.unit, (first, 2))
        assert core.end() == 0


SLOW_US = 4_000_000
"""What each sync takes; an outbox is begun with several of them, which nobody here waits for."""


@pytest.mark.promise("P-DISK-05")
def test_an_alarm_does_not_wait_for_a_disk_that_stalls(scene: Scene) -> None:
    car = scene.car()
    delays = [f"{call}:delay_enter={SLOW_US}" for call in ("fdatasync", "fsync")]
    stalling: Wrap = lambda command: under_strace(command, car.folder / "strace", *delays)  # noqa: E731
    with Board(car.folder) as board, car.core(stalling) as core, car.screen(core) as screen:
        incident = board.press()
        alarm = screen.until_alarm(lambda alarm: alarm.received)
        assert not car.outbox.with_name("outbox.db.reserve").exists(), "the outbox is not even open"
        assert (alarm.incident, alarm.stored) == (incident, False)
        assert order(core, incident) == ["alarm-raised", "alarm-sent", "alarm-received"]


def order(core: Process, incident: str) -> list[str]:
    """What happened to an incident so far, as the journal has it."""
    core.out.until(lambda told: any(incident in line and "alarm-received" in line for line in told))
    return [json.loads(line)["event"] for line in list(core.out.told) if incident in line]


@pytest.mark.promise("P-DISK-04")
def test_the_screens_alarm_needs_no_disk_either(scene: Scene) -> None:
    car = scene.car()
    a_file(car.outbox.parent)
    with car.core() as core, car.screen(core) as screen:
        screen.send(RaiseAlarm())
        alarm = screen.until_alarm(lambda alarm: alarm.received and alarm.store_failed)
        assert [one["incident"] for one in scene.hq.incidents(car.unit)] == [alarm.incident]
        gone(car.outbox.parent)
        screen.until_alarm(lambda alarm: alarm.stored)
        assert core.end() == 0
