"""What comes into the loop besides readings: time, people, and what became of what was sent or stored."""

from msgspec import Struct

from hal.readings import AnyReading
from terminal.asked import Command
from terminal.contract.capsule import AnswerCapsule, ReceiptCapsule
from terminal.contract.dead_zones import DeadZones
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import DesiredState, Heartbeat, Place
from terminal.contract.messages import Stored as Message
from terminal.contract.topics import MQTT
from terminal.contract.work import Picture
from terminal.core.emergency import Emergency
from terminal.core.work import Work
from terminal.core.workshop import BoardTest


class Tick(Struct, frozen=True):
    """Time passed."""


class Commanded(Struct, frozen=True):
    """Someone in the car tapped."""

    command: Command


class Stored(Struct, frozen=True):
    """These messages are on disk, at these places."""

    places: dict[str, Place]


class StoreFailed(Struct, frozen=True):
    """These messages could not be put on disk."""

    ids: tuple[str, ...]
    problem: str


class TimerSaved(Struct, frozen=True):
    """The check-in timer that would raise this incident is on disk; "" when none runs there."""

    incident: str


class Restored(Struct, frozen=True):
    """What the last run left on disk: its emergency, duty status and work, where there was a run before.

    `owed` are the alarm messages there that have no receipt.
    """

    emergency: Emergency | None
    duty: str | None
    work: Work | None = None
    zones: DeadZones = DeadZones()
    owed: tuple[Message, ...] = ()


class OutboxRepaired(Struct, frozen=True):
    """The outbox was damaged, and a new one was begun; the text says where the old one is. It may be told twice."""

    problem: str


class Published(Struct, frozen=True):
    """The bearer's network took these messages (a broker's PUBACK, for one); that is all it says."""

    ids: tuple[str, ...]
    bearer: str = MQTT


class Received(Struct, frozen=True):
    """Headquarters has these messages on its disk, as its receipt over this bearer says.

    `epoch` names that store, where the bearer says which. `recalled`: the receipt is from an earlier run, and nobody
    knows when it came.
    """

    ids: tuple[str, ...]
    bearer: str = MQTT
    epoch: str = ""
    recalled: bool = False


class Unreceipted(Struct, frozen=True):
    """Headquarters has another store: these alarm messages, which are on disk, have no receipt of it.

    `events` are the ids of the events that are sent to it too, all that the outbox still has.
    """

    messages: tuple[Message, ...]
    events: frozenset[str] = frozenset()


class CapsuleReceipted(Struct, frozen=True):
    """Headquarters' receipt came over a bearer: it has one message on its disk, and may name who took the alarm."""

    bearer: str
    receipt: ReceiptCapsule


class CapsuleAnswered(Struct, frozen=True):
    """Over a bearer headquarters says that a person has taken or ended an alarm."""

    bearer: str
    answer: AnswerCapsule


class CarryFailed(Struct, frozen=True):
    """A bearer could not send a message of this incident; `spent` if it may have cost what one costs all the same."""

    bearer: str
    incident: str
    problem: str
    spent: bool


class StateDesired(Struct, frozen=True):
    """Headquarters says what should be."""

    state: DesiredState


class HeartbeatHeard(Struct, frozen=True):
    """Headquarters is there."""

    heartbeat: Heartbeat


class PictureSeen(Struct, frozen=True):
    """Headquarters says who is near and who needs help."""

    picture: Picture


class LineChanged(Struct, frozen=True):
    """The connection to a broker came, under this incarnation, or went, which proves so much of where it broke."""

    connected: bool
    broker: str = ""
    problem: str = ""
    proof: Proof = Proof.NOTHING
    incarnation: str = ""


class PublishRefused(Struct, frozen=True):
    """The broker said that it did not deliver; the text is its reason."""

    problem: str


class Doubted(Struct, frozen=True):
    """Why what came down cannot be taken for headquarters' word; "" once something can again."""

    problem: str


class PendingCounted(Struct, frozen=True):
    """So many messages wait for headquarters' receipt."""

    pending: int


class PinChecked(Struct, frozen=True):
    """Whether what was typed is the technician's PIN."""

    fits: bool


class DiskMeasured(Struct, frozen=True):
    """The slowest of some syncs of the disk, or why there was none."""

    sync_ms: float | None
    problem: str = ""


class BoardsTested(Struct, frozen=True):
    """What the boards found when they tested themselves."""

    tests: tuple[BoardTest, ...]


Told = (
    Tick
    | Commanded
    | Stored
    | StoreFailed
    | TimerSaved
    | Restored
    | OutboxRepaired
    | Published
    | Received
    | Unreceipted
    | CapsuleReceipted
    | CapsuleAnswered
    | CarryFailed
    | StateDesired
    | HeartbeatHeard
    | PictureSeen
    | LineChanged
    | PublishRefused
    | Doubted
    | PendingCounted
    | PinChecked
    | DiskMeasured
    | BoardsTested
)
Input = AnyReading | Told
