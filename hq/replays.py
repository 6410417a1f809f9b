"""Which capsules were taken and answered: one that comes again with the very same signature only repeats that. Pure.

A car signs anew each time that it writes, also when it has nothing else to say, and no two such signatures are alike.
So one that is known is played by somebody who has no key, or was delivered twice by a network.
"""

import hashlib

from hq.incidents import Key
from terminal.contract.signed import SIGNATURE_BYTES

MOST_KNOWN = 10_000
"""The newest, about 150 bytes each; one that is forgotten counts as the car's repeat."""


class Replays:
    """The incident of each; a restart forgets them all."""

    def __init__(self) -> None:
        self._incidents: dict[bytes, Key] = {}

    def incident_of(self, capsule: bytes) -> Key | None:
        """The incident of which this is a replay; None for what is none."""
        return self._incidents.get(_name(capsule))

    def put(self, capsule: bytes, incident: Key) -> None:
        """This one is taken and answered."""
        self._incidents[_name(capsule)] = incident
        if len(self._incidents) > MOST_KNOWN:
            del self._incidents[next(iter(self._incidents))]

    def drop(self, capsule: bytes) -> None:
        """This one has not been answered after all."""
        self._incidents.pop(_name(capsule), None)


def _name(capsule: bytes) -> bytes:
    # Of a signature (r, s) anyone can make its twin (r, -s), which is as good: only r is its own.
    return hashlib.sha256(capsule[: -SIGNATURE_BYTES // 2]).digest()
