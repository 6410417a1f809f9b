"""With which files a party signs, and whom it believes; what is not set is that of the first broker that has it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from terminal.contract.mqtt import Broker
from terminal.contract.tls import BadCertificate

log = logging.getLogger(__name__)

T = TypeVar("T")


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ca` holds the certificates of all CAs that issue the parties' certificates, `revoked` their lists."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    revoked: Path | None = None
    accept_unsigned: bool = False

    def filled_in(self, brokers: Sequence[Broker]) -> "Credentials":
        """These, with the brokers' files where there are none of its own; a certificate brings its own key."""
        ca = self.ca or next((one.ca for one in brokers if one.ca is not None), None)
        own: Credentials | Broker | None = self if self.certificate is not None else None
        own = own or next((one for one in brokers if one.certificate is not None), None)
        if own is None:
            return replace(self, ca=ca)
        return replace(self, ca=ca, certificate=own.certificate, key=own.key)

    def stamps(self) -> tuple[tuple[int, int] | None, ...]:
        """When and how big each file was last, so that a new one is noticed."""
        return tuple(_stamp(path) for path in asdict(self).values() if isinstance(path, Path))


def tried(load: Callable[[], T], consequence: str) -> T | None:
    """What it loads; None where a file cannot be used, which is logged with what then does not go: alarms go on."""
    try:
        return load()
    except BadCertificate as error:
        problem = str(error)
    except Exception:
        log.exception("trust: %s", consequence)
        return None
    log.error("trust: %s; %s", problem, consequence)
    return None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
