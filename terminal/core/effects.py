"""What a step wants done; nothing here answers, what comes of it comes back as an input."""

from msgspec import Struct

from hal.readings import Press
from terminal.contract.capsule import Told
from terminal.contract.messages import AlarmMoved, Event, Point, Stored


class StoreAlarm(Struct, frozen=True):
    """Put it on disk, in one transaction with the emergency's state, and tell the board when it is there."""

    message: Stored


class SendAlarm(Struct, frozen=True):
    """Send it now, ahead of everything, stored or not."""

    message: Stored


class SendMoved(Struct, frozen=True):
    """Where the car with the open alarm is; only the latest counts."""

    message: AlarmMoved


class CarryAlarm(Struct, frozen=True):
    """Send it over this bearer too, beside the brokers."""

    bearer: str
    message: Told


class SaveEmergency(Struct, frozen=True):
    """Put the emergency's state on disk, without a message."""


class SaveZones(Struct, frozen=True):
    """Put what was learnt of dead zones on disk with the next events."""


class StoreEvent(Struct, frozen=True):
    """Put an event on disk; it is sent once it is there."""

    message: Event


class SaveWork(Struct, frozen=True):
    """Put the crew's work on disk, together with the events that are stored now."""


class RecordPoint(Struct, frozen=True):
    """Put a track point (its `seq` still 0) on disk with the next batch."""

    point: Point


class ConfirmPress(Struct, frozen=True):
    """Tell this board that its press is on disk."""

    source: str
    press: Press


class ShowRung(Struct, frozen=True):
    """Show on every button's lamp how far the alarm has come."""

    rung: str


class Note(Struct, frozen=True):
    """One line of the journal; no personal data."""

    event: str
    fields: dict[str, object] = {}


class CheckPin(Struct, frozen=True):
    """Whether this is the technician's PIN; it takes its time, beside the loop."""

    pin: str


class MeasureDisk(Struct, frozen=True):
    """How long the disk takes for a small sync."""


class TestBoards(Struct, frozen=True):
    """Let every board that can test itself do so."""


ToTry = CheckPin | MeasureDisk | TestBoards
"""What the technician's self-test wants."""

ToStore = StoreEvent | SaveWork | SaveZones | RecordPoint
"""What goes to the disk by and by, in its order."""

Effect = (
    StoreAlarm
    | SendAlarm
    | SendMoved
    | CarryAlarm
    | SaveEmergency
    | SaveZones
    | StoreEvent
    | SaveWork
    | RecordPoint
    | ConfirmPress
    | ShowRung
    | Note
    | CheckPin
    | MeasureDisk
    | TestBoards
)
