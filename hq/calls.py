"""What a press came from, as its car says it: a button, a timer, the vehicle itself. Pure."""

import hashlib
import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from terminal.contract.messages import AlarmRaised, AlarmSignalled, Trigger, encode

SIGNAL = re.compile(r"[A-Za-z0-9_.]{1,200}")
"""A path of VSS."""

FINGERS = frozenset((Trigger.BUTTON, Trigger.SCREEN, Trigger.UNKNOWN))


def called_by(message: AlarmRaised | AlarmSignalled) -> str:
    """A trigger, or the vehicle's signal where one is named."""
    return signal_of(message) or str(message.trigger)


def signal_of(message: AlarmRaised | AlarmSignalled) -> str:
    """The vehicle's signal, if that is what it names: people read it on a terminal."""
    return message.vehicle_event if SIGNAL.fullmatch(message.vehicle_event) else ""


def digest_of(message: AlarmRaised | AlarmSignalled) -> str:
    """Of all that it says; where its place is in the car's account is no matter."""
    return hashlib.sha256(encode(replace(message, place=None))).hexdigest()[:16]


def in_words(calls: Iterable[str]) -> Iterator[str]:
    """Of these calls those that no finger made."""
    for by in dict.fromkeys(calls):
        if by == Trigger.CHECK_IN:
            yield "nobody answered the check-in"
        elif by == Trigger.VEHICLE:
            yield "the car called by itself"
        elif by not in FINGERS:
            yield f"the car says {by}"
