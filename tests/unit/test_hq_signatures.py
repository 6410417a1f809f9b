"""What headquarters makes of signatures: it shows every alarm, and believes of it what the car's key has signed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from hq import acts, arrivals, incidents
from hq.arrivals import Publication
from hq.config import Trusting
from hq.incidents import Incident
from hq.keyring import Keyring
from hq.marks import Mark, weight
from hq.receipts import receipts
from hq.store import Store
from terminal.contract import topics
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import (
    Alarm,
    AlarmCancelled,
    AlarmKind,
    AlarmMoved,
    AlarmRaised,
    AlarmSignalled,
    DutyChanged,
    Position,
    Who,
    encode,
)
from terminal.contract.signed import CAPSULE, Parted
from terminal.contract.signing import NotTrusted, Signer
from terminal.contract.topics import Lane, UpTopic
from terminal.tools.certificates import Authority
from tests.unit.hq_scene import LJUBLJANA, NOW_MS, REALM, UNIT, place, store_at, take

KEY = (REALM, UNIT)
TOPIC = UpTopic(REALM, UNIT, Lane.ALARM)
CONTEXT = topics.up(REALM, UNIT, Lane.ALARM)
ELSEWHERE = Position(lat_deg=45.0, lon_deg=15.0, utc_ms=NOW_MS + 60_000)
LONG_AGO = datetime.now(UTC) - timedelta(days=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ca")
    authority = Authority.at(made)
    for name in (UNIT, "LJ-102"):
        authority.issue(made, name, name, days=1)
    authority.issue(made, "new", UNIT, days=1)
    authority.issue(made, "old", UNIT, days=1, begins=LONG_AGO)
    authority.issue(made, "gone", UNIT, days=1)
    authority.revoke(made / "revoked.pem", made / "gone.pem")
    return made


@pytest.fixture(scope="module")
def signer(folder: Path) -> Callable[[str], Signer]:
    made = {path.stem: Signer.at(path, path.with_suffix(".key")) for path in folder.glob("*.pem") if path.stem in ALL}
    return made.__getitem__


ALL = (UNIT, "LJ-102", "new", "old", "gone")


def rules(folder: Path, **fields: Any) -> Trusting:
    return Trusting(ca=folder / "ca.pem", revoked=folder / "revoked.pem", **fields)


@pytest.fixture
def keyring(folder: Path) -> Keyring:
    return Keyring(rules(folder))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = store_at(tmp_path)
    yield opened
    opened.close()


def alarm(**fields: Any) -> AlarmRaised:
    fields = {"id": new_id(), "who": Who(unit=UNIT), "incident": new_incident(), "position": LJUBLJANA} | fields
    return AlarmRaised(**fields)


def signed(by: Signer, message: Alarm, context: str = CONTEXT) -> bytes:
    return by.wrapped(context, encode(message))


def marked(keyring: Keyring, payload: bytes, topic: UpTopic = TOPIC) -> tuple[Mark, bool]:
    weighed = keyring.weigh(topic, payload)
    return weighed.mark, weighed.credible


@pytest.mark.promise("P-SIGN-01")
def test_what_a_unit_signs_is_verified_and_nothing_else_is(keyring: Keyring, signer: Callable[[str], Signer]) -> None:
    ours, theirs = signer(UNIT), signer("LJ-102")
    message = alarm()
    assert marked(keyring, signed(ours, message)) == (Mark.UNKNOWN_KEY, False)
    assert keyring.learn(KEY, ours.certificate)
    assert not keyring.learn(KEY, ours.certificate)
    keyring.learn((REALM, "LJ-102"), theirs.certificate)
    assert marked(keyring, signed(ours, message)) == (Mark.VERIFIED, True)
    for context in ("patrola/1/NM/up/LJ-101/alarm", "patrola/1/LJ/up/LJ-101/event", CAPSULE):
        assert marked(keyring, signed(ours, message, context)) == (Mark.WRONG, False)
    assert marked(keyring, signed(theirs, message)) == (Mark.UNKNOWN_KEY, False)
    altered = signed(ours, message).replace(b"14.5058", b"14.5059")
    assert marked(keyring, altered) == (Mark.WRONG, False)


@pytest.mark.promise("P-SIGN-01")
def test_a_certificate_speaks_for_the_unit_that_it_names(keyring: Keyring, signer: Callable[[str], Signer]) -> None:
    with pytest.raises(NotTrusted, match="LJ-102"):
        keyring.learn(KEY, signer("LJ-102").certificate)
    assert keyring.knows(KEY) == ""


def test_what_came_without_naming_its_key_is_checked_with_each(
    keyring: Keyring, signer: Callable[[str], Signer]
) -> None:
    for name in (UNIT, "new"):
        keyring.learn(KEY, signer(name).certificate)
    for name, mark in ((UNIT, Mark.VERIFIED), ("new", Mark.VERIFIED), ("LJ-102", Mark.WRONG)):
        parts = Parted(b"body", b"", signer(name).sign(CAPSULE, b"body"))
        assert keyring.weigh_parts(KEY, CAPSULE, parts).mark is mark


@pytest.mark.promise("P-SIGN-03")
def test_a_unit_that_has_shown_a_certificate_signs_from_then_on(
    folder: Path, keyring: Keyring, signer: Callable[[str], Signer]
) -> None:
    bare = encode(alarm())
    assert marked(keyring, bare) == (Mark.MISSING, True)
    keyring.learn(KEY, signer(UNIT).certificate)
    assert marked(keyring, bare) == (Mark.MISSING, False)
    assert marked(Keyring(rules(folder, accept_unsigned=False)), bare) == (Mark.MISSING, False)
    assert marked(Keyring(Trusting()), bare) == (Mark.UNCHECKED, True)
    assert marked(Keyring(Trusting()), signed(signer(UNIT), alarm())) == (Mark.UNCHECKED, True)


@pytest.mark.promise("P-SIGN-04")
def test_a_certificate_that_has_ended_or_was_revoked_proves_nothing(
    keyring: Keyring, signer: Callable[[str], Signer]
) -> None:
    for name, mark in (("old", Mark.EXPIRED), ("gone", Mark.REVOKED), (UNIT, Mark.VERIFIED)):
        keyring.learn(KEY, signer(name).certificate)
        assert marked(keyring, signed(signer(name), alarm()))[0] is mark


@pytest.mark.promise("P-SIGN-04")
def test_a_new_revocation_list_counts_without_a_restart(
    folder: Path, tmp_path: Path, signer: Callable[[str], Signer]
) -> None:
    listed = tmp_path / "revoked.pem"
    keyring = Keyring(Trusting(ca=folder / "ca.pem", revoked=listed))
    keyring.learn(KEY, signer(UNIT).certificate)
    assert marked(keyring, signed(signer(UNIT), alarm()))[0] is Mark.VERIFIED, (
        "a list that is not there holds nobody up"
    )
    Authority.at(folder).revoke(listed, folder / f"{UNIT}.pem")
    keyring.look_again()
    assert marked(keyring, signed(signer(UNIT), alarm()))[0] is Mark.REVOKED
    listed.write_bytes(b"rubbish")
    keyring.look_again()
    assert marked(keyring, signed(signer(UNIT), alarm()))[0] is Mark.REVOKED, "what was read before counts on"


def test_a_ca_file_that_breaks_the_library_ends_no_headquarters_and_holds_no_alarm_back(tmp_path: Path) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broken")])
    key = ec.generate_private_key(ec.SECP256R1())
    draft = x509.CertificateBuilder(name, name, key.public_key(), 1, LONG_AGO, datetime.now(UTC) + timedelta(days=1))
    nonsense = x509.UnrecognizedExtension(ExtensionOID.BASIC_CONSTRAINTS, b"nonsense")
    made = draft.add_extension(nonsense, critical=True).sign(key, hashes.SHA256())
    (tmp_path / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    assert marked(Keyring(Trusting(ca=tmp_path / "ca.pem")), encode(alarm())) == (Mark.UNCHECKED, True)


def test_a_unit_may_change_its_certificate_and_go_back(
    folder: Path, keyring: Keyring, store: Store, signer: Callable[[str], Signer]
) -> None:
    for name in (UNIT, "new", UNIT):
        keyring.learn(KEY, signer(name).certificate)
        assert marked(keyring, signed(signer(name), alarm()))[0] is Mark.VERIFIED
    with store.transaction():
        store.put_certificates(KEY, keyring.certificates_of(KEY))
    again = Keyring(rules(folder), store.certificates())
    assert again.knows(KEY) == keyring.knows(KEY) != ""
    assert again.certificates_of(KEY) == keyring.certificates_of(KEY)


def read(keyring: Keyring, payload: bytes, unit: str = UNIT) -> Publication:
    return arrivals.read(UpTopic(REALM, unit, Lane.ALARM), payload, keyring.weigh)


def known(keyring: Keyring, signer: Callable[[str], Signer]) -> Keyring:
    for name in (UNIT, "LJ-102"):
        keyring.learn((REALM, name), signer(name).certificate)
    return keyring


@pytest.mark.promise("P-SIGN-03")
def test_a_forged_alarm_is_kept_and_shown_and_not_receipted(
    keyring: Keyring, store: Store, signer: Callable[[str], Signer]
) -> None:
    known(keyring, signer)
    forged = alarm(kind=AlarmKind.TEST, place=place(Lane.ALARM, 7)), alarm(kind=AlarmKind.TEST)
    for message, payload in zip(forged, (encode(forged[0]), signed(signer("LJ-102"), forged[1])), strict=True):
        publication = read(keyring, payload)
        taken = take(store, publication)
        assert len(taken.kept.new) == 1
        incident = taken.incidents[(*KEY, message.incident)]
        assert incident.signature is publication.mark
        assert incident.kind is AlarmKind.REAL, "nobody is told that it is a test by whoever"
        assert receipts("e", publication.arrivals, taken.kept.clashes) == []
        assert store.gaps() == [], "and it claims no place"
        assert take(store, publication).kept.new == {}, "each once"


@pytest.mark.promise("P-SIGN-01")
def test_a_forgery_that_came_first_does_not_stand_in_the_way_of_the_true_one(
    keyring: Keyring, store: Store, signer: Callable[[str], Signer]
) -> None:
    known(keyring, signer)
    message = alarm()
    forged = replace(message, kind=AlarmKind.TEST, silent=True, position=ELSEWHERE, who=Who(unit=UNIT, call_sign="no"))
    cancelled = AlarmCancelled(id=new_id(), who=message.who, incident=message.incident)
    take(store, read(keyring, encode(forged)), read(keyring, encode(cancelled)))
    true = read(keyring, signed(signer(UNIT), message))
    taken = take(store, true)
    incident = taken.incidents[(*KEY, message.incident)]
    assert (incident.signature, incident.cancelled, incident.silent) == (Mark.VERIFIED, False, False)
    assert (incident.who, incident.position, incident.signals) == (message.who, message.position, 1)
    assert incident.doubted, "it is shown that something else was told"
    assert [receipt.ids for _, _, receipt in receipts("e", true.arrivals, taken.kept.clashes)] == [(message.id,)]


@pytest.mark.promise("P-SIGN-01")
def test_an_alarm_that_came_before_its_cars_certificate_is_proved_by_its_repeat(
    keyring: Keyring, store: Store, signer: Callable[[str], Signer]
) -> None:
    """The first alarm of a new car, pressed before it could sign, then signed, then with its place."""
    message = alarm()
    placed = replace(message, place=place(Lane.ALARM, 1))
    bare = [read(keyring, encode(one)) for one in (message, placed)]
    signed_early = read(keyring, signed(signer(UNIT), message))
    known(keyring, signer)
    signed_now = [read(keyring, signed(signer(UNIT), one)) for one in (message, placed)]
    marks = []
    for publication in (*bare, signed_early, *signed_now, *signed_now):
        take(store, publication)
        incident = store.incident((*KEY, message.incident))
        assert incident is not None
        marks.append((incident.signature, incident.doubted))
    assert marks == [(Mark.MISSING, 0)] * 2 + [(Mark.UNKNOWN_KEY, 0)] + [(Mark.VERIFIED, 1)] * 4
    assert all(receipts("e", one.arrivals, frozenset()) for one in (*bare, *signed_now))
    assert receipts("e", signed_early.arrivals, frozenset()) == []
    assert store.gaps() == []


@pytest.mark.promise("P-SIGN-01")
def test_an_id_that_another_car_or_lane_has_used_does_not_swallow_an_alarm(
    keyring: Keyring, store: Store, signer: Callable[[str], Signer]
) -> None:
    known(keyring, signer)
    message = alarm()
    other = read(keyring, signed(signer("LJ-102"), message, topics.up(REALM, "LJ-102", Lane.ALARM)), "LJ-102")
    assert other.credible
    event = DutyChanged(id=message.id, who=message.who, status="x")
    take(store, other, arrivals.read(UpTopic(REALM, UNIT, Lane.EVENT), encode(event)))
    true = read(keyring, signed(signer(UNIT), message))
    for _ in range(2):
        assert (*KEY, message.incident) in take(store, true, true).incidents or _
    assert store.count()["messages"] == 3
    assert store.incident((*KEY, message.incident)) is not None


messages = st.one_of(
    st.builds(
        lambda kind, silent, position: ("raised", {"kind": kind, "silent": silent, "position": position}),
        st.sampled_from(AlarmKind),
        st.booleans(),
        st.sampled_from([LJUBLJANA, ELSEWHERE, None]),
    ),
    st.builds(lambda number: ("signalled", {"signal": number}), st.integers(2, 999)),
    st.builds(lambda number: ("cancelled", {"signals": number}), st.integers(0, 3)),
    st.builds(lambda position: ("moved", {"position": position}), st.sampled_from([LJUBLJANA, ELSEWHERE])),
)
MADE = {"raised": AlarmRaised, "signalled": AlarmSignalled, "cancelled": AlarmCancelled, "moved": AlarmMoved}
INCIDENT = new_incident()
UNPROVED = [mark for mark in Mark if weight(mark) == 0]


def folded(told: list[tuple[tuple[str, dict[str, Any]], Mark]]) -> Incident | None:
    incident: Incident | None = None
    for (kind, fields), mark in told:
        message = MADE[kind](id=new_id(), who=Who(unit=UNIT, call_sign=mark), incident=INCIDENT, **fields)
        incident = incidents.told(incident, REALM, UNIT, message, NOW_MS, mark, credible=mark is Mark.VERIFIED)
    return incident


@pytest.mark.promise("P-SIGN-03")
@given(st.lists(st.tuples(messages, st.sampled_from([Mark.VERIFIED, *UNPROVED])), max_size=8))
def test_once_a_car_has_signed_an_incident_only_what_it_signed_is_told_of_it(
    told: list[tuple[tuple[str, dict[str, Any]], Mark]],
) -> None:
    signed = [one for one in told if one[1] is Mark.VERIFIED]
    # A position alone begins no incident, but joins one that something else has begun.
    assume(not signed or signed[0][0][0] != "moved")
    proved = folded(signed)
    every = folded(told)
    if proved is not None:
        assert every is not None
        assert replace(every, doubted=0, presses=(), bare=()) == replace(proved, presses=())
        assert len(every.presses) == len(proved.presses)
    elif any(kind != "moved" for (kind, _), _ in told):
        assert every is not None, "and whatever it is, it is shown"
        assert every.kind is AlarmKind.REAL


@pytest.mark.promise("P-SIGN-03")
def test_a_press_that_is_not_proved_opens_a_cleared_incident_again_and_a_cancellation_does_nothing() -> None:
    incident = folded([(("raised", {}), Mark.VERIFIED)])
    assert incident is not None
    cleared = acts.cleared(incident, "Dispatcher 7", "safe", NOW_MS)
    who = Who(unit=UNIT)
    press = AlarmSignalled(id=new_id(), who=who, incident=INCIDENT, signal=9)
    after = incidents.told(cleared, REALM, UNIT, press, NOW_MS, Mark.WRONG, credible=False)
    assert after is not None
    assert (after.is_open, after.signals, after.doubted) == (True, 1, 1)
    claim = AlarmCancelled(id=new_id(), who=who, incident=INCIDENT)
    after = incidents.told(cleared, REALM, UNIT, claim, NOW_MS, Mark.MISSING, credible=False)
    assert after == replace(cleared, doubted=1)
