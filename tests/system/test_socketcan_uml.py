"""The SocketCAN driver on a kernel that surely has CAN: User-mode Linux, with vcan."""

import json
import subprocess
import sys

import pytest

from tests.system.uml import ROOT, boot_command, inserting, must_boot, start_script

CAN_MODULES = [
    "drivers/net/can/dev/can-dev",
    "net/can/can",
    "net/can/can-raw",
    "net/can/can-bcm",
    "drivers/net/can/vcan",
]
BOOT_DEADLINE_S = 120

pytestmark = pytest.mark.uml


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What `socketcan_inside.py` found, from one boot."""
    must_boot()
    folder = tmp_path_factory.mktemp("uml")
    result = folder / "found.json"
    checks = f"exec {sys.executable} {ROOT}/tests/system/socketcan_inside.py {result}\n"
    script = start_script(folder / "init", inserting(*CAN_MODULES) + checks)
    run = subprocess.run(
        boot_command(script),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOOT_DEADLINE_S,
        check=False,
    )
    assert result.exists(), (
        f"the checks did not finish inside User-mode Linux:\n{run.stdout[-6000:]}{run.stderr[-2000:]}"
    )
    print(run.stdout[-3000:])
    return json.loads(result.read_text())


def test_standard_and_extended_frames_pass(inside: dict) -> None:
    assert inside["frames_pass"] == [87.0, 15589.0]


def test_a_burst_while_core_is_busy_is_not_lost(inside: dict) -> None:
    assert inside["burst"] == {"received": 5000, "in_order": True}


def test_frames_that_the_kernel_drops_are_counted(inside: dict) -> None:
    found = inside["overflow"]
    assert found["received"] < found["sent"]
    assert found["received"] + found["counted"] == found["sent"]


def test_the_kernel_keeps_unmapped_frames_away(inside: dict) -> None:
    assert inside["filtered"] == {"received": 1, "unmapped": 0}


def test_a_frame_of_the_wrong_length_is_counted_and_survived(inside: dict) -> None:
    assert inside["wrong_length"] == {"received": 1, "bad": 1}


def test_error_frames_are_counted_by_what_they_report(inside: dict) -> None:
    assert inside["error_frames"] == {"received": 1, "bad": ["error frame: error-passive by receive errors"]}


def test_bus_off_down_and_vanished_are_told_and_the_bus_is_heard_again(inside: dict) -> None:
    bus_off, down, vanished = inside["interface_comes_and_goes"]["problems"]
    assert (bus_off, down) == ("vcan0 is bus-off", "vcan0 is down")
    assert "vcan0" in vanished


@pytest.mark.promise("P-HARD-06")
def test_nothing_of_ours_ever_writes_to_the_bus(inside: dict) -> None:
    written = inside["interface_comes_and_goes"]["written"]
    assert written["tx_packets"] == written["said"] > 5000


def test_a_missing_interface_is_named_with_what_to_do(inside: dict) -> None:
    kind, text = inside["missing"]
    assert kind == "SourceMissing"
    assert text == "can: there is no interface vcan9; plug it in; ip -br link lists them all"
