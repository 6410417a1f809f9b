"""`patrola doctor` finds what is wrong and says what to do."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.simulated_board import SimulatedBoard
from terminal.contract.mqtt import Broker

UNIT = """
[unit]
realm = "LJ"
unit = "LJ-101"

[[brokers]]
host = "127.0.0.1"
port = {port}

[storage]
folder = "{folder}"

[sources.gnss]
driver = "nmea_file"
path = "{recording}"

[sources.board]
driver = "io_board"
device = "{board}"
"""
RECORDING = Path(__file__).parents[1] / "golden" / "simulated.nmea"


def examined(
    tmp_path: Path,
    port: int,
    folder: str = "state",
    board: str = "no-such-board",
    link: str = "",
    unit: str = UNIT,
) -> tuple[int, dict[str, dict[str, str]]]:
    config = tmp_path / "unit.toml"
    config.write_text(unit.format(port=port, folder=folder, recording=RECORDING, board=board) + link)
    command = [sys.executable, "-m", "terminal.tools.command", "doctor", "--json", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {finding["what"].split(" at ")[0]: finding for finding in findings}


def test_what_works_is_ok_and_what_is_missing_fails_with_a_remedy(tmp_path: Path, mosquitto: Broker) -> None:
    code, findings = examined(tmp_path, mosquitto.port)
    assert code == 1
    assert findings["source gnss"]["result"] == "warn"
    assert "has no position" in findings["source gnss"]["found"]
    assert findings["source board"]["result"] == "fail"
    assert findings["source board"]["remedy"]
    assert findings[f"broker 127.0.0.1:{mosquitto.port}"]["result"] == "warn"
    assert findings["disk"]["result"] == "ok"
    assert findings["clock"]["result"] == "ok"
    assert "button" not in findings, "it is configured, and why it is not there stands with its board"


LINK = '[link]\nsocket = "core.sock"\n'


def test_beside_a_running_core_it_says_what_core_hears_of_the_devices(tmp_path: Path, mosquitto: Broker) -> None:
    examined(tmp_path, mosquitto.port, link=LINK)
    command = [sys.executable, "-m", "terminal.tools.command"]
    with subprocess.Popen([*command, "core", "--config", str(tmp_path / "unit.toml")]) as core:
        try:
            heard = ""
            while '"name":"board","up":false' not in heard:
                assert core.poll() is None
                status = [*command, "status", "--socket", str(tmp_path / "core.sock")]
                heard = subprocess.run(status, capture_output=True, text=True, timeout=60).stdout
            code, findings = examined(tmp_path, mosquitto.port, link=LINK)
        finally:
            core.terminate()
    assert code == 1
    assert findings["core"]["result"] == "ok"
    assert "stop it first" in findings["core"]["remedy"]
    assert findings["source board"]["result"] == "fail"
    assert "no-such-board" in findings["source board"]["found"]
    assert (findings["line"]["result"], "headquarters does not" in findings["line"]["found"]) == ("warn", False)


@pytest.mark.promise("P-WATCH-02")
def test_beside_a_running_core_it_says_what_is_dead_of_the_line_and_what_to_do(tmp_path: Path) -> None:
    examined(tmp_path, 1, link=LINK)
    command = [sys.executable, "-m", "terminal.tools.command"]
    with subprocess.Popen([*command, "core", "--config", str(tmp_path / "unit.toml")]) as core:
        try:
            heard = ""
            while '"trouble":"broker-gone"' not in heard:
                assert core.poll() is None
                status = [*command, "status", "--socket", str(tmp_path / "core.sock")]
                heard = subprocess.run(status, capture_output=True, text=True, timeout=60).stdout
            _, findings = examined(tmp_path, 1, link=LINK)
        finally:
            core.terminate()
    line = findings["line"]
    assert (line["result"], line["remedy"]) == ("fail", "call headquarters: the broker must be started")
    assert "the network works, the broker does not (127.0.0.1:1: nothing listens there" in line["found"]


def test_a_user_of_the_socket_who_is_not_there_is_told(tmp_path: Path, mosquitto: Broker) -> None:
    _, findings = examined(tmp_path, mosquitto.port, link='[link]\ncrew = ["no-such-user"]\n')
    finding = findings["user no-such-user"]
    assert (finding["result"], "unit.toml" in finding["remedy"]) == ("warn", True)


def test_a_dead_broker_and_a_disk_that_cannot_be_written_fail_and_no_button_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _, findings = examined(tmp_path, 1, folder="file/state", unit=UNIT.partition("[sources.board]")[0])
    assert findings["broker 127.0.0.1:1"]["result"] == "fail"
    assert findings["disk"]["result"] == "fail"
    button = findings["button"]
    assert (button["result"], "io_board" in button["remedy"]) == ("warn", True)


def test_a_board_is_asked_to_test_itself(tmp_path: Path) -> None:
    async def scenario() -> dict[str, dict[str, str]]:
        board = SimulatedBoard("B-1", tmp_path / "board", tmp_path / "memory", lambda _: None)
        board.plug()
        board.pins("reference 300")
        try:
            return (await asyncio.to_thread(examined, tmp_path, 1, board=str(tmp_path / "board")))[1]
        finally:
            board.unplug()

    findings = asyncio.run(scenario())
    assert findings["source board"]["result"] == "ok"
    assert findings["self-test of board, lamp"]["result"] == "ok"
    reference = findings["self-test of board, adc"]
    assert (reference["result"], reference["found"]) == ("fail", "300")
    assert reference["remedy"]
    assert findings["self-test of board, all"]["result"] == "fail"
