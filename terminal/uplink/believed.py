"""Headquarters' receivers, as this car believes them: certificates of our CA in the names that it was given."""

from collections.abc import Collection
from datetime import datetime

from terminal.contract.signed import Parted
from terminal.contract.signing import NotTrusted, Party, Standing, Trust

MOST_BELIEVED = 8
"""Receivers, each with an old and a new certificate."""


class Believed:
    """Who may speak for headquarters.

    A certificate counts as expired only if it ended before `since`, which is surely past: a car knows no better, and a
    clock or a receiver that is told a wrong time must not make the crew's alarms seem unheard.
    """

    def __init__(self, trust: Trust, names: Collection[str], since: datetime) -> None:
        self.trust = trust
        self._names = names
        self._since = since
        self._parties: dict[bytes, Party] = {}

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys that are believed."""
        return tuple(self._parties)

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """Their certificates (DER)."""
        return tuple(party.certificate for party in self._parties.values())

    def learn(self, certificate: bytes) -> bool:
        """Believe this certificate from now on; whether it is a new one. Raises NotTrusted."""
        if certificate in self.certificates:
            return False
        party = self.trust.party(certificate)
        if party.name not in self._names:
            raise NotTrusted(f"{party.name!r} is not among the names in [trust] headquarters")
        standing = self.trust.standing(party, self._since)
        if standing is not Standing.GOOD:
            raise NotTrusted(f"it is {standing}")
        newest = [*self._parties.items(), (party.key, party)][-MOST_BELIEVED:]
        self._parties = dict(newest)
        return True

    def doubt(self, context: str, parted: Parted) -> str:
        """Why this is not headquarters' word; "" if it is."""
        if not parted.signature:
            return "it is not signed"
        parties = [party for key, party in self._parties.items() if parted.key in (b"", key)]
        if not parties:
            return "it is signed with a key that is not known yet"
        is_theirs = any(party.signed(context, parted.body, parted.signature) for party in parties)
        return "" if is_theirs else "its signature is wrong"
