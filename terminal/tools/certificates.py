"""`patrola certificates`: a CA for the bench, and certificates of brokers, units and headquarters under it.

A ministry has its own CA; its certificates need the same: the name as the subject's common name, a broker's host as
an alternative name, the uses `clientAuth` or `serverAuth`.
"""

import argparse
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from hal.errors import PatrolaError
from terminal.contract.identity import NAME

CA_DAYS = 3650
LIST_DAYS = 30
"""How long a revocation list is good; a broker believes nobody once its list is older."""
BACKDATED = timedelta(hours=1)
"""A terminal whose clock is a little behind believes a new certificate too."""


class CertificateProblem(PatrolaError, ValueError):
    """A certificate that cannot be made."""


class Authority(Struct, frozen=True):
    """A CA's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def at(cls, folder: Path) -> "Authority":
        """The CA in this folder, made if there is none."""
        certificate, key = folder / "ca.pem", folder / "ca.key"
        if not certificate.exists():
            made = cls.made("Patrola bench CA")
            _write(folder, "ca", made.certificate, made.key)
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey), "this CA was not made here"
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()), loaded)

    @classmethod
    def made(cls, name: str) -> "Authority":
        """A new CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        draft = _draft(name, name, key.public_key(), datetime.now(UTC), timedelta(days=CA_DAYS))
        draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        draft = draft.add_extension(_usage(signs_certificates=True), critical=True)
        return cls(draft.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        folder: Path,
        file: str,
        name: str,
        *,
        days: int,
        begins: datetime | None = None,
        hosts: tuple[str, ...] = (),
    ) -> None:
        """Write `file`.pem and `file`.key for this name: a broker's if it has hosts, else a client's."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        draft = _draft(str(issuer), name, key.public_key(), begins or datetime.now(UTC), timedelta(days=days))
        draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        draft = draft.add_extension(_usage(signs_certificates=False), critical=True)
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        signer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        draft = draft.add_extension(signer, critical=False)
        use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        draft = draft.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if hosts:
            draft = draft.add_extension(x509.SubjectAlternativeName([_host(one) for one in hosts]), critical=False)
        _write(folder, file, draft.sign(self.key, hashes.SHA256()), key)

    def revoke(self, path: Path, *certificates: Path) -> None:
        """Add these certificates to the revocation list at `path`, begun if there is none."""
        now = datetime.now(UTC)
        issuer = self.certificate.subject
        draft = x509.CertificateRevocationListBuilder().issuer_name(issuer).last_update(now)
        draft = draft.next_update(now + timedelta(days=LIST_DAYS))
        for known in x509.load_pem_x509_crl(path.read_bytes()) if path.exists() else ():
            draft = draft.add_revoked_certificate(known)
        for one in certificates:
            serial = x509.load_pem_x509_certificate(one.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            draft = draft.add_revoked_certificate(revoked)
        path.write_bytes(draft.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola certificates`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where they go; a CA that is there already is used")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a unit's or a headquarters receiver's name")
    parser.add_argument("--broker", action="append", default=[], metavar="HOST", help="a name or address of the broker")
    revoke = "revoke NAME.pem: revoked.pem gets it, for brokers, headquarters and cars"
    parser.add_argument("--revoke", action="append", default=[], metavar="NAME", help=revoke)
    parser.add_argument("--days", type=int, default=365, help="how long they are good; default 365")


def run(args: argparse.Namespace) -> int:
    """0 when all were made; CertificateProblem names the first that cannot be."""
    for name in args.names:
        if not NAME.fullmatch(name):
            raise CertificateProblem(name, "is no name that the broker's rules can hold", "use A-Z 0-9 _ -, at most 32")
    args.folder.mkdir(parents=True, exist_ok=True)
    authority = Authority.at(args.folder)
    _revoke(authority, args.folder, args.revoke)
    for name in args.names:
        authority.issue(args.folder, name, name, days=args.days)
    if args.broker:
        authority.issue(args.folder, "broker", args.broker[0], days=args.days, hosts=tuple(args.broker))
    made = [*args.names, *(["broker"] if args.broker else [])]
    print(f"{args.folder}: ca.pem, and NAME.pem with NAME.key for {', '.join(made) or 'nobody yet'}")
    print("for the bench: keep ca.key away from cars and brokers; a service needs the ministry's own CA")
    return 0


def _revoke(authority: Authority, folder: Path, names: Sequence[str]) -> None:
    """Before anybody gets a new certificate, which may be of the same name."""
    certificates = [folder / f"{name}.pem" for name in names]
    for one in certificates:
        if not one.exists():
            raise CertificateProblem(str(one), "is not there", "only what stands in this folder can be revoked")
    if certificates:
        authority.revoke(folder / "revoked.pem", *certificates)


def _draft(
    issuer: str, name: str, key: ec.EllipticCurvePublicKey, begins: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - BACKDATED)
        .not_valid_after(begins + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(folder: Path, file: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    private = folder / f"{file}.key"
    private.touch(mode=0o600)
    private.chmod(0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / f"{file}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
