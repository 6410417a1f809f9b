"""What the tests of the board begin with."""

import pytest

from tests.unit.board_scene import SETTLED_MS, Bench


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.run(SETTLED_MS)
    return made
