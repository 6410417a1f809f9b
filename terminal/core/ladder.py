"""The alarm's ladder: one table of (phase, cause). Pure.

    pressed -> stored -> sent -> received -> acknowledged -> cleared

Stored and sent are facts beside the phases: each may come late, or never, without holding the others back.
"""

from enum import StrEnum


class Phase(StrEnum):
    """How far one incident has come at headquarters, as proved in the car."""

    IDLE = "idle"
    RAISED = "raised"
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


class Cause(StrEnum):
    """What can happen to an incident."""

    RAISE = "raise"
    RECEIPT = "receipt"
    ACKNOWLEDGEMENT = "acknowledgement"
    CLEARANCE = "clearance"
    CANCELLATION = "cancellation"
    WITHDRAWAL = "withdrawal"


TABLE: dict[tuple[Phase, Cause], Phase] = {
    (Phase.IDLE, Cause.RAISE): Phase.RAISED,
    (Phase.IDLE, Cause.RECEIPT): Phase.IDLE,
    (Phase.IDLE, Cause.ACKNOWLEDGEMENT): Phase.IDLE,
    (Phase.IDLE, Cause.CLEARANCE): Phase.IDLE,
    (Phase.IDLE, Cause.CANCELLATION): Phase.IDLE,
    (Phase.IDLE, Cause.WITHDRAWAL): Phase.IDLE,
    (Phase.RAISED, Cause.RAISE): Phase.RAISED,
    (Phase.RAISED, Cause.RECEIPT): Phase.RECEIVED,
    (Phase.RAISED, Cause.ACKNOWLEDGEMENT): Phase.ACKNOWLEDGED,
    (Phase.RAISED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.RAISED, Cause.CANCELLATION): Phase.RAISED,
    (Phase.RAISED, Cause.WITHDRAWAL): Phase.RAISED,
    (Phase.RECEIVED, Cause.RAISE): Phase.RECEIVED,
    (Phase.RECEIVED, Cause.RECEIPT): Phase.RECEIVED,
    (Phase.RECEIVED, Cause.ACKNOWLEDGEMENT): Phase.ACKNOWLEDGED,
    (Phase.RECEIVED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.RECEIVED, Cause.CANCELLATION): Phase.RECEIVED,
    (Phase.RECEIVED, Cause.WITHDRAWAL): Phase.RECEIVED,
    (Phase.ACKNOWLEDGED, Cause.RAISE): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.RECEIPT): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.ACKNOWLEDGEMENT): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.ACKNOWLEDGED, Cause.CANCELLATION): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.WITHDRAWAL): Phase.RECEIVED,
    (Phase.CLEARED, Cause.RAISE): Phase.RAISED,
    (Phase.CLEARED, Cause.RECEIPT): Phase.CLEARED,
    (Phase.CLEARED, Cause.ACKNOWLEDGEMENT): Phase.CLEARED,
    (Phase.CLEARED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.CLEARED, Cause.CANCELLATION): Phase.CLEARED,
    (Phase.CLEARED, Cause.WITHDRAWAL): Phase.RECEIVED,
}
"""A second press goes to the open incident; after clearance a press is a new incident, so CLEARED starts afresh.
A press that comes to headquarters after the clearance opens the incident again, and nobody has it: the withdrawal."""
