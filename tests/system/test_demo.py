"""The product's main job, as a newcomer runs it: one alarm all the way, and nothing lost whatever is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
RUNGS = ["alarm-raised", "alarm-stored", "alarm-sent", "alarm-received", "alarm-acknowledged", "alarm-cleared"]


def story(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "terminal.tools.command", "demo", "--headless", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def played(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    with started(*arguments) as process:
        told = list(story(process))
    return process.returncode, told


def test_the_alarm_goes_all_the_way_and_nothing_is_lost(tmp_path: Path) -> None:
    code, told = played("--duration", "4", "--folder", str(tmp_path))
    in_car = {line["event"] for line in told if line["where"] == "DEMO-1"}
    at_hq = {line["event"] for line in told if line["where"] == "hq"}
    assert set(RUNGS) <= in_car
    assert {"alarm-raised", "alarm-acknowledged", "alarm-cleared"} <= at_hq
    assert told[-1]["event"] == "summary"
    assert (code, told[-1]["ok"], told[-1]["lost"], told[-1]["twice"]) == (0, True, 0, 0)
    assert told[-1]["sent"]["alarm"] == told[-1]["stored"]["alarm"] == 1


@pytest.mark.promise("P-SHOW-06")
def test_the_button_lamp_shows_the_rungs_in_order(tmp_path: Path) -> None:
    _, told = played("--duration", "2", "--folder", str(tmp_path))
    order = ["dead", "pressed", "stored", "sent", "received", "acknowledged", "off"]
    shown = [line["rung"] for line in told if line["event"] == "lamp"]
    assert shown == sorted(shown, key=order.index)
    assert shown[-2:] == ["acknowledged", "off"]


KILLED_AT = ["process-started", "alarm-raised", "alarm-sent", "alarm-received", "alarm-acknowledged"]


@pytest.mark.promise("P-PRESS-02", "P-RECEIPT-04")
@pytest.mark.parametrize("name", ["core", "hq", "broker"])
@pytest.mark.parametrize("moment", KILLED_AT)
def test_kill_9_at_any_moment_loses_nothing_and_doubles_nothing(name: str, moment: str, tmp_path: Path) -> None:
    pids: dict[str, int] = {}
    killed = False
    with started("--duration", "3", "--folder", str(tmp_path)) as process:
        told = []
        for line in story(process):
            told.append(line)
            if line["event"] == "process-started":
                pids[line["name"]] = line["pid"]
            reached = line["event"] == moment and (moment != "process-started" or len(pids) == 4)
            if reached and not killed:
                os.kill(pids[name], signal.SIGKILL)
                killed = True
    assert killed
    assert process.returncode == 0, told[-1]
    assert (told[-1]["lost"], told[-1]["twice"]) == (0, 0)
    # Received by its id, it may end before headquarters knew its place; then it is still the car's to send.
    kept = told[-1]["stored"]["alarm"] + told[-1]["waiting"]["alarm"]
    assert told[-1]["sent"]["alarm"] == kept == 1, "one press, one alarm message"


def test_it_runs_without_mosquitto_on_the_embedded_broker(tmp_path: Path) -> None:
    code, told = played("--duration", "2", "--broker", "embedded", "--folder", str(tmp_path))
    assert (code, told[-1]["ok"]) == (0, True), told[-1]
    assert any("iotcore" in line.get("text", "") for line in told)


def test_a_recording_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "terminal.tools.command",
        "demo",
        "--headless",
        "--gnss",
        str(tmp_path / "no.nmea"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no.nmea: there is no such file" in done.stderr


def test_a_vehicle_map_that_cannot_be_used_ends_the_story_with_its_reason(tmp_path: Path) -> None:
    vehicle = tmp_path / "map.toml"
    vehicle.write_text('name = "no car"\ndbc = "absent.dbc"\n[signals]\n"Vehicle.Speed" = { dbc = "A.B" }\n')
    options = ("--can", str(GOLDEN / "simulated.log"), "--vehicle", str(vehicle), "--folder", str(tmp_path / "demo"))
    code, told = played(*options)
    assert code == 1
    assert "absent.dbc: cannot be read" in told[-1]["problem"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_leaves_nothing_running(number: signal.Signals, tmp_path: Path) -> None:
    pids = []
    with started("--folder", str(tmp_path)) as process:
        for line in story(process):
            if line["event"] == "process-started":
                pids.append(line["pid"])
            if line["event"] == "alarm-received":
                process.send_signal(number)
    assert process.returncode == 1
    assert len(pids) == 4
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
