"""What fits one TCP segment, so that one packet through a bad line is enough for an alarm. Pure."""

from msgspec.structs import replace

from terminal.contract.messages import AlarmRaised, encode
from terminal.contract.signed import KEY_BYTES, SIGNATURE_BYTES, wrapped

SEGMENT_BYTES = 1400
"""1500 of Ethernet without IPv6 and TCP with its options (72), and a TLS 1.3 record's frame (22)."""

HEAD_BYTES = 92
"""MQTT's head (8) and the longest topic of the alarm lane (84)."""

WRAPPER_BYTES = len(wrapped(b"", bytes(KEY_BYTES), bytes(SIGNATURE_BYTES)))

PLACE_BYTES = 90
"""What its place adds once it is on disk."""

MOST_ALARM_BYTES = SEGMENT_BYTES - HEAD_BYTES - WRAPPER_BYTES - PLACE_BYTES


def fitted(alarm: AlarmRaised) -> AlarmRaised:
    """The alarm with as much of its newest track as fits; it is never refused for its length."""
    while alarm.track and len(encode(alarm)) > MOST_ALARM_BYTES:
        alarm = replace(alarm, track=alarm.track[1:])
    return alarm
