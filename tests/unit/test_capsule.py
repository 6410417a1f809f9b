"""What stands in an SMS: it comes back as it went, fits, and never raises anything but Malformed."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from terminal.contract.capsule import (
    CANCELLED,
    KINDS,
    MOST_AGE_S,
    MOST_BODY_BYTES,
    MOST_ERROR_M,
    MOST_NAME_LETTERS,
    MOST_SIGNALS,
    RAISED,
    SIGNALLED,
    SIGNATURE_BYTES,
    TRIGGERS,
    AlarmCapsule,
    ReceiptCapsule,
    body_of,
    fits,
    read,
    split,
    tail_of,
)
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmKind, Malformed, Position, Trigger
from terminal.contract.sms_text import DIGITS, MOST_CHARACTERS, as_text, from_text

GSM_BASIC = set("@$_ !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""The characters of GSM 7-bit's basic table that are ASCII too (3GPP TS 23.038, section 6.2.1)."""
MOST_SMS_BYTES = 140

names = st.tuples(st.from_regex(r"\A[A-Z0-9_-]{1,22}\Z"), st.from_regex(r"\A[A-Z0-9_-]{1,22}\Z")).filter(
    lambda both: fits(*both)
)
positions = st.builds(
    Position,
    lat_deg=st.floats(-90, 90),
    lon_deg=st.floats(-180, 180),
    age_s=st.floats(0, 1e9),
    mode=st.integers(0, 3),
    eph_m=st.none() | st.floats(0, 1e9),
)


@st.composite
def alarms(draw: st.DrawFn) -> AlarmCapsule:
    realm, unit = draw(names)
    return AlarmCapsule(
        realm=realm,
        unit=unit,
        incident=str(draw(st.uuids())),
        tail=draw(st.binary(min_size=8, max_size=8)),
        what=draw(st.sampled_from([RAISED, SIGNALLED, CANCELLED])),
        kind=draw(st.sampled_from(AlarmKind)),
        trigger=draw(st.sampled_from(Trigger)),
        silent=draw(st.booleans()),
        cancelled=draw(st.booleans()),
        signals=draw(st.integers(0, MOST_SIGNALS)),
        utc_s=draw(st.none() | st.integers(0, 2**32 - 1)),
        position=draw(st.none() | positions),
    )


receipts = st.builds(
    ReceiptCapsule,
    incident=st.uuids().map(str),
    tail=st.binary(min_size=8, max_size=8),
    signals=st.integers(0, MOST_SIGNALS),
    acknowledged_by=st.text(max_size=60),
)


@given(alarms())
def test_an_alarm_comes_back_as_it_went_and_never_better_than_it_was(sent: AlarmCapsule) -> None:
    body = body_of(sent)
    assert len(body) <= MOST_BODY_BYTES
    got = read(body)
    assert isinstance(got, AlarmCapsule)
    assert (got.position is None) == (sent.position is None)
    if got.position is not None and sent.position is not None:
        assert got.position.lat_deg == pytest.approx(sent.position.lat_deg, abs=1e-7)
        assert got.position.lon_deg == pytest.approx(sent.position.lon_deg, abs=1e-7)
        assert got.position.age_s >= min(sent.position.age_s, MOST_AGE_S)
        assert got.position.age_s <= sent.position.age_s + 1
        assert got.position.mode == sent.position.mode
        assert (got.position.eph_m is None) == (sent.position.eph_m is None)
        assert (got.position.eph_m or 0) >= min(sent.position.eph_m or 0, MOST_ERROR_M)
    assert got == replace(sent, position=got.position)


@given(receipts)
@example(ReceiptCapsule(incident=new_incident(), tail=bytes(8), acknowledged_by="Дежурни официр Никола Петровић"))
def test_a_receipt_comes_back_and_a_name_that_is_too_long_ends_in_dots(sent: ReceiptCapsule) -> None:
    assume(not any(0xD800 <= ord(letter) <= 0xDFFF for letter in sent.acknowledged_by))
    body = body_of(sent)
    assert len(body) <= MOST_BODY_BYTES
    got = read(body)
    assert isinstance(got, ReceiptCapsule)
    assert (got.incident, got.tail, got.signals) == (sent.incident, sent.tail, sent.signals)
    if got.acknowledged_by != sent.acknowledged_by:
        assert got.acknowledged_by.endswith("..")
        assert sent.acknowledged_by.startswith(got.acknowledged_by[:-2])


@given(st.binary(max_size=MOST_SMS_BYTES))
def test_what_is_no_capsule_is_malformed_and_nothing_else(data: bytes) -> None:
    for way in (read, split):
        try:
            way(data)
        except Malformed:
            continue


@given(alarms() | receipts, st.integers(0, MOST_BODY_BYTES - 1), st.integers(0, 7))
def test_a_capsule_with_a_turned_bit_is_malformed_or_another_one(
    sent: AlarmCapsule | ReceiptCapsule, place: int, bit: int
) -> None:
    body = bytearray(body_of(sent))
    body[place % len(body)] ^= 1 << bit
    try:
        read(bytes(body))
    except Malformed:
        return


def test_body_and_signature_are_told_apart_by_their_length() -> None:
    body = body_of(ReceiptCapsule(incident=new_incident(), tail=bytes(8)))
    assert split(body + b"s" * SIGNATURE_BYTES) == (body, b"s" * SIGNATURE_BYTES)
    assert MOST_BODY_BYTES + SIGNATURE_BYTES <= MOST_SMS_BYTES
    for wrong in (b"", b"x" * SIGNATURE_BYTES, b"x" * (MOST_BODY_BYTES + SIGNATURE_BYTES + 1)):
        with pytest.raises(Malformed):
            split(wrong)


def test_names_that_do_not_fit_are_refused_and_the_longest_that_fit_do() -> None:
    longest = AlarmCapsule(
        realm="R" * 10, unit="U" * (MOST_NAME_LETTERS - 10), incident=new_incident(), tail=bytes(8), what=RAISED
    )
    assert read(body_of(longest)) == longest
    with pytest.raises(ValueError, match="at most 23 characters"):
        body_of(AlarmCapsule(realm="R" * 10, unit="U" * 14, incident=new_incident(), tail=bytes(8), what=RAISED))


def test_a_position_that_is_no_number_is_left_out() -> None:
    nowhere = Position(lat_deg=float("nan"), lon_deg=14.5)
    capsule = AlarmCapsule(
        realm="LJ", unit="LJ-101", incident=new_incident(), tail=bytes(8), what=RAISED, position=nowhere
    )
    got = read(body_of(capsule))
    assert isinstance(got, AlarmCapsule)
    assert got.position is None


def test_every_kind_and_trigger_has_its_number_and_a_newer_cars_counts_as_the_gravest() -> None:
    assert set(KINDS) == set(AlarmKind)
    assert set(TRIGGERS) == set(Trigger)
    capsule = AlarmCapsule(
        realm="LJ", unit="LJ-101", incident=new_incident(), tail=bytes(8), what=RAISED, kind=AlarmKind.TEST
    )
    body = bytearray(body_of(capsule))
    body[26] = body[26] & 0xF0 | 0xF
    got = read(bytes(body))
    assert isinstance(got, AlarmCapsule)
    assert got.kind is AlarmKind.REAL


def test_the_tail_of_a_message_tells_one_message_from_another() -> None:
    message_id = new_id()
    assert tail_of(message_id).hex() == message_id.replace("-", "")[16:]
    assert len({tail_of(new_id()) for _ in range(1000)}) == 1000


@given(st.binary(min_size=1, max_size=MOST_BODY_BYTES + SIGNATURE_BYTES))
def test_text_gives_the_bytes_again_in_160_characters_that_nothing_on_the_way_changes(data: bytes) -> None:
    text = as_text(data)
    assert len(text) <= MOST_CHARACTERS
    assert set(text) <= GSM_BASIC - set("@$_ \"'&<>%+#")
    assert from_text(text) == data


@given(st.text(max_size=170) | st.text(DIGITS, max_size=170))
def test_text_that_is_no_capsule_is_malformed_and_one_that_is_means_one_thing(text: str) -> None:
    try:
        data = from_text(text)
    except Malformed:
        return
    assert as_text(data) == text
