"""What the car knows of its line to headquarters, and what of it is dead; no more is said than is proved. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import LinkQuality
from terminal.contract.dead_zones import Cell, Zone
from terminal.contract.line_trouble import Proof
from terminal.contract.messages import Heartbeat
from terminal.core.channels import TICK_S
from terminal.core.inputs import LineChanged
from terminal.core.supervision import Supervision
from terminal.shown import Trouble


class PresenceFacts(Struct, frozen=True):
    """What the car says of itself with each presence: what waits, and whether a silence is to be expected."""

    pending: int = 0
    ignition_on: bool | None = None
    signal_percent: int | None = None


class Line(Struct, frozen=True):
    """The line to headquarters; dead since `down_mono_ns`: no broker, or nothing that headquarters says or hears on it.

    `proofs` is what the last failure of each broker proves, since there was a line; `heard_by_hq_mono_ns` is when the
    car sent the newest thing that headquarters says it heard on this line, and None while it has said nothing.
    """

    connected: bool = False
    broker: str = ""
    problem: str = ""
    epoch: str = ""
    storing: bool = False
    attended: bool = False
    hq_heard_mono_ns: int | None = None
    pending: int = 0
    disk_problem: str = ""
    incarnation: str = ""
    since_mono_ns: int = 0
    broker_heard_mono_ns: int = 0
    heard_by_hq_mono_ns: int | None = None
    down_mono_ns: int | None = None
    proofs: dict[str, Proof] = {}
    lost_in: Cell | None = None


def after_change(line: Line, told: LineChanged, now_ns: int) -> Line:
    """The line after it came or went; `since_mono_ns` is the last such moment."""
    before = line
    line = replace(line, connected=told.connected, broker=told.broker, problem=told.problem)
    if told.connected:
        line = replace(line, incarnation=told.incarnation, heard_by_hq_mono_ns=None, proofs={})
        return replace(line, since_mono_ns=now_ns, broker_heard_mono_ns=now_ns)
    since_ns = now_ns if before.connected else before.since_mono_ns
    return replace(line, proofs=before.proofs | {told.broker: told.proof}, since_mono_ns=since_ns)


def after_beat(line: Line, beat: Heartbeat, now_ns: int) -> Line:
    """The line after a heartbeat; what headquarters heard of another line of ours says nothing of this one."""
    line = replace(line, epoch=beat.epoch, storing=beat.storing, attended=beat.attended, hq_heard_mono_ns=now_ns)
    if not beat.heard_incarnation:
        return line
    heard_ns = beat.heard_mono_ms * 1_000_000 if beat.heard_incarnation == line.incarnation else 0
    return replace(line, heard_by_hq_mono_ns=min(max(heard_ns, line.since_mono_ns), now_ns))


def hq_is_silent(line: Line, now_ns: int, profile: Supervision) -> bool:
    """Whether headquarters has not been heard for too long, whatever the broker says."""
    return line.hq_heard_mono_ns is None or now_ns - line.hq_heard_mono_ns > profile.hq_silent_after_s * 1e9


def hq_is_deaf(line: Line, now_ns: int, profile: Supervision) -> bool:
    """Whether headquarters itself says that it has not heard this car for too long."""
    heard_ns = line.heard_by_hq_mono_ns
    return heard_ns is not None and now_ns - heard_ns > profile.hq_silent_after_s * 1e9


def hq_answers(line: Line, now_ns: int, profile: Supervision) -> bool:
    """Whether headquarters is heard and, as far as it says so, hears this car."""
    return not (hq_is_silent(line, now_ns, profile) or hq_is_deaf(line, now_ns, profile))


def looked_at(line: Line, now_ns: int, profile: Supervision) -> Line:
    """The line with since when it is dead."""
    if line.connected and hq_answers(line, now_ns, profile):
        return line if line.down_mono_ns is None else replace(line, down_mono_ns=None)
    return line if line.down_mono_ns is not None else replace(line, down_mono_ns=now_ns)


def trouble(line: Line, link: LinkQuality | None, zone: Zone, now_ns: int, profile: Supervision) -> Trouble:
    """What is dead of the line; `link` is None where no modem says anything that is still true."""
    if line.connected:
        return _on_the_line(line, now_ns, profile)
    proofs = set(line.proofs.values())
    # Whatever the modem says and wherever this is: a broker that answered one of the tries has answered.
    for proof, found in ((Proof.REFUSED, Trouble.REFUSED), (Proof.NO_BROKER, Trouble.BROKER_GONE)):
        if proof in proofs:
            return found
    if link is not None and not link.registered:
        return Trouble.NO_NETWORK
    if not proofs:
        return Trouble.CONNECTING
    if zone.explains((now_ns - line.since_mono_ns) / 1e9):
        return Trouble.DEAD_ZONE
    if Proof.NO_WAY in proofs:
        return Trouble.NO_ANSWER
    return Trouble.HALF_OPEN if Proof.SILENT in proofs else Trouble.CONNECTING


def _on_the_line(line: Line, now_ns: int, profile: Supervision) -> Trouble:
    if hq_answers(line, now_ns, profile):
        return Trouble.NONE
    # A presence is acknowledged as often as it is sent: a broker that does so lately is not what is dead.
    if now_ns - line.broker_heard_mono_ns > (profile.presence_every_s + 2 * TICK_S) * 1e9:
        return Trouble.HALF_OPEN
    if not hq_is_silent(line, now_ns, profile):
        return Trouble.HQ_DEAF
    waited_for_hq = now_ns - line.since_mono_ns > profile.hq_silent_after_s * 1e9
    return Trouble.HQ_GONE if waited_for_hq else Trouble.CONNECTING
