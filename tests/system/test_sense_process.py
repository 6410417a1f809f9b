"""`patrola sense` as a process: live from a configured receiver, and from recordings the same in every process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.receiver import DEADLINE_S, Receiver, epoch

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
SENSE = [sys.executable, "-c", "import sys; from terminal.tools.command import main; sys.exit(main())", "sense"]
RECORDINGS = [
    "--gnss",
    str(GOLDEN / "drive.nmea"),
    "--can",
    str(GOLDEN / "car.log"),
    "--vehicle",
    str(GOLDEN / "car.toml"),
]
UNIT = """
[unit]
realm = "LJ"
unit = "LJ-101"
call_sign = "Ljubljana 101"
vehicle = "LJ-PATROL-1"

[[brokers]]
host = "localhost"
ca = "ca.pem"
certificate = "unit.pem"
key = "unit.key"

[sources.gnss]
driver = "nmea_serial"
device = "{device}"
"""


def sense(*arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*SENSE, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S * 3
    )


@pytest.mark.promise("P-FLOW-04")
def test_every_process_gives_the_same_bytes() -> None:
    one, other = sense(*RECORDINGS, "--json", seed="1"), sense(*RECORDINGS, "--json", seed="2")
    assert one.returncode == other.returncode == 0
    assert one.stdout == other.stdout
    assert len(one.stdout.splitlines()) > 15


def test_bad_input_is_named_on_stderr() -> None:
    found = sense(*RECORDINGS)
    assert "GNGGA: lat is 9915.3030,N" in found.stderr
    assert "garbage in the middle" in found.stderr
    assert "9915" not in found.stdout


def test_gpsd_tells_the_same_places_of_the_golden_drive() -> None:
    found = sense("--gnss", str(GOLDEN / "drive.nmea"), "--gnss-via", "gpsd", "--json")
    assert found.returncode == 0
    by_gpsd = {place(line) for line in found.stdout.splitlines()}
    by_us = {place(line) for line in (GOLDEN / "drive.jsonl").read_text().splitlines()}
    assert len(by_us & by_gpsd) >= 7


def place(line: str) -> tuple[float | None, float | None]:
    fix = json.loads(line)
    return fix.get("lat_deg"), fix.get("lon_deg")


def test_a_reader_that_has_seen_enough_ends_it_quietly() -> None:
    command = " ".join(f"'{word}'" for word in [*SENSE, *RECORDINGS, "--json"]) + " | head -1"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert len(found.stdout.splitlines()) == 1
    assert "Traceback" not in found.stderr
    assert "Exception" not in found.stderr


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    plugged = Receiver(tmp_path / "gnss0")
    yield plugged
    plugged.unplug()


def until(done: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline
        meanwhile()
        time.sleep(0.02)


def test_live_sources_are_shown_until_control_c(receiver: Receiver, tmp_path: Path) -> None:
    unit = tmp_path / "unit.toml"
    unit.write_text(UNIT.format(device=receiver.path))
    out, err = tmp_path / "out", tmp_path / "err"
    seconds = iter(range(3000))
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            [*SENSE, "--config", str(unit), "--json"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=out_file,
            stderr=err_file,
            # A shell's background job ignores Ctrl-C, and so would what it starts; a technician's terminal does not.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

        def say_on() -> None:
            assert process.poll() is None, err.read_text()
            receiver.say(epoch(next(seconds)))

        try:
            until(lambda: b"lat_deg" in out.read_bytes(), say_on)
            receiver.unplug()
            until(lambda: b"the receiver has gone" in err.read_bytes(), lambda: None)
            assert json.loads(out.read_text().splitlines()[-1]) == {"kind": "fix", "source": "gnss", "mode": 0}
            process.send_signal(signal.SIGINT)
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in err.read_text()
