"""The client's side of TLS, with errors that name the file, and with a time that no dead battery sets back."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h), for which Python has no name."""


class BadCertificate(ValueError):
    """A file of ours that TLS needs cannot be used; the text names it and says what to do."""


def wall() -> datetime:
    """This machine's idea of the time."""
    return datetime.now(UTC)


def _handshaking(now: Callable[[], datetime]) -> type[ssl.SSLSocket]:
    class Handshaking(ssl.SSLSocket):
        """A socket that a failed handshake does not leave open, and that looks itself whether the other has expired.

        Not whether its certificate has begun: a clock that is behind would keep a car from every new one.
        """

        def do_handshake(self, block: bool = False) -> None:
            """As in `ssl`; raises what it raises."""
            try:
                super().do_handshake(block)
                self._check_end()
            except BaseException:
                self.close()
                raise

        def _check_end(self) -> None:
            shown = self.getpeercert() or {}
            if ssl.cert_time_to_seconds(str(shown["notAfter"])) < now().timestamp():
                raise ssl.SSLCertVerificationError(f"certificate has expired: {shown['notAfter']}")

    return Handshaking


def client_tls(
    ca: Path,
    certificate: Path | None = None,
    key: Path | None = None,
    *,
    revoked: Path | None = None,
    now: Callable[[], datetime] = wall,
) -> ssl.SSLContext:
    """What a client believes and shows; the key may stand in the certificate's file. Raises BadCertificate.

    `revoked` is the CA's revocation list, `now` the earliest that it can be.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca))
    except OSError as error:
        raise BadCertificate(f"ca {ca} cannot be used: {error}; provision this unit again") from error
    context.sslsocket_class = _handshaking(now)
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
    if revoked is not None:
        _refuse_revoked(context, revoked)
    if certificate is not None:
        key = key or certificate
        try:
            # Without a password function an encrypted key would ask at the terminal, and wait.
            context.load_cert_chain(str(certificate), str(key), password=lambda: b"")
        except OSError as error:
            problem = f"certificate {certificate} with key {key} cannot be used: {error}"
            raise BadCertificate(f"{problem}; provision this unit again") from error
    return context


def _refuse_revoked(context: ssl.SSLContext, revoked: Path) -> None:
    try:
        context.load_verify_locations(str(revoked))
    except OSError as error:
        raise BadCertificate(f"revoked {revoked} cannot be used: {error}; fetch the CA's list again") from error
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
