"""The alarm's ladder as the page says it: a rung is said to be reached on core's proof only. Pure."""

from msgspec import Struct

from terminal.link import AlarmView, RaiseAlarm, Urgency
from terminal.screen.words import Said, age, clean

REACHED, AHEAD, FAILED = "●", "○", "✖"
KINDS = {"real": "ALARM", "test": "TEST ALARM", "exercise": "EXERCISE"}
TRIGGERS = {"button": "button", "screen": "screen", "check-in": "no answer", "vehicle": "the car"}
BANNERS: dict[Urgency, Said] = {
    Urgency.NONE: ("", "dim"),
    Urgency.NOT_CONFIRMED: ("NOT CONFIRMED", "urgent"),
    Urgency.USE_THE_RADIO: ("USE THE RADIO", "urgent"),
}


class Ladder(Struct, frozen=True):
    """Rows from the title down, and the banner beneath them."""

    rows: tuple[Said, ...]
    banner: Said


def shown_alarm(alarms: tuple[AlarmView, ...]) -> AlarmView | None:
    """The alarm that the page shows: an open one before a cleared one, a real one before a test; never a silent one."""
    seen = [one for one in alarms if not one.silent]
    order = sorted(seen, key=lambda one: (bool(one.cleared_by), one.kind != "real", -one.pressed_mono_ns))
    return order[0] if order else None


def of_alarm(alarm: AlarmView, now_ns: int) -> Ladder:
    """The whole ladder of one alarm."""
    presses = f", {alarm.signals} presses" if alarm.signals > 1 else ""
    title = f"{_kind(alarm.kind)} {age(now_ns - alarm.pressed_mono_ns)}, {_trigger(alarm.trigger)}{presses}"
    rows = (
        (title, "plain"),
        (f"{REACHED} PRESSED", "good"),
        _stored(alarm),
        _rung(alarm.sent, "SENT", "sent"),
        _rung(alarm.received, "RECEIVED by HQ", "received by HQ"),
        _rung(bool(alarm.acknowledged_by), f"ACKNOWLEDGED by {clean(alarm.acknowledged_by)}", "acknowledged"),
        _cleared(alarm),
    )
    return Ladder(rows, BANNERS[alarm.urgency])


def _kind(kind: str) -> str:
    return KINDS.get(kind, KINDS["real"])


def _trigger(trigger: str) -> str:
    return TRIGGERS.get(trigger, clean(trigger))


def _stored(alarm: AlarmView) -> Said:
    if alarm.store_failed and not alarm.stored:
        return f"{FAILED} NOT STORED", "bad"
    return _rung(alarm.stored, "STORED in the car", "stored")


def _rung(reached: bool, words: str, ahead: str) -> Said:
    return (f"{REACHED} {words}", "good") if reached else (f"{AHEAD} {ahead}", "dim")


def _cleared(alarm: AlarmView) -> Said:
    if alarm.cleared_by:
        return f"{REACHED} CLEARED by {clean(alarm.cleared_by)}: {clean(alarm.reason)}", "good"
    if alarm.cancelled:
        return f"{AHEAD} you said: a mistake. HQ decides", "warn"
    return f"{AHEAD} cleared", "dim"


def of_held(held: RaiseAlarm, since_ns: int, now_ns: int, *, core_is_there: bool) -> Ladder:
    """An alarm that was tapped and that core does not show yet: nothing but the press is proved."""
    rows: tuple[Said, ...] = (
        (f"{_kind(held.kind)} {age(now_ns - since_ns)}, screen", "plain"),
        (f"{REACHED} PRESSED", "good"),
        (f"{FAILED} NOT STORED, NOT SENT", "bad"),
        ("It goes out when the terminal answers.", "plain"),
    )
    return Ladder(rows, BANNERS[Urgency.NOT_CONFIRMED if core_is_there else Urgency.USE_THE_RADIO])


def of_loss(problem: str, since_ns: int, now_ns: int) -> Ladder:
    """Core is not there: the page says so, and shows nothing as if it were so now."""
    rows: tuple[Said, ...] = (
        (f"For {age(now_ns - since_ns)}: {clean(problem)}", "plain"),
        ("Nothing is known of position,", "plain"),
        ("line and alarms.", "plain"),
        ("SOS goes out when it works again.", "plain"),
    )
    return Ladder(rows, BANNERS[Urgency.USE_THE_RADIO])
