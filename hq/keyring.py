"""Headquarters' own key, the certificates of its units, and what a signature of theirs is worth."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from hq.marks import Mark, Weighed
from hq.units import Key
from terminal.contract import topics
from terminal.contract.credentials import Credentials, tried
from terminal.contract.signed import CAPSULE, SIGNATURE_BYTES, Parted, in_text, parted
from terminal.contract.signing import NotTrusted, Party, Signer, Standing, Trust
from terminal.contract.topics import UpTopic

log = logging.getLogger(__name__)

T = TypeVar("T")

END_IS_NEAR = timedelta(days=30)
MOST_OF_A_UNIT = 4
"""Certificates that are known of one unit; what it signed with an older one may still be under way."""


class Keyring:
    """Checks against headquarters' own clock, which is kept right.

    A file of ours that cannot be used is said so on the log, and holds no alarm back.
    """

    def __init__(self, rules: Credentials, known: Iterable[tuple[Key, bytes]] = ()) -> None:
        self._rules = rules
        self._stamps = rules.stamps()
        self._units: dict[Key, dict[bytes, Party]] = {}
        self._signer: Signer | None = None
        self._trust: Trust | None = None
        self._load()
        for unit, certificate in known:
            try:
                self.learn(unit, certificate)
            except NotTrusted as error:
                log.warning("%s: its certificate of old is not believed any more: %s", unit[1], error)

    def _load(self) -> None:
        rules = self._rules
        if rules.certificate is not None:
            certificate = rules.certificate
            self._signer = tried(lambda: Signer.at(certificate, rules.key), "cars get no signature") or self._signer
            self._look_at_its_end(certificate)
        if rules.ca is not None:
            ca = rules.ca
            trust = tried(lambda: Trust.at(ca, rules.revoked), "what was read before counts on")
            if trust is None and self._trust is None:
                trust = tried(lambda: Trust.at(ca), "no signature can be checked")
            self._trust = trust or self._trust

    def _look_at_its_end(self, path: Path) -> None:
        if self._signer is not None and self._signer.ends - datetime.now(UTC) < END_IS_NEAR:
            log.warning("trust: our certificate %s ends on %s; renew it", path, f"{self._signer.ends:%Y-%m-%d}")

    def look_again(self) -> None:
        """Read the files again if they are others now: a revocation list counts from the next message on."""
        stamps = self._rules.stamps()
        if stamps != self._stamps:
            self._stamps = stamps
            self._load()

    @property
    def key(self) -> str:
        """What our signatures are known by; "" if we make none."""
        return "" if self._signer is None else in_text(self._signer.key)

    @property
    def certificate(self) -> bytes:
        """Our own (DER); empty if we do not sign."""
        return b"" if self._signer is None else self._signer.certificate

    def signed(self, topic: str, body: bytes) -> bytes:
        """The payload of this body, signed if we can."""
        return body if self._signer is None else self._signer.wrapped(topic, body)

    def capsule_signature(self, body: bytes) -> bytes:
        """Our signature of what goes beside the brokers; zeros if we make none."""
        return bytes(SIGNATURE_BYTES) if self._signer is None else self._signer.sign(CAPSULE, body)

    def learn(self, unit: Key, certificate: bytes) -> bool:
        """Check what this unit signs with this certificate too; whether it is news. Raises NotTrusted."""
        if self._trust is None:
            return False
        known = self._units.get(unit, {})
        if any(party.certificate == certificate for party in list(known.values())[-1:]):
            return False
        party = self._trust.party(certificate)
        if party.name != unit[1]:
            raise NotTrusted(f"it is that of {party.name!r}")
        others = [(key, other) for key, other in known.items() if key != party.key]
        self._units[unit] = dict([*others, (party.key, party)][-MOST_OF_A_UNIT:])
        return party.key not in known

    def certificates_of(self, unit: Key) -> tuple[bytes, ...]:
        """The certificates (DER) that are known of this unit, oldest first."""
        return tuple(party.certificate for party in self._units.get(unit, {}).values())

    def knows(self, unit: Key) -> str:
        """The key that this unit showed last; "" for none."""
        return in_text(next(reversed(self._units.get(unit, {})), b""))

    def weigh(self, place: UpTopic, payload: bytes) -> Weighed:
        """What a message on the alarm lane is worth; raises Malformed."""
        topic = topics.up(place.realm, place.unit, place.what)
        return self.weigh_parts((place.realm, place.unit), topic, parted(payload))

    def weigh_parts(self, unit: Key, context: str, parts: Parted) -> Weighed:
        """The same for what came by another way, in this context."""
        if self._trust is None:
            return Weighed(parts.body)
        mark = self._mark(unit, context, parts, self._trust)
        credible = mark in (Mark.VERIFIED, Mark.EXPIRED) or (mark is Mark.MISSING and self._may_be_bare(unit))
        return Weighed(parts.body, mark, credible)

    def _mark(self, unit: Key, context: str, parts: Parted, trust: Trust) -> Mark:
        if not parts.signature:
            return Mark.MISSING
        known = self._units.get(unit, {})
        parties = [party for key, party in known.items() if parts.key in (b"", key)]
        if not parties:
            return Mark.UNKNOWN_KEY
        party = next((one for one in parties if one.signed(context, parts.body, parts.signature)), None)
        if party is None:
            return Mark.WRONG
        standing = trust.standing(party, datetime.now(UTC))
        return {Standing.GOOD: Mark.VERIFIED, Standing.EXPIRED: Mark.EXPIRED, Standing.REVOKED: Mark.REVOKED}[standing]

    def _may_be_bare(self, unit: Key) -> bool:
        """Whether this unit need not sign: it never did, or with what has expired since."""
        now = datetime.now(UTC)
        return self._rules.accept_unsigned and all(one.ends < now for one in self._units.get(unit, {}).values())
