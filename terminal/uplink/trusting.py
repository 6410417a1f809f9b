"""Whom this car believes and as whom it signs, as configured, and what its files hold.

Nothing of the cryptography is imported before the files are loaded, which is done in a thread.
"""

import logging
from typing import TYPE_CHECKING, TypeVar

from terminal.contract.credentials import Credentials, tried
from terminal.version import BUILD

if TYPE_CHECKING:
    from terminal.contract.signing import Signer
    from terminal.uplink.believed import Believed

log = logging.getLogger(__name__)

T = TypeVar("T")


class Trusting(Credentials, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom this car believes: certificates of our CA in headquarters' names, which no unit may have."""

    headquarters: tuple[str, ...] = ("HQ-1",)


def loaded(rules: Trusting, unit: str) -> "tuple[Signer | None, Believed | None]":
    """What the files hold; what cannot be used is said, and is None."""

    def signer() -> "Signer | None":
        if rules.certificate is None:
            return None
        from terminal.contract.signing import Signer

        return Signer.at(rules.certificate, rules.key)

    def believed() -> "Believed | None":
        if rules.ca is None:
            return None
        from terminal.contract.signing import Trust
        from terminal.uplink.believed import Believed

        return Believed(Trust.at(rules.ca, rules.revoked), rules.headquarters, BUILD)

    ours = tried(signer, "alarms go unsigned")
    if ours is not None and ours.name != unit:
        log.error("trust: our certificate is that of %r and not of %s; provision this unit again", ours.name, unit)
    return ours, tried(believed, "headquarters cannot be believed, and nothing counts as received")
