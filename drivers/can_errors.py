"""CAN error frames as words; pure. Source: linux/can/error.h of the Linux kernel."""

ERROR = 0x20000000
"""The flag that makes a frame an error frame; the rest of its id says which kinds of error it reports."""
BUS_OFF = 0x40
CONTROLLER = 0x04

KINDS = {
    0x01: "transmit time-out",
    0x02: "lost arbitration",
    0x08: "protocol violation (bit rate or wiring)",
    0x10: "transceiver fault (wiring)",
    0x20: "no acknowledgement",
    BUS_OFF: "bus-off",
    0x80: "bus error",
    0x100: "controller restarted",
}
CONTROLLER_KINDS = {
    0x01: "controller's receive buffer full",
    0x02: "controller's transmit buffer full",
    0x04: "many receive errors (warning level)",
    0x08: "many transmit errors (warning level)",
    0x10: "error-passive by receive errors",
    0x20: "error-passive by transmit errors",
    0x40: "recovered to error-active",
}
CONTROLLER_BYTE = 1


def is_bus_off(key: int) -> bool:
    """Whether this frame says that the controller has left the bus."""
    return bool(key & ERROR and key & BUS_OFF)


def describe(key: int, data: bytes) -> str:
    """What an error frame reports, such as `bus error, protocol violation (bit rate or wiring)`."""
    kinds = [text for bit, text in KINDS.items() if key & bit]
    if key & CONTROLLER and len(data) > CONTROLLER_BYTE:
        kinds += [text for bit, text in CONTROLLER_KINDS.items() if data[CONTROLLER_BYTE] & bit]
    return f"error frame: {', '.join(kinds) or 'unspecified'}"
