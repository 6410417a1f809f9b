"""What a look at a car finds, of what core says of it: one judgement for `patrola doctor` and the screen. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum, auto

from msgspec import Struct

from hal.readings import Fix, FixMode
from terminal.contract.topics import MQTT
from terminal.link import Snapshot
from terminal.shown import AlarmView, DiskView, PositionView, Trouble, WorkshopView

SLOW_SYNC_MS = 250.0
"""A sound card takes some tens for a small sync; a worn one takes this, and then ever more."""

HANGS_AFTER_S = 5.0
"""A disk that does not answer for so long."""

SIGNALS_WITHIN_S = 5.0
"""A bus that is awake tells something every second."""

CLOCK_OFF_S = 5.0
"""Beyond it logs of car and headquarters cannot be laid side by side."""

CORNERS = 4

NO_CHECK = "--"
"""For a number that is not known."""


class Verdict(StrEnum):
    """How it is; `open` while nothing has been tried or seen."""

    OK = auto()
    WARN = auto()
    FAIL = auto()
    OPEN = auto()


class Item(StrEnum):
    """What is looked at."""

    POSITION = auto()
    SIGNALS = auto()
    LIGHTS = auto()
    BOARD = auto()
    BUTTON = auto()
    HIDDEN = auto()
    LINE = auto()
    SOUND = auto()
    TOUCH = auto()
    DISK = auto()
    CLOCK = auto()


class Case(StrEnum):
    """What was found, for whoever puts it into words."""

    FIX_3D = auto()
    FIX_2D = auto()
    NO_FIX = auto()
    RECEIVER_SILENT = auto()
    SIGNALS_COME = auto()
    SIGNALS_AWAITED = auto()
    SIGNALS_NONE = auto()
    BOTH_SEEN = auto()
    LIGHTS_SEEN = auto()
    SIREN_SEEN = auto()
    NEITHER_SEEN = auto()
    BOARDS_UNTRIED = auto()
    BOARDS_TRYING = auto()
    BOARDS_NONE = auto()
    BOARDS_GOOD = auto()
    BOARD_FAILED = auto()
    BOARD_MUTE = auto()
    PRESSED = auto()
    NOT_PRESSED = auto()
    LINE_UNTRIED = auto()
    LINE_DEAD = auto()
    NOT_SENT = auto()
    NOT_RECEIVED = auto()
    RECEIVED = auto()
    RECEIVED_BESIDE = auto()
    SOUND_UNTRIED = auto()
    HEARD = auto()
    NOT_HEARD = auto()
    TOUCH_UNTRIED = auto()
    CORNERS_HIT = auto()
    CORNERS_MISSED = auto()
    DISK_UNTRIED = auto()
    DISK_TRYING = auto()
    DISK_HANGS = auto()
    DISK_SYNCS = auto()
    DISK_SLOW = auto()
    DISK_FAILED = auto()
    CLOCK_RIGHT = auto()
    CLOCK_OFF = auto()
    CLOCK_ALONE = auto()


class Found(Struct, frozen=True):
    """One thing as it is; `facts` are what its words need."""

    item: Item
    verdict: Verdict
    case: Case
    facts: dict[str, object] = {}


class Trial(Struct, frozen=True, kw_only=True):
    """What only a person at the screen can say: None while that was not asked."""

    heard: bool | None = None
    corners: int | None = None


def examine(snapshot: Snapshot, trial: Trial, now_ns: int, machine: datetime) -> tuple[Found, ...]:
    """Every item, of a car whose self-test is open."""
    bench = snapshot.workshop or WorkshopView()
    return (
        position(snapshot.position),
        signals(bench, now_ns),
        lights(bench),
        boards(bench),
        button(Item.BUTTON, snapshot.alarms, bench),
        button(Item.HIDDEN, snapshot.alarms, bench),
        line(snapshot, bench),
        sound(trial.heard),
        touch(trial.corners),
        disk(bench.disk, now_ns),
        clock(snapshot.position.last_good, now_ns, machine),
    )


def position(seen: PositionView) -> Found:
    """What the receiver has now."""
    if seen.stale or seen.fix is None:
        return Found(Item.POSITION, Verdict.FAIL, Case.RECEIVER_SILENT)
    return fix(seen.fix)


def fix(told: Fix) -> Found:
    """What one epoch of a receiver says of it."""
    error = NO_CHECK if told.eph_m is None else f"{told.eph_m:.0f}"
    satellites = NO_CHECK if told.satellites_used is None else told.satellites_used
    facts: dict[str, object] = {"satellites": satellites, "error": error}
    if told.mode < FixMode.FIX_2D:
        return Found(Item.POSITION, Verdict.WARN, Case.NO_FIX)
    if told.mode is FixMode.FIX_2D:
        return Found(Item.POSITION, Verdict.WARN, Case.FIX_2D, facts)
    return Found(Item.POSITION, Verdict.OK, Case.FIX_3D, facts)


def signals(bench: WorkshopView, now_ns: int) -> Found:
    """Whether the car's bus tells anything."""
    if bench.signals:
        return Found(Item.SIGNALS, Verdict.OK, Case.SIGNALS_COME, {"count": bench.signals})
    if now_ns - (bench.opened_mono_ns or now_ns) < SIGNALS_WITHIN_S * 1e9:
        return Found(Item.SIGNALS, Verdict.OPEN, Case.SIGNALS_AWAITED)
    return Found(Item.SIGNALS, Verdict.FAIL, Case.SIGNALS_NONE)


def lights(bench: WorkshopView) -> Found:
    """Whether blue lights and siren were seen on, whoever told them."""
    verdict, case = {
        (True, True): (Verdict.OK, Case.BOTH_SEEN),
        (True, False): (Verdict.WARN, Case.LIGHTS_SEEN),
        (False, True): (Verdict.WARN, Case.SIREN_SEEN),
        (False, False): (Verdict.OPEN, Case.NEITHER_SEEN),
    }[bench.lights_on, bench.siren_on]
    return Found(Item.LIGHTS, verdict, case)


def boards(bench: WorkshopView) -> Found:
    """What the boards found when they tested themselves: the worst of it."""
    if bench.boards is None:
        asked = bench.boards_asked_mono_ns is not None
        return Found(Item.BOARD, Verdict.OPEN, Case.BOARDS_TRYING if asked else Case.BOARDS_UNTRIED)
    for board in bench.boards:
        if board.problem:
            facts: dict[str, object] = {"name": board.name, "problem": board.problem, "remedy": board.remedy}
            return Found(Item.BOARD, Verdict.FAIL, Case.BOARD_MUTE, facts)
        if board.failed:
            facts = {"name": board.name, "items": ", ".join(board.failed)}
            return Found(Item.BOARD, Verdict.FAIL, Case.BOARD_FAILED, facts)
    if not bench.boards:
        return Found(Item.BOARD, Verdict.FAIL, Case.BOARDS_NONE)
    return Found(Item.BOARD, Verdict.OK, Case.BOARDS_GOOD, {"names": ", ".join(one.name for one in bench.boards)})


def button(item: Item, alarms: tuple[AlarmView, ...], bench: WorkshopView) -> Found:
    """Whether a press of the button, or of the hidden one, came as a test; a real one is not looked at here."""
    hidden = item is Item.HIDDEN
    came = _newest_test(alarms, bench, lambda alarm: alarm.trigger == "button" and alarm.silent is hidden)
    if came is None:
        return Found(item, Verdict.OPEN, Case.NOT_PRESSED)
    return Found(item, Verdict.OK, Case.PRESSED)


def line(snapshot: Snapshot, bench: WorkshopView) -> Found:
    """Whether a test alarm went to headquarters and its receipt came back."""
    came = _newest_test(snapshot.alarms, bench, lambda alarm: not alarm.silent)
    trouble = snapshot.line.trouble
    if came is not None and came.received:
        return _received(came, None if snapshot.proved is None else snapshot.proved.mono_ns)
    if trouble not in (Trouble.NONE, Trouble.CONNECTING):
        return Found(Item.LINE, Verdict.FAIL, Case.LINE_DEAD, {"trouble": trouble})
    if came is None:
        return Found(Item.LINE, Verdict.OPEN, Case.LINE_UNTRIED)
    return Found(Item.LINE, Verdict.OPEN, Case.NOT_RECEIVED if came.sent else Case.NOT_SENT)


def _received(alarm: AlarmView, proved_mono_ns: int | None) -> Found:
    known = proved_mono_ns is not None and proved_mono_ns >= alarm.pressed_mono_ns
    span_s = f"{(proved_mono_ns - alarm.pressed_mono_ns) / 1e9:.1f}" if known and proved_mono_ns else NO_CHECK
    if alarm.received_by and MQTT not in alarm.received_by:
        facts: dict[str, object] = {"seconds": span_s, "bearer": alarm.received_by[0].upper()}
        return Found(Item.LINE, Verdict.WARN, Case.RECEIVED_BESIDE, facts)
    return Found(Item.LINE, Verdict.OK, Case.RECEIVED, {"seconds": span_s})


def _newest_test(
    alarms: tuple[AlarmView, ...], bench: WorkshopView, fits: Callable[[AlarmView], bool]
) -> AlarmView | None:
    opened_ns = bench.opened_mono_ns
    if opened_ns is None:
        return None
    tests = [one for one in alarms if one.kind == "test" and one.pressed_mono_ns >= opened_ns and fits(one)]
    return max(tests, key=lambda one: one.pressed_mono_ns, default=None)


def sound(heard: bool | None) -> Found:
    """What the person at the screen says of a tone."""
    if heard is None:
        return Found(Item.SOUND, Verdict.OPEN, Case.SOUND_UNTRIED)
    return Found(Item.SOUND, Verdict.OK, Case.HEARD) if heard else Found(Item.SOUND, Verdict.FAIL, Case.NOT_HEARD)


def touch(corners: int | None) -> Found:
    """How many of the panel's corners a finger hit."""
    if corners is None:
        return Found(Item.TOUCH, Verdict.OPEN, Case.TOUCH_UNTRIED)
    if corners < CORNERS:
        return Found(Item.TOUCH, Verdict.FAIL, Case.CORNERS_MISSED, {"count": corners})
    return Found(Item.TOUCH, Verdict.OK, Case.CORNERS_HIT)


def disk(tried: DiskView | None, now_ns: int) -> Found:
    """How the disk took some small syncs."""
    if tried is None:
        return Found(Item.DISK, Verdict.OPEN, Case.DISK_UNTRIED)
    if tried.problem:
        return Found(Item.DISK, Verdict.FAIL, Case.DISK_FAILED, {"problem": tried.problem})
    if tried.sync_ms is not None:
        return synced(tried.sync_ms)
    if now_ns - tried.asked_mono_ns > HANGS_AFTER_S * 1e9:
        return Found(Item.DISK, Verdict.FAIL, Case.DISK_HANGS)
    return Found(Item.DISK, Verdict.OPEN, Case.DISK_TRYING)


def synced(sync_ms: float) -> Found:
    """What the time of a small sync says of the disk."""
    facts: dict[str, object] = {"ms": f"{sync_ms:.0f}"}
    if sync_ms > SLOW_SYNC_MS:
        return Found(Item.DISK, Verdict.WARN, Case.DISK_SLOW, facts)
    return Found(Item.DISK, Verdict.OK, Case.DISK_SYNCS, facts)


def clock(last_good: Fix | None, now_ns: int, machine: datetime) -> Found:
    """The machine's own clock beside that of GNSS, which has run on since its last word."""
    if last_good is None or last_good.utc is None:
        return Found(Item.CLOCK, Verdict.WARN, Case.CLOCK_ALONE)
    gnss = last_good.utc + timedelta(microseconds=(now_ns - last_good.mono_ns) // 1000)
    off_s = abs((machine - gnss).total_seconds())
    facts: dict[str, object] = {"seconds": f"{off_s:.0f}"}
    if off_s > CLOCK_OFF_S:
        return Found(Item.CLOCK, Verdict.WARN, Case.CLOCK_OFF, facts)
    return Found(Item.CLOCK, Verdict.OK, Case.CLOCK_RIGHT, facts)
