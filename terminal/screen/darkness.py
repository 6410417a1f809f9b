"""What lights a panel that the crew has darkened, and how much: what cannot wait, dimly. Pure."""

from terminal.link import Snapshot
from terminal.screen.palettes import Palette
from terminal.screen.ringing import is_answer_due
from terminal.shown import AlarmView, Urgency

WITHOUT_CORE_NS = 5_000_000_000
"""A core that is gone for so long does not come back at once; a restart of it takes less, and lights nothing."""


def lit_by(snapshot: Snapshot, now_ns: int) -> frozenset[str]:
    """What cannot wait: an answer that is due, an alarm of this car that headquarters has not confirmed, by urgency."""
    found = {f"{one.incident} {one.urgency}" for one in snapshot.alarms if _calls(one)}
    timer = snapshot.check_in
    if timer is not None and is_answer_due(timer, now_ns):
        found.add(f"check-in {timer.due_mono_ns}")
    return frozenset(found)


def _calls(alarm: AlarmView) -> bool:
    is_told = alarm.silent or alarm.kind == "test" or bool(alarm.cleared_by)
    return alarm.urgency is not Urgency.NONE and not is_told


def dimmed(palette: Palette) -> Palette:
    """Colours that do not dazzle eyes which are used to the dark."""
    return Palette.RED if palette is Palette.RED else Palette.NIGHT
