"""Signs with the key of a certificate, and says whose certificate to believe. Importing it takes a while.

ECDSA on P-256 with SHA-256, 64 bytes (RFC 7518, section 3.4). Nothing here looks at a clock: who has a time that can
be trusted gives it.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from terminal.contract.signed import KEY_BYTES, SIGNATURE_BYTES, signing_input, wrapped
from terminal.contract.tls import BadCertificate

ALGORITHM = ec.ECDSA(hashes.SHA256())
SOUND_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
PEM_END = b"-----END X509 CRL-----"
HALF = SIGNATURE_BYTES // 2

E = TypeVar("E", bound=x509.ExtensionType)


class NotTrusted(ValueError):
    """A certificate that is not believed; the text says why."""


class Standing(StrEnum):
    """How a certificate that our CA signed stands now."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Party(Struct, frozen=True):
    """Who a certificate of our CA speaks for, and the key to check it with."""

    name: str
    key: bytes
    certificate: bytes
    public: ec.EllipticCurvePublicKey
    issuer: bytes
    serial: int
    ends: datetime

    def signed(self, context: str, body: bytes, signature: bytes) -> bool:
        """Whether this party signed this body for this context."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        r, s = int.from_bytes(signature[:HALF]), int.from_bytes(signature[HALF:])
        try:
            self.public.verify(encode_dss_signature(r, s), signing_input(context, body), ALGORITHM)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """One certificate and its key; `certificate` is what others check our signatures with (DER)."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._private = key
        self.name = common_name(certificate)
        self.ends = certificate.not_valid_after_utc
        self.key = key_id(key.public_key())
        self.certificate = certificate.public_bytes(serialization.Encoding.DER)

    @classmethod
    def at(cls, certificate: Path, key: Path | None = None) -> "Signer":
        """From PEM files; the key may stand in the certificate's. Raises BadCertificate."""
        loaded = _certificates(certificate)[0]
        private = _private_key(key or certificate)
        if private.public_key() != loaded.public_key():
            raise BadCertificate(f"key {key or certificate} is not that of {certificate}; provision this unit again")
        return cls(loaded, private)

    def sign(self, context: str, body: bytes) -> bytes:
        """The signature of this body in this context: r and s, 64 bytes."""
        r, s = decode_dss_signature(self._private.sign(signing_input(context, body), ALGORITHM))
        return r.to_bytes(HALF) + s.to_bytes(HALF)

    def wrapped(self, context: str, body: bytes) -> bytes:
        """The payload of this JSON body, signed."""
        return wrapped(body, self.key, self.sign(context, body))


class Trust:
    """The CA's certificates (roots and what issues below them), and what they have revoked."""

    def __init__(self, issuers: list[x509.Certificate], lists: list[x509.CertificateRevocationList]) -> None:
        self._issuers = issuers
        self._revoked = {(one.issuer.public_bytes(), entry.serial_number) for one in lists for entry in one}
        ends = [one.next_update_utc for one in lists if one.next_update_utc is not None]
        self.lists_end = min(ends, default=None)
        """From when on a list is out of date; it counts all the same."""
        self.revoked_count = len(self._revoked)

    @classmethod
    def at(cls, ca: Path, revoked: Path | None = None) -> "Trust":
        """From a PEM file of CA certificates and a file of their revocation lists; raises BadCertificate."""
        issuers = [one for one in _certificates(ca) if _may_issue(one)]
        if not issuers:
            raise BadCertificate(f"ca {ca} holds no certificate of a CA; provision this unit again")
        return cls(issuers, [] if revoked is None else _lists_at(revoked, issuers))

    def party(self, certificate: bytes) -> Party:
        """Whom this certificate (DER) speaks for, whatever the date; raises NotTrusted."""
        try:
            loaded = x509.load_der_x509_certificate(certificate)
            self._check(loaded)
            public = loaded.public_key()
        except NotTrusted:
            raise
        except Exception as error:
            raise NotTrusted(f"it cannot be read: {error!r}") from error
        if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != ec.SECP256R1.name:
            raise NotTrusted("its key is not on P-256")
        issuer, ends = loaded.issuer.public_bytes(), loaded.not_valid_after_utc
        name = common_name(loaded)
        return Party(name, key_id(public), certificate, public, issuer, loaded.serial_number, ends)

    def _check(self, certificate: x509.Certificate) -> None:
        if not any(_issued(certificate, issuer) for issuer in self._issuers):
            raise NotTrusted("it is not signed by our CA")
        if not _may_sign(certificate):
            raise NotTrusted("it is not that of a client that signs")

    def standing(self, party: Party, now: datetime) -> Standing:
        """How its certificate stands, if it is not earlier than `now`; that one is not valid yet is no matter here."""
        if (party.issuer, party.serial) in self._revoked:
            return Standing.REVOKED
        return Standing.EXPIRED if party.ends < now else Standing.GOOD


def key_id(public: ec.EllipticCurvePublicKey) -> bytes:
    """What a signature names its key by: 8 bytes."""
    info = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).digest()[:KEY_BYTES]


def common_name(certificate: x509.Certificate) -> str:
    """Whom the certificate names; "" unless it is one name."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadCertificate(f"certificate {path} cannot be used: {error}; provision this unit again") from error


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadCertificate(f"key {path} cannot be used: {error}; provision this unit again") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != ec.SECP256R1.name:
        raise BadCertificate(f"key {path} is not on P-256, and cannot sign; provision this unit again")
    return key


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if not isinstance(certificate.signature_hash_algorithm, SOUND_HASHES):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def _may_sign(certificate: x509.Certificate) -> bool:
    """A client's certificate: neither a CA's nor a broker's."""
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    uses = _extension(certificate, x509.ExtendedKeyUsage)
    is_ca = constraints is not None and constraints.ca
    signs = usage is None or usage.digital_signature
    return not is_ca and signs and (uses is None or ExtendedKeyUsageOID.CLIENT_AUTH in uses)


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _lists_at(path: Path, issuers: list[x509.Certificate]) -> list[x509.CertificateRevocationList]:
    try:
        lists = list(_lists(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise BadCertificate(f"revocation list {path} cannot be used: {error}; fetch it again") from error
    for one in lists:
        if not any(_listed_by(one, issuer) for issuer in issuers):
            raise BadCertificate(f"revocation list {path} is not signed by our CA; fetch it again")
    return lists


def _lists(content: bytes) -> Iterator[x509.CertificateRevocationList]:
    """One list in DER, or one or more in PEM."""
    if PEM_END not in content:
        yield x509.load_der_x509_crl(content)
        return
    for part in content.split(PEM_END)[:-1]:
        yield x509.load_pem_x509_crl(part + PEM_END)


def _listed_by(revoked: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    return revoked.issuer == issuer.subject and revoked.is_signature_valid(key)  # type: ignore[arg-type]
