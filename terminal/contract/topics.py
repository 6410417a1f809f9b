"""Topics: `patrola/1/{realm}/{up|down}/{unit}/{what}`."""

from enum import StrEnum

from msgspec import Struct

PREFIX = "patrola/1"

MQTT = "mqtt"
"""The bearer for which topics are; the kinds of others stand in terminal/uplink/bearers."""


class Lane(StrEnum):
    """The car's accounts with headquarters, most urgent first; each has its own sequence numbers."""

    ALARM = "alarm"
    EVENT = "event"
    TRACK = "track"


PRESENCE = "presence"
RECEIPT = "receipt"
STATE = "state"
HEARTBEAT = "heartbeat"
CERTIFICATE = "certificate"
PICTURE = "picture"

DOWN = (RECEIPT, STATE, HEARTBEAT, CERTIFICATE, PICTURE)
"""What headquarters says; what a later version says besides is nothing to this one."""


class UpTopic(Struct, frozen=True):
    """Where a message from a car came from, as the broker vouches for it."""

    realm: str
    unit: str
    what: str


def up(realm: str, unit: str, what: str) -> str:
    """Where a car writes."""
    return f"{PREFIX}/{realm}/up/{unit}/{what}"


def down(realm: str, unit: str, what: str) -> str:
    """Where headquarters writes to one car."""
    return f"{PREFIX}/{realm}/down/{unit}/{what}"


def down_all(realm: str, unit: str) -> str:
    """A car's one subscription."""
    return down(realm, unit, "+")


def up_all(realm: str) -> str:
    """Headquarters' one subscription in a realm; `+` stands for every realm."""
    return f"{PREFIX}/{realm}/up/+/+"


def parse_up(topic: str) -> UpTopic | None:
    """Who wrote this; None for a topic that is not of this contract."""
    parts = topic.split("/")
    if len(parts) != 6 or "/".join(parts[:2]) != PREFIX or parts[3] != "up":
        return None
    return UpTopic(realm=parts[2], unit=parts[4], what=parts[5])
