"""The board's frames come back as they were sent, and noise never becomes a frame."""

import binascii
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import frame

WORDS = st.from_regex(r"[A-Z]{1,8}", fullmatch=True)
FIELDS = st.lists(st.from_regex(r"[!-#%-)+-~]{1,12}", fullmatch=True), max_size=5)
LINES = st.tuples(WORDS, FIELDS)


def test_crc_is_the_published_one() -> None:
    assert frame.crc16(b"123456789") == 0x29B1


@given(st.binary(max_size=200))
def test_crc_is_the_one_of_the_standard_library(data: bytes) -> None:
    assert frame.crc16(data) == binascii.crc_hqx(data, 0xFFFF)


@given(st.lists(LINES, max_size=5), st.integers(min_value=1, max_value=7))
def test_what_was_sent_comes_back_however_it_is_cut_up(lines: list[tuple[str, list[str]]], size: int) -> None:
    stream = b"".join(frame.encode(word, *fields) for word, fields in lines)
    reader = frame.LineReader()
    found = [f for start in range(0, len(stream), size) for f in reader.feed(stream[start : start + size])]
    assert found == lines
    assert reader.bad == 0


@given(st.binary(max_size=300), LINES)
def test_a_frame_after_any_noise_is_read(noise: bytes, line: tuple[str, list[str]]) -> None:
    found = frame.LineReader().feed(noise + frame.encode(line[0], *line[1]))
    assert found[-1:] == [line]


@given(LINES, st.data())
def test_one_wrong_byte_gives_no_frame(line: tuple[str, list[str]], data: st.DataObject) -> None:
    sent = bytearray(frame.encode(line[0], *line[1]))
    place = data.draw(st.integers(min_value=0, max_value=len(sent) - 2))
    sent[place] ^= data.draw(st.integers(min_value=1, max_value=255))
    assert line not in frame.LineReader().feed(bytes(sent))


@given(st.binary(max_size=500))
def test_noise_raises_nothing_and_memory_stays_bounded(noise: bytes) -> None:
    reader = frame.LineReader()
    reader.feed(b"$" + noise)
    assert len(reader._line or b"") < frame.LONGEST


def test_an_overlong_line_is_dropped_whole_and_counted() -> None:
    body = b"A" * (frame.LONGEST + 10)
    overlong = b"$%s*%04X\n" % (body, frame.crc16(body))
    reader = frame.LineReader()
    assert reader.feed(overlong + frame.encode("BEAT")) == [("BEAT", [])]
    assert reader.bad == 1


def test_a_cut_line_does_not_take_the_next_one_with_it() -> None:
    reader = frame.LineReader()
    assert reader.feed(frame.encode("ASK")[:-3] + frame.encode("BEAT")) == [("BEAT", [])]
    assert reader.bad == 1


@pytest.mark.parametrize(
    "parts", [("LAMP", ""), ("LAMP", "a b"), ("LAMP", "a*b"), ("LAMP", "a\n"), ("lamp", "a"), ("LAMP", "ž"), ("", "a")]
)
def test_what_could_not_come_back_is_not_sent(parts: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no frame can carry"):
        frame.encode(*parts)


def test_a_frame_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(ValueError, match="no frame can carry"):
        frame.encode("LAMP", "x" * frame.LONGEST)


def test_every_frame_of_the_grammar_fits() -> None:
    numbers = ",".join(["4294967295"] * frame.MOST_LATCHED)
    longest = frame.encode("STATE", "FFFFFFFF", "implausible", numbers, frame.TIME - 1, "7FF", frame.EDGES - 1)
    assert len(longest) <= frame.LONGEST
    hello = frame.encode("HELLO", 999, "F" * 16, "FFFFFFFF", "0.10.100-rc1", "0123456789abcdef", "watchdog")
    assert len(hello) <= frame.LONGEST


def test_twice_in_a_row_is_believed() -> None:
    twice = frame.Twice()
    assert [twice.heard(what) for what in (1, 1, 2, 1, 1)] == [False, True, False, False, True]


def test_it_needs_nothing_that_micropython_lacks() -> None:
    source = Path(frame.__file__).read_text()
    assert not re.search(r"^\s*(import|from) ", source, re.MULTILINE)
