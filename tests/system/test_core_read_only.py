"""The kernel makes core's disk read-only in the middle of a press: it is sent, called NOT STORED, and stored later."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.system.far_line import APART
from tests.system.uml import ROOT, must_boot

pytestmark = pytest.mark.uml


def found_after(fate: str, *more: str) -> dict[str, Any]:
    """What became of the presses."""
    must_boot()
    if subprocess.run([*APART, "true"], capture_output=True, timeout=20).returncode != 0:
        pytest.skip("this kernel lets only root have a network of its own")
    command = [*APART, sys.executable, "-m", "tests.system.read_only", fate, *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-6000:]
    return json.loads(done.stdout)


@pytest.mark.promise("P-DISK-04")
@pytest.mark.parametrize("fate", ["remounted", pytest.param("error", marks=pytest.mark.long)])
def test_a_press_on_a_disk_that_the_kernel_makes_read_only_is_received_and_stored_later(fate: str) -> None:
    found = found_after(fate)
    assert not found["shown_stored"], "NOT STORED is shown"
    assert not found["board_let_go"], "the board is not told to let go"
    assert found["at_headquarters"] == [[found["pressed"], 2]]


@pytest.mark.promise("P-DISK-04")
@pytest.mark.long
def test_a_core_that_believes_what_ext4_says_of_a_read_only_disk_would_be_noticed() -> None:
    found = found_after("remounted", "--program", "tests.system.faulty_core believes_a_read_only_disk")
    assert found["shown_stored"]
