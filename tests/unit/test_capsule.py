"""What stands in an SMS: it comes back as it went, fits, and never raises anything but Malformed."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from terminal.contract.capsule import (
    KINDS,
    MOST_AGE_S,
    MOST_BODY_BYTES,
    MOST_ERROR_M,
    MOST_NAME_LETTERS,
    MOST_REVISION,
    MOST_SIGNALS,
    TRIGGERS,
    AlarmCapsule,
    AnswerCapsule,
    ReceiptCapsule,
    Told,
    alarm_body,
    answer_body,
    fits,
    read,
    receipt_body,
    split,
    tail_of,
)
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    Malformed,
    Position,
    Trigger,
    Who,
)
from terminal.contract.signed import SIGNATURE_BYTES
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
    stale=st.booleans(),
    mode=st.integers(0, 3),
    eph_m=st.none() | st.floats(0, 1e9),
)


@st.composite
def told(draw: st.DrawFn) -> Told:
    common = {
        "id": str(draw(st.uuids(version=4))),
        "who": Who(unit="LJ-101", crew=("1234",)),
        "utc_ms": draw(st.none() | st.integers(0, 2**32 - 1).map(lambda seconds: seconds * 1000)),
        "incident": str(draw(st.uuids())),
        "kind": draw(st.sampled_from(AlarmKind)),
        "silent": draw(st.booleans()),
    }
    pressed = {"trigger": draw(st.sampled_from(Trigger)), "position": draw(st.none() | positions)}
    return draw(
        st.sampled_from(
            [
                AlarmRaised(**common, **pressed),
                AlarmSignalled(**common, **pressed, signal=draw(st.integers(0, MOST_SIGNALS))),
                AlarmCancelled(**common, signals=draw(st.integers(0, MOST_SIGNALS))),
            ]
        )
    )


def raised(**fields: object) -> AlarmRaised:
    known: dict[str, object] = {"id": new_id(), "who": Who(unit="LJ-101"), "incident": new_incident()}
    return AlarmRaised(**(known | fields))


receipts = st.builds(
    ReceiptCapsule,
    incident=st.uuids().map(str),
    tail=st.binary(min_size=8, max_size=8),
    signals=st.integers(0, MOST_SIGNALS),
    acknowledged_by=st.text(max_size=60),
)


answers = st.builds(
    AnswerCapsule,
    incident=st.uuids().map(str),
    tail=st.binary(min_size=8, max_size=8),
    epoch=st.binary(min_size=4, max_size=4),
    revision=st.integers(0, MOST_REVISION),
    signals=st.integers(0, MOST_SIGNALS),
    acknowledged_by=st.just(""),
    cleared_by=st.just(""),
    reason=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=40),
)
ENDED = AnswerCapsule(incident=new_incident(), tail=bytes(8), epoch=bytes(4), revision=1, reason="help is there")
persons = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@pytest.mark.promise("P-BEARER-07")
@given(sent=answers, by=persons, is_end=st.booleans())
@example(sent=ENDED, by="Dežurni centar Subotica, 12", is_end=True)
@example(sent=ENDED, by="Dežurni centar Vranje 12", is_end=True)
@example(sent=replace(ENDED, reason="0"), by="Dežurni centar Sombor", is_end=True)
def test_an_answer_comes_back_with_its_place_and_as_much_of_its_words_as_there_is_room_for(
    sent: AnswerCapsule, by: str, *, is_end: bool
) -> None:
    sent = replace(sent, cleared_by=by) if is_end else replace(sent, acknowledged_by=by, reason="")
    body = answer_body(sent)
    assert len(body) <= MOST_BODY_BYTES
    got = read(body)
    assert isinstance(got, AnswerCapsule)
    for said, meant in ((got.acknowledged_by or got.cleared_by, by), (got.reason, sent.reason)):
        assert said == meant or (said.endswith("..") and meant.startswith(said[:-2])) or said == got.reason == ""
    assert replace(got, acknowledged_by="", cleared_by="", reason="") == replace(
        sent, acknowledged_by="", cleared_by="", reason=""
    )
    assert bool(got.cleared_by) is is_end
    if len(by.encode()) + len(sent.reason.encode()) < 25:
        assert got == sent


@pytest.mark.promise("P-BEARER-03")
@given(names, told())
def test_an_alarm_comes_back_as_it_went_and_never_better_than_it_was(both: tuple[str, str], sent: Told) -> None:
    body = alarm_body(*both, sent)
    assert len(body) <= MOST_BODY_BYTES
    capsule = read(body)
    assert isinstance(capsule, AlarmCapsule)
    assert (capsule.realm, capsule.unit) == both
    got, position = capsule.message, getattr(sent, "position", None)
    assert tail_of(got.id) == tail_of(sent.id)
    assert got.id != sent.id, "what was left out is not repeated by this, but comes later"
    assert got == replace(
        sent, id=got.id, who=Who(unit=both[1]), **({} if position is None else {"position": got.position})
    )
    if position is not None:
        assert_never_better(got.position, position)


def assert_never_better(got: Position, sent: Position) -> None:
    assert got.lat_deg == pytest.approx(sent.lat_deg, abs=1e-7)
    assert got.lon_deg == pytest.approx(sent.lon_deg, abs=1e-7)
    assert min(sent.age_s, MOST_AGE_S) <= got.age_s <= sent.age_s + 1
    assert (got.mode, got.stale) == (sent.mode, sent.stale)
    assert (got.eph_m is None) == (sent.eph_m is None)
    assert (got.eph_m or 0) >= min(sent.eph_m or 0, MOST_ERROR_M)


@given(receipts)
@example(ReceiptCapsule(incident=new_incident(), tail=bytes(8), acknowledged_by="Дежурни официр Никола Петровић"))
def test_a_receipt_comes_back_and_a_name_that_is_too_long_ends_in_dots(sent: ReceiptCapsule) -> None:
    assume(not any(0xD800 <= ord(letter) <= 0xDFFF for letter in sent.acknowledged_by))
    body = receipt_body(sent)
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


bodies = told().map(lambda message: alarm_body("LJ", "LJ-101", message)) | receipts.map(receipt_body)


@given(bodies, st.integers(0, MOST_BODY_BYTES - 1), st.integers(0, 7))
def test_a_capsule_with_a_turned_bit_is_malformed_or_says_something_else(sent: bytes, place: int, bit: int) -> None:
    turned = bytearray(sent)
    turned[place % len(sent)] ^= 1 << bit
    try:
        got = read(bytes(turned))
    except Malformed:
        return
    assert got != read(sent) or place % len(sent) >= 26, "only a position that is not there says nothing"


@pytest.mark.promise("P-BEARER-03")
def test_body_and_signature_are_told_apart_by_their_length() -> None:
    body = receipt_body(ReceiptCapsule(incident=new_incident(), tail=bytes(8)))
    assert split(body + b"s" * SIGNATURE_BYTES) == (body, b"s" * SIGNATURE_BYTES)
    assert MOST_BODY_BYTES + SIGNATURE_BYTES <= MOST_SMS_BYTES
    for wrong in (b"", b"x" * SIGNATURE_BYTES, b"x" * (MOST_BODY_BYTES + SIGNATURE_BYTES + 1)):
        with pytest.raises(Malformed):
            split(wrong)


def test_names_that_do_not_fit_are_refused_and_the_longest_that_fit_do() -> None:
    realm, unit = "R" * 10, "U" * (MOST_NAME_LETTERS - 10)
    longest = read(alarm_body(realm, unit, raised()))
    assert isinstance(longest, AlarmCapsule)
    assert (longest.realm, longest.unit) == (realm, unit)
    with pytest.raises(ValueError, match="at most 23 characters"):
        alarm_body(realm, unit + "U", raised())


def test_a_position_that_is_no_number_is_left_out() -> None:
    got = read(alarm_body("LJ", "LJ-101", raised(position=Position(lat_deg=float("nan"), lon_deg=14.5))))
    assert isinstance(got, AlarmCapsule)
    assert isinstance(got.message, AlarmRaised)
    assert got.message.position is None


def test_every_kind_and_trigger_has_its_number_and_a_newer_cars_counts_as_the_gravest() -> None:
    assert set(KINDS) == set(AlarmKind)
    assert set(TRIGGERS) == set(Trigger)
    body = bytearray(alarm_body("LJ", "LJ-101", raised(kind=AlarmKind.TEST)))
    body[26] |= 0xFF
    got = read(bytes(body))
    assert isinstance(got, AlarmCapsule)
    assert isinstance(got.message, AlarmRaised)
    assert (got.message.kind, got.message.trigger) == (AlarmKind.REAL, Trigger.UNKNOWN)


def test_two_sms_of_one_message_are_two_and_the_same_sms_again_is_one() -> None:
    message = raised()
    later = replace(message, position=Position(lat_deg=46.0, lon_deg=14.5))
    once, again, moved = (read(alarm_body("LJ", "LJ-101", one)) for one in (message, message, later))
    assert isinstance(once, AlarmCapsule)
    assert isinstance(moved, AlarmCapsule)
    assert once == again
    assert once.message.id != moved.message.id


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
