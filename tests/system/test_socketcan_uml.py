"""The SocketCAN driver on a kernel that surely has CAN: User-mode Linux, with vcan."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = Path("/usr/lib/uml/modules")
CAN_MODULES = [
    "drivers/net/can/dev/can-dev",
    "net/can/can",
    "net/can/can-raw",
    "net/can/can-bcm",
    "drivers/net/can/vcan",
]
BOOT_DEADLINE_S = 120

pytestmark = pytest.mark.uml


def start_script(result: Path) -> str:
    modules = max(MODULES.iterdir()) / "kernel"
    inserts = "\n".join(f"insmod {modules}/{name}.ko" for name in CAN_MODULES)
    return f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH={ROOT} PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
{inserts}
exec {sys.executable} {ROOT}/tests/system/socketcan_inside.py {result}
"""


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What `socketcan_inside.py` found, from one boot."""
    for program, package in (("linux.uml", "user-mode-linux"), ("insmod", "kmod"), ("ip", "iproute2")):
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            pytest.skip(f"{program} is not installed; apt-get install {package}, as scripts/test does")
    folder = tmp_path_factory.mktemp("uml")
    result, script = folder / "found.json", folder / "init"
    script.write_text(start_script(result))
    script.chmod(0o755)
    boot = [
        "linux.uml",
        "mem=512M",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        f"init={script}",
        "con=null",
        "con0=null,fd:1",
    ]
    run = subprocess.run(
        [*boot, "quiet"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOOT_DEADLINE_S, check=False
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
