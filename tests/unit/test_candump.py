"""Every form of line that can-utils writes is a frame, and anything else is refused without harm."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.candump import Frame, parse
from drivers.frames import EXTENDED
from hal.errors import BadInput


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("(1627274455.012500) can1 7E8#03412F8C", Frame(1627274455.0125, "can1", 0x7E8, b"\x03\x41\x2f\x8c")),
        ("(1.0) can0 17F00010#20 R\n", Frame(1.0, "can0", 0x17F00010 | EXTENDED, b"\x20")),
        ("(1.0) can0 00000123#", Frame(1.0, "can0", 0x123 | EXTENDED, b"")),
        ("(1.0) can0 123##1AABB", Frame(1.0, "can0", 0x123, b"\xaa\xbb")),
        ("(1.0) can0 123#1122334455667788_9", Frame(1.0, "can0", 0x123, bytes.fromhex("1122334455667788"))),
        ("(1.0) can0 123#R8", Frame(1.0, "can0", 0x123, None)),
        ("(1.0) can0 20000088#0000000000000000", Frame(1.0, "can0", 0x20000088, bytes(8))),
        (" (1.000000)  can0  1F0   [2]  1B C1   '..'", Frame(1.0, "can0", 0x1F0, b"\x1b\xc1")),
        (" (1.000000)  can0  1F0   [0]  remote request", Frame(1.0, "can0", 0x1F0, None)),
        ("", None),
        ("# a comment", None),
    ],
)
def test_a_line_of_candump_is_a_frame(line: str, frame: Frame | None) -> None:
    assert parse(line) == frame


@pytest.mark.parametrize(
    "line",
    [
        "garbage",
        "(1.0) can0",
        "(1.0) can0 123",
        "(1.0) can0 123#1",
        "(1.0) can0 123#GG",
        "(1.0) can0 8FF#00",
        "(1.0) can0 3FFFFFFF#00112233445566778899",
        "(1.0) can0 123#001122334455667788",
        "(1.0) can0 123##0" + "00" * 65,
        "(nan) can0 123#00",
        "(-1.0) can0 123#00",
        "(inf) can0 123#00",
        "1.0 can0 123#00",
        "(1.0) can0 123 [2] 00",
        "(1.0) can0 -12#00",
        "\x00\x01 \x02 \x03",
    ],
)
def test_a_line_that_is_no_frame_is_refused(line: str) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        parse(line)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_no_line_breaks_the_reader(line: str) -> None:
    with suppress(BadInput):
        parse(line)
