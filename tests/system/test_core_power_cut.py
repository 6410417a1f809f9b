"""Core on a real file system whose power is cut while the button is pressed: no press is lost, none becomes two."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.system.far_line import APART
from tests.system.uml import ROOT, must_boot

CUTS, CUTS_LONG = 20, 500
CUT_WITHIN_S = 15
"""A generous time for one, of which there are two at once."""

pytestmark = pytest.mark.uml


def cars_after(cuts: int, *more: str) -> list[dict[str, Any]]:
    """What became of the cars that so many cuts were dealt out to."""
    must_boot()
    if subprocess.run([*APART, "true"], capture_output=True, timeout=20).returncode != 0:
        pytest.skip("this kernel lets only root have a network of its own")
    command = [*APART, sys.executable, "-m", "tests.system.power_cuts", "--cuts", str(cuts), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + cuts * CUT_WITHIN_S, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-6000:]
    print(done.stdout[-3000:])
    return json.loads(done.stdout)


@pytest.mark.promise("P-DISK-03", "P-PRESS-02", "P-PRESS-05", "P-PRESS-06")
def test_no_press_is_lost_or_doubled_by_a_power_cut(request: pytest.FixtureRequest) -> None:
    cuts = CUTS_LONG if request.config.getoption("--long") else CUTS
    cars = cars_after(cuts)
    for car in cars:
        assert car["stored"] == len(car["pressed"]), "what was latched through a cut is stored after it"
        assert set(car["at_headquarters"]) <= set(car["pressed"]), "an incident that nobody pressed for"
        assert sum(car["at_headquarters"].values()) == len(car["pressed"]), "each press once, as incident or signal"
        assert not car["troubles"], "the outbox opens again as it was"
    assert sum(car["cut_while_latched"] for car in cars) > cuts / 10, "the cuts come where they hurt"


@pytest.mark.long
def test_a_core_that_says_stored_too_early_would_be_noticed() -> None:
    cars = cars_after(4, "--program", "tests.system.careless_core", "--dead-zone")
    assert any(sum(car["at_headquarters"].values()) < len(car["pressed"]) for car in cars)
