"""Signatures and whom they are believed of: nothing but the very body, in its context, by a key of our CA's."""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from terminal.contract.messages import Malformed
from terminal.contract.signed import CAPSULE, KEY_BYTES, SIGNATURE_BYTES, Signed, parted, signing_input, wrapped
from terminal.contract.signing import NotTrusted, Party, Signer, Standing, Trust
from terminal.contract.tls import BadCertificate
from terminal.tools.certificates import Authority, _draft

NOW = datetime.now(UTC)
TOPIC = "patrola/1/LJ/up/LJ-101/alarm"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ca")
    authority = Authority.at(made)
    for name in ("LJ-101", "LJ-102"):
        authority.issue(made, name, name, days=1)
    authority.issue(made, "broker", "127.0.0.1", days=1, hosts=("127.0.0.1",))
    return made


@pytest.fixture(scope="module")
def signer(folder: Path) -> Signer:
    return Signer.at(folder / "LJ-101.pem", folder / "LJ-101.key")


@pytest.fixture(scope="module")
def party(folder: Path, signer: Signer) -> Party:
    return Trust.at(folder / "ca.pem").party(signer.certificate)


def der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(serialization.Encoding.DER)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\n")), st.binary(max_size=2000))
def test_whatever_is_signed_is_known_again(signer: Signer, party: Party, context: str, body: bytes) -> None:
    signature = signer.sign(context, body)
    assert len(signature) == SIGNATURE_BYTES
    assert party.signed(context, body, signature)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_single_bit_that_differs_is_noticed(signer: Signer, party: Party, body: bytes, data: st.DataObject) -> None:
    def flipped(value: bytes) -> bytes:
        bit = data.draw(st.integers(0, len(value) * 8 - 1))
        return bytes(one ^ (1 << bit % 8 if place == bit // 8 else 0) for place, one in enumerate(value))

    signature = signer.sign(TOPIC, body)
    assert not party.signed(TOPIC, flipped(body), signature)
    assert not party.signed(TOPIC, body, flipped(signature))
    assert not party.signed(flipped(TOPIC.encode()).decode("latin1"), body, signature)


def test_who_says_the_same_again_signs_anew(signer: Signer) -> None:
    """By this headquarters tells a car that repeats from somebody who plays what was recorded."""
    assert len({signer.sign(CAPSULE, b"help")[: SIGNATURE_BYTES // 2] for _ in range(3)}) == 3


def test_a_signature_is_of_its_context_only(signer: Signer, party: Party) -> None:
    signature = signer.sign(TOPIC, b"{}")
    for other in ("patrola/1/LJ/up/LJ-102/alarm", "patrola/1/LJ/down/LJ-101/receipt", CAPSULE, ""):
        assert not party.signed(other, b"{}", signature)


@given(st.binary(max_size=80))
def test_what_is_no_signature_is_none(party: Party, noise: bytes) -> None:
    assert not party.signed(TOPIC, b"{}", noise)


def test_another_tool_makes_and_reads_these_signatures(folder: Path, tmp_path: Path, signer: Signer) -> None:
    """OpenSSL's own, over the same bytes, once r and s are in the form that it wants."""
    made = signer.sign(TOPIC, b'{"a":1}')
    (tmp_path / "input").write_bytes(TOPIC.encode() + b'\n{"a":1}')
    (tmp_path / "signature").write_bytes(
        encode_dss_signature(int.from_bytes(made[:32], "big"), int.from_bytes(made[32:], "big"))
    )
    public = ["openssl", "x509", "-in", str(folder / "LJ-101.pem"), "-pubkey", "-noout"]
    (tmp_path / "public").write_bytes(subprocess.run(public, check=True, capture_output=True, timeout=30).stdout)
    check = ["openssl", "dgst", "-sha256", "-verify", "public", "-signature", "signature", "input"]
    assert b"Verified OK" in subprocess.run(check, cwd=tmp_path, capture_output=True, timeout=30).stdout


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(st.text(), values, max_size=5)


@given(objects, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.binary(min_size=64, max_size=64))
def test_a_wrapper_gives_back_byte_for_byte_what_was_put_in(content: object, key: bytes, signature: bytes) -> None:
    body = json.encode(content)
    found = parted(wrapped(body, key, signature))
    assert (found.body, found.key, found.signature) == (body, key, signature)


@given(objects.filter(lambda content: "body" not in content))
def test_a_bare_message_is_its_own_body(content: dict[str, object]) -> None:
    payload = json.encode({"type": "x"} | content | {"key": "x", "signature": "x"})
    found = parted(payload)
    assert (found.body, found.key, found.signature) == (payload, b"", b"")


@given(st.binary(max_size=200) | objects.map(json.encode))
def test_a_payload_is_in_parts_or_malformed(payload: bytes) -> None:
    try:
        found = parted(payload)
    except Malformed:
        return
    assert len(found.signature) in (0, SIGNATURE_BYTES)
    assert len(found.key) in (0, KEY_BYTES)


def test_a_wrapper_with_a_key_or_signature_that_cannot_be_read_is_not_bare() -> None:
    for bad in ({"key": "", "signature": ""}, {"key": "B" * 11, "signature": "B" * 86}, {"signature": ""}):
        found = parted(json.encode({"body": {}} | bad))
        assert (found.body, found.key, found.signature) == (b"{}", bytes(KEY_BYTES), bytes(SIGNATURE_BYTES))


def test_the_wrapper_is_what_the_contract_says(signer: Signer) -> None:
    payload = signer.wrapped(TOPIC, b'{"a":1}')
    assert payload.startswith(b'{"body":{"a":1},"key":"')
    assert len(payload) - len(b'{"a":1}') <= 130
    assert bytes(json.decode(payload, type=Signed).body) == b'{"a":1}'
    assert signing_input(TOPIC, b"{}") == b"patrola/1/LJ/up/LJ-101/alarm\n{}"


def test_a_certificate_of_our_ca_speaks_for_its_name(party: Party, signer: Signer) -> None:
    assert (party.name, party.key, signer.name) == ("LJ-101", signer.key, "LJ-101")


def issued(folder: Path, change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder]) -> bytes:
    authority = Authority.at(folder)
    draft = _draft(
        "Patrola bench CA", "LJ-101", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW, timedelta(1)
    )
    return change(draft).sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_what_our_ca_did_not_sign_is_not_believed(folder: Path, tmp_path: Path) -> None:
    Authority.at(tmp_path).issue(tmp_path, "LJ-101", "LJ-101", days=1)
    with pytest.raises(NotTrusted, match="not signed by our CA"):
        Trust.at(folder / "ca.pem").party(der(tmp_path / "LJ-101.pem"))


def test_what_a_car_signed_is_no_certificate(folder: Path, signer: Signer) -> None:
    """A car's key makes a certificate for headquarters' name: its own is no CA's."""
    key = serialization.load_pem_private_key((folder / "LJ-101.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    draft = _draft("LJ-101", "HQ-1", key.public_key(), NOW, timedelta(1))
    forged = draft.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    both = folder / "both.pem"
    both.write_bytes((folder / "ca.pem").read_bytes() + (folder / "LJ-101.pem").read_bytes())
    for trusted in (folder / "ca.pem", both):
        with pytest.raises(NotTrusted, match="not signed by our CA"):
            Trust.at(trusted).party(forged)


def test_a_brokers_or_a_cas_certificate_signs_no_message(folder: Path) -> None:
    trust = Trust.at(folder / "ca.pem")
    for file in ("broker.pem", "ca.pem"):
        with pytest.raises(NotTrusted, match="not that of a client"):
            trust.party(der(folder / file))


def test_a_certificate_whose_key_is_of_another_kind_is_not_believed(folder: Path) -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    made = issued(folder, lambda draft: _with_key(draft, other))
    with pytest.raises(NotTrusted, match="P-256"):
        Trust.at(folder / "ca.pem").party(made)


def _with_key(draft: x509.CertificateBuilder, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    draft._public_key = key
    return draft


@given(st.binary(max_size=100))
def test_noise_is_no_certificate(folder: Path, noise: bytes) -> None:
    with pytest.raises(NotTrusted):
        Trust.at(folder / "ca.pem").party(noise)


def test_a_certificate_cut_or_changed_anywhere_speaks_for_nobody_else(folder: Path, party: Party) -> None:
    """A bit of padding may differ without changing what it says."""
    trust, whole = Trust.at(folder / "ca.pem"), party.certificate
    for place in range(0, len(whole), 3):
        for bad in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            with suppress(NotTrusted):
                assert replace(trust.party(bad), certificate=whole) == party


def test_it_stands_until_it_ends(folder: Path, party: Party) -> None:
    trust = Trust.at(folder / "ca.pem")
    assert trust.standing(party, NOW) is Standing.GOOD
    assert trust.standing(party, NOW + timedelta(days=2)) is Standing.EXPIRED


def test_until_it_is_revoked(folder: Path, tmp_path: Path, party: Party) -> None:
    authority = Authority.at(folder)
    list_of = tmp_path / "revoked.pem"
    other = Trust.at(folder / "ca.pem").party(der(folder / "LJ-102.pem"))
    authority.revoke(list_of, folder / "LJ-102.pem")
    trust = Trust.at(folder / "ca.pem", list_of)
    assert [trust.standing(one, NOW) for one in (party, other)] == [Standing.GOOD, Standing.REVOKED]
    authority.revoke(list_of, folder / "LJ-101.pem")
    trust = Trust.at(folder / "ca.pem", list_of)
    assert [trust.standing(one, NOW) for one in (party, other)] == [Standing.REVOKED, Standing.REVOKED]


def test_a_list_of_another_ca_revokes_nothing(folder: Path, tmp_path: Path) -> None:
    stranger = Authority.at(tmp_path)
    stranger.revoke(tmp_path / "revoked.pem", folder / "LJ-101.pem")
    with pytest.raises(BadCertificate, match="not signed by our CA"):
        Trust.at(folder / "ca.pem", tmp_path / "revoked.pem")


@pytest.mark.parametrize("content", [None, b"", b"nothing", b"-----END X509 CRL-----"])
def test_files_that_cannot_be_used_are_named(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    bad = tmp_path / "bad.pem"
    if content is not None:
        bad.write_bytes(content)
    for use in (
        lambda: Trust.at(bad),
        lambda: Trust.at(folder / "ca.pem", bad),
        lambda: Signer.at(bad),
        lambda: Signer.at(folder / "LJ-101.pem", bad),
        lambda: Signer.at(folder / "LJ-101.pem", folder / "LJ-102.key"),
        lambda: Trust.at(folder / "LJ-101.pem"),
    ):
        with pytest.raises(BadCertificate):
            use()
