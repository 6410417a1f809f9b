"""The client's side of TLS, with errors that name the file."""

import ssl
from pathlib import Path


class BadCertificate(ValueError):
    """A file of ours that TLS needs cannot be used; the text names it and says what to do."""


class Handshaking(ssl.SSLSocket):
    """A socket that a failed handshake does not leave open."""

    def do_handshake(self, block: bool = False) -> None:
        """As in `ssl`; raises what it raises."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def client_tls(ca: Path, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """What a client believes and shows; the key may stand in the certificate's file. Raises BadCertificate."""
    try:
        context = ssl.create_default_context(cafile=str(ca))
    except OSError as error:
        raise BadCertificate(f"ca {ca} cannot be used: {error}; provision this unit again") from error
    context.sslsocket_class = Handshaking
    if certificate is not None:
        key = key or certificate
        try:
            # Without a password function an encrypted key would ask at the terminal, and wait.
            context.load_cert_chain(str(certificate), str(key), password=lambda: b"")
        except OSError as error:
            problem = f"certificate {certificate} with key {key} cannot be used: {error}"
            raise BadCertificate(f"{problem}; provision this unit again") from error
    return context
