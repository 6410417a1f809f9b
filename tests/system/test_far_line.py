"""Over a line that delays packets and loses many of them every press is received, once."""

import json
import subprocess
import sys

import pytest

from tests.system.far_line import APART
from tests.system.uml import ROOT, must_boot

PRESSES = 10


@pytest.mark.long
@pytest.mark.uml
def test_every_press_comes_through_delay_and_loss() -> None:
    must_boot()
    if subprocess.run([*APART, "true"], capture_output=True, timeout=20).returncode != 0:
        pytest.skip("this kernel lets only root have a network of its own")
    command = [*APART, sys.executable, "-m", "tests.bench.far_cars", "lossy", "--cars", "2", "--presses", str(PRESSES)]
    done = subprocess.run([*command, "--loss", "20"], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-6000:]
    assert len(json.loads(done.stdout)) == PRESSES
