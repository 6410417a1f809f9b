"""The technician's self-test in a core that runs: PIN, disk, and a board that tests itself while it is being read."""

import subprocess
from pathlib import Path

import pytest

from terminal.asked import Examine, OpenWorkshop
from terminal.contract import pin
from terminal.shown import LogInProblem
from tests.system.patrol_car import PATROLA, Board, Car
from tests.system.receiver import free_port

PIN, WRONG = "471147", "000000"


def car_with_a_pin(folder: Path) -> tuple[Car, str]:
    kept = pin.verifier(PIN, pin.TECHNICIANS_COST)
    return Car(folder, free_port(), f'\n[workshop]\npin = "{kept}"\n'), kept


@pytest.mark.promise("P-HARD-08", "P-HARD-09")
def test_disk_and_board_are_tried_behind_the_pin_and_a_press_meanwhile_is_a_press(tmp_path: Path) -> None:
    car, kept = car_with_a_pin(tmp_path / "car-1")
    with Board(car.folder, pins=True) as board, car.core() as core, car.screen(core) as screen:
        screen.until(lambda snapshot: snapshot.sources and all(source.up for source in snapshot.sources))
        screen.send(OpenWorkshop(pin=WRONG))
        screen.until(lambda snapshot: snapshot.workshop.problem is LogInProblem.WRONG_PIN)
        screen.send(OpenWorkshop(pin=PIN))
        screen.until(lambda snapshot: snapshot.workshop.opened_mono_ns)
        screen.send(Examine(what="disk"))
        disk = screen.until(lambda snapshot: snapshot.workshop.disk and snapshot.workshop.disk.sync_ms).workshop.disk
        assert disk.sync_ms > 0
        screen.send(Examine(what="boards"))
        board.out.until(lambda _: any(event["buzzer"] for event in board.events("pins")))
        incident = board.press()
        snapshot = screen.until(lambda snapshot: snapshot.workshop.boards)
        assert [(one.name, one.problem) for one in snapshot.workshop.boards] == [("board", "")]
        assert screen.until_alarm(lambda alarm: alarm.stored).incident == incident
        assert core.end() == 0
        said = "".join(core.out.told + core.err.told)
    assert "workshop-opened" in said
    kept_by_core = b"".join(path.read_bytes() for path in car.outbox.parent.rglob("*") if path.is_file())
    for secret in (PIN, WRONG, kept):
        assert secret not in said
        assert secret.encode() not in kept_by_core


def made(typed: str) -> subprocess.CompletedProcess[str]:
    """`patrola config pin` without a terminal: it reads what is typed from its standard input."""
    command = [*PATROLA, "config", "pin"]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, start_new_session=True)


def test_the_command_prints_what_the_configuration_keeps_and_never_the_pin() -> None:
    done = made(f"{PIN}\n{PIN}\n")
    key, _, value = done.stdout.strip().partition(" = ")
    assert key == "pin"
    assert pin.fits(PIN, value.strip('"'), pin.TECHNICIANS_COST)
    assert PIN not in done.stdout + done.stderr


@pytest.mark.parametrize(("typed", "why"), [("4711\n", "6 to 12 digits"), (f"{PIN}\n{PIN}0\n", "not the same")])
def test_a_pin_that_the_screen_could_not_take_or_that_was_mistyped_is_refused(typed: str, why: str) -> None:
    done = made(typed)
    assert (done.returncode, why in done.stderr, done.stdout) == (2, True, "")
