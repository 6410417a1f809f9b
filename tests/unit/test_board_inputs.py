"""What the board sees of its wires: edges, the lightbar, the circuit of the button and its faults."""

import random

import pytest

from firmware import frame, inputs, pins
from firmware.inputs import BUTTON, CUT, IMPLAUSIBLE, NORMAL, SHORT
from hal.readings import ButtonHealth
from tests.unit.board_scene import Bench


def test_edges_wrap_and_every_one_is_told(bench: Bench) -> None:
    bench.program.inputs.log.count = frame.EDGES - 2
    bench.run(1000)
    bench.talk.edges_lost = 0
    for level in (2, 0, 2, 0, 2):
        bench.run(250, level)
    assert bench.program.inputs.log.count == 3
    assert bench.talk.edges_lost == 0
    assert bench.states[-1].inputs == {"lightbar"}


def test_a_lightbar_that_flashes_on_between_two_states_is_seen(bench: Bench) -> None:
    bench.down = lambda _: b""
    before = len(bench.states)
    bench.up = lambda data: b"".join(line for line in data.splitlines(True) if b"STATE" not in line)
    bench.run(250, 2)
    bench.run(250, 0)
    assert [state.inputs for state in bench.states[before:]] == [{"lightbar"}, set()]


def test_edges_that_the_line_lost_are_fetched_and_those_that_are_gone_counted(bench: Bench) -> None:
    bench.up = lambda _: b""
    for level in (2, 0) * 10:
        bench.run(250, level)
    bench.up = bytes
    bench.run(1000)
    assert bench.talk.edges_lost == 0
    bench.up = lambda _: b""
    for level in (2, 0) * 30:
        bench.run(250, level)
    bench.up = bytes
    bench.run(1000)
    assert bench.talk.edges_lost == 60 - inputs.LOGGED


@pytest.mark.parametrize("raw", [2, 0])
def test_lightbar_switches_want_200_ms(bench: Bench, raw: int) -> None:
    bench.run(1000, 2 - raw)
    bench.run(190, raw)
    assert bench.program.inputs.on == 2 - raw
    bench.run(30)
    assert bench.program.inputs.on == raw


@pytest.mark.promise("P-PRESS-08")
@pytest.mark.parametrize(
    ("raw", "health"),
    [
        (CUT, ButtonHealth.CUT),
        (SHORT, ButtonHealth.SHORT),
        (IMPLAUSIBLE, ButtonHealth.IMPLAUSIBLE),
        (BUTTON, ButtonHealth.STUCK),
    ],
)
def test_each_fault_of_the_circuit_is_told_within_2_s_and_so_is_its_end(
    bench: Bench, raw: int, health: ButtonHealth
) -> None:
    bench.run(2000, raw)
    assert bench.states[-1].health is health
    assert bench.program.lamp.shown in ("fault", "pressed")
    bench.run(2000, NORMAL)
    assert bench.states[-1].health is ButtonHealth.OK
    assert len(bench.made) == (raw == BUTTON)


def test_bands_hold_all_that_the_tolerances_allow_and_leave_gaps() -> None:
    where = inputs.bands(pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM, pins.TOLERANCE_PERCENT)
    assert list(where) == sorted(where)
    rng = random.Random(1)
    for _ in range(5000):
        pull, line, contact = (
            ohm * (1 + rng.uniform(-1, 1) * pins.TOLERANCE_PERCENT / 100)
            for ohm in (pins.PULL_OHM, pins.LINE_OHM, pins.CONTACT_OHM)
        )
        wire = rng.uniform(0, inputs.WIRE_OHM)
        for ohm, meaning in (
            (line + wire, NORMAL),
            (line * contact / (line + contact) + wire, BUTTON),
            (wire, SHORT),
            (rng.uniform(inputs.LEAK_OHM, 1e9), CUT),
        ):
            assert inputs.supervised(round(1000 * ohm / (ohm + pull)), where) == meaning
    gaps = [(where[index] + where[index + 1]) // 2 for index in (1, 3, 5)]
    assert [inputs.supervised(permille, where) for permille in gaps] == [IMPLAUSIBLE] * 3


def test_two_contacts_tell_the_same_states() -> None:
    assert [inputs.two_contacts(no, nc) for no, nc in ((0, 1), (1, 0), (0, 0), (1, 1))] == [NORMAL, BUTTON, CUT, SHORT]
