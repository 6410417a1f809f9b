"""What a signature says of the message that it came with. Pure."""

from enum import StrEnum

from msgspec import Struct

from terminal.contract.signed import parted
from terminal.contract.topics import UpTopic


class Mark(StrEnum):
    """How a message's signature was found; `unchecked` where headquarters has no CA to check it with."""

    VERIFIED = "verified"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN_KEY = "unknown-key"
    WRONG = "wrong"
    MISSING = "missing"
    UNCHECKED = "unchecked"


WEIGHTS = {Mark.VERIFIED: 2, Mark.EXPIRED: 1}


class Weighed(Struct, frozen=True):
    """A message's body and its mark; one that is not `credible` is kept and shown, and believed in nothing else.

    Of a unit that is known to sign only what is signed with its key is credible. Of one that is not, everything is.
    """

    body: bytes
    mark: Mark = Mark.UNCHECKED
    credible: bool = True


def weight(mark: Mark) -> int:
    """How much more one mark proves than another: a message may change only what no heavier one has told."""
    return WEIGHTS.get(mark, 0)


def unweighed(_place: UpTopic, payload: bytes) -> Weighed:
    """A message that nobody checks; raises Malformed."""
    return Weighed(parted(payload).body)
