"""OBD-II answers that pass by are read; requests are not, and nothing is ever asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.obd2 import ANSWER_IDS, ANSWER_IDS_29BIT, PIDS, AnswerDecoder, Target
from drivers.signal_map import load_map
from hal.errors import BadInput

SHIPPED = Path(__file__).parent.parent.parent / "config" / "vehicles" / "obd2.toml"


def answers(*pids: int) -> Callable[[bytes], dict]:
    return AnswerDecoder([Target(pid, f"{pid:02X}", lambda value: value) for pid in pids])


@pytest.mark.parametrize(
    ("pid", "data", "value"),
    [
        (0x04, "FF", 100.0),
        (0x05, "7B", 83),
        (0x0B, "63", 99),
        (0x0C, "1AF8", 1726.0),
        (0x0D, "2A", 42),
        (0x10, "01F4", 5.0),
        (0x11, "80", 12800 / 255),
        (0x1F, "0E10", 3600),
        (0x2F, "8C", 14000 / 255),
        (0x42, "3438", 13.368),
        (0x46, "1E", -10),
        (0x5C, "8C", 100),
        (0x5E, "0064", 5.0),
        (0xA6, "00026060", 15574.4),
    ],
)
def test_a_single_frame_gives_the_value_of_sae_j1979(pid: int, data: str, value: float) -> None:
    payload = bytes([0x41, pid]) + bytes.fromhex(data)
    frame = (bytes([len(payload)]) + payload).ljust(8, b"\x00")
    assert answers(pid)(frame) == {f"{pid:02X}": pytest.approx(value)}


def test_one_answer_may_hold_several_parameters() -> None:
    assert answers(0x0C, 0x0D)(bytes.fromhex("06410C1AF80D2A00")) == {"0C": 1726.0, "0D": 42}


def test_parameters_before_an_unknown_one_are_read() -> None:
    assert answers(0x0D)(bytes.fromhex("05410D2AFE010000")) == {"0D": 42}


def test_an_answer_of_several_frames_is_put_together() -> None:
    decode = answers(0x05, 0x0C, 0x0D)
    assert decode(bytes.fromhex("1009410C1B000D32")) == {}
    assert decode(bytes.fromhex("2105500000000000")) == {"0C": 1728.0, "0D": 50, "05": 40}


def test_a_missing_part_is_told_and_the_next_answer_is_whole() -> None:
    decode = answers(0x0D)
    decode(bytes.fromhex("1014410C1B000D32"))
    with pytest.raises(BadInput, match="a part of a multi-frame answer is missing"):
        decode(bytes.fromhex("2205500000000000"))
    assert decode(bytes.fromhex("2305500000000000")) == {}
    assert decode(bytes.fromhex("03410D2A00000000")) == {"0D": 42}


@pytest.mark.parametrize(
    "frame", ["", "00", "0741", "0841", "02410C0000000000", "03410C1A00000000"], ids=lambda frame: frame or "empty"
)
def test_an_answer_that_is_too_short_is_refused_or_says_nothing(frame: str) -> None:
    try:
        found = answers(0x0C)(bytes.fromhex(frame))
    except BadInput:
        return
    assert found == {}


@pytest.mark.parametrize("frame", ["02010D0000000000", "037F011200000000", "0662F40D2A000000", "3000000000000000"])
def test_requests_refusals_and_other_services_say_nothing(frame: str) -> None:
    assert answers(0x0D)(bytes.fromhex(frame)) == {}


def test_answers_of_both_address_widths_are_mapped_and_requests_are_not() -> None:
    decoder = load_map(SHIPPED)
    assert decoder.decode(0x7E8, False, bytes.fromhex("03410D2A00000000")) == {"Vehicle.Speed": 42.0}
    assert decoder.decode(0x18DAF110, True, bytes.fromhex("03410D2A00000000")) == {"Vehicle.Speed": 42.0}
    assert decoder.decode(0x7DF, False, bytes.fromhex("02010D0000000000")) is None
    assert decoder.decode(0x18DB33F1, True, bytes.fromhex("02010D0000000000")) is None


def test_answers_of_two_control_units_do_not_mix() -> None:
    decoder = load_map(SHIPPED)
    decoder.decode(0x7E8, False, bytes.fromhex("1009410C1B000D32"))
    assert decoder.decode(0x7E9, False, bytes.fromhex("2105500000000000")) == {}
    assert decoder.decode(0x7E8, False, bytes.fromhex("2105500000000000"))


def test_all_answer_addresses_fit_the_kernels_filters() -> None:
    assert len(ANSWER_IDS) + len(ANSWER_IDS_29BIT) <= 512


def test_every_parameter_is_read_from_the_bytes_it_says() -> None:
    for number, pid in PIDS.items():
        frame = bytes([2 + pid.size, 0x41, number]) + bytes(pid.size)
        assert answers(number)(frame) == {f"{number:02X}": pid.value(bytes(pid.size))}
        with pytest.raises(BadInput):
            answers(number)(bytes([1 + pid.size]) + frame[1:-1])
