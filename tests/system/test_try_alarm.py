"""`patrola try` beside a running core: what it raises is never real, and what core refuses it says."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.system.conftest import Mosquitto
from tests.system.patrol_car import PATROLA, ROOT, WITHIN_S, Board, Car


def tried(car: Car, *words: str) -> tuple[int, str, str]:
    """Exit code, output and complaint."""
    command = [*PATROLA, "try", *words, "--socket", str(car.folder / "core.sock")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.promise("P-KIND-02", "P-KIND-03")
def test_from_a_shell_comes_what_was_asked_for_or_the_reason_why_not(
    tmp_path: Path, mosquitto_server: Mosquitto
) -> None:
    car = Car(tmp_path, mosquitto_server.broker.port)
    code, _, complaint = tried(car, "exercise")
    assert (code, "core.sock" in complaint, "is core running?" in complaint) == (1, True, True), complaint
    with car.core() as core, car.screen(core) as screen:
        assert tried(car, "exercise", "--silent")[:2] == (0, "raised: exercise\n")
        assert tried(car, "test")[0] == 0
        assert [(one.kind, one.silent) for one in screen.until(lambda seen: len(seen.alarms) == 2).alarms] == [
            ("exercise", True),
            ("test", False),
        ]
        code, _, complaint = tried(car, "exercise", "--button")
        assert (code, "cannot be armed" in complaint) == (1, True), complaint
        with Board(car.folder):
            # Until the board has said that nothing is latched, core refuses.
            deadline_s = time.monotonic() + WITHIN_S
            while tried(car, "exercise", "--button")[0]:
                assert time.monotonic() < deadline_s
            assert screen.until(lambda seen: seen.armed).armed.kind == "exercise"
        assert tried(car, "real")[0] == 2
        assert core.end() == 0
