"""What the page says of a snapshot, as words and a class for their colour. Pure."""

from terminal.link import AlarmView, LineView, PositionView, Snapshot, Urgency

Said = tuple[str, str]
"""(words, class: good, warn, bad or dim)."""

KMH_PER_MPS = 3.6


def position(view: PositionView, now_ns: int) -> Said:
    """Where the car is; an old position says how old it is."""
    fix = view.last_good
    if fix is None or fix.lat_deg is None or fix.lon_deg is None:
        return "NO POSITION", "warn"
    place = f"{fix.lat_deg:.5f} {fix.lon_deg:.5f}"
    if not view.stale:
        return place, "good"
    return f"{place}  OLD {age(now_ns - fix.mono_ns)}", "warn"


def age(span_ns: int) -> str:
    """A time that has passed, in the unit that fits it."""
    seconds = max(span_ns, 0) // 1_000_000_000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def speed(snapshot: Snapshot) -> Said:
    """The car's speed, or that it is not known."""
    value = snapshot.vehicle.speed_mps
    return ("--- km/h", "dim") if value is None else (f"{value * KMH_PER_MPS:.0f} km/h", "good")


def line(view: LineView) -> Said:
    """The line to headquarters, the worst of it first."""
    if view.disk_problem:
        return "NOT STORED: disk trouble", "bad"
    if not view.connected:
        return f"NO LINE  {waiting(view)}", "bad"
    if view.hq_silent:
        return f"HQ SILENT  {waiting(view)}", "bad"
    if view.problem:
        return "HQ DOES NOT GET IT", "bad"
    if not view.storing:
        return "HQ CANNOT STORE", "bad"
    return ("HQ", "good") if view.attended else ("HQ, desk empty", "warn")


def waiting(view: LineView) -> str:
    """How much waits for headquarters' receipt."""
    return f"{view.pending} wait" if view.pending else ""


def alarm(view: AlarmView) -> Said:
    """How far one alarm has come: the highest rung that is proved."""
    test = "TEST " if view.kind == "test" else ""
    if view.cleared_by:
        return f"{test}CLEARED by {view.cleared_by}: {view.reason}", "good"
    if view.acknowledged_by:
        return f"{test}TAKEN by {view.acknowledged_by}", "good"
    if view.received:
        return f"{test}HQ HAS IT - nobody has taken it yet", "warn"
    unproved = {
        Urgency.NONE: "",
        Urgency.NOT_CONFIRMED: "NOT CONFIRMED",
        Urgency.USE_THE_RADIO: "USE THE RADIO",
    }[view.urgency]
    step = "SENT" if view.sent else "STORED, NOT SENT" if view.stored else "PRESSED"
    kept = "" if view.stored else "  NOT STORED" if view.store_failed else ""
    return f"{test}{unproved or step}{kept}", "bad"


def rungs(view: AlarmView) -> str:
    """Every rung, with a mark on those that are proved."""
    proved = (
        ("pressed", True),
        ("stored", view.stored),
        ("sent", view.sent),
        ("received", view.received),
        ("taken", bool(view.acknowledged_by)),
        ("cleared", bool(view.cleared_by)),
    )
    return " ".join(f"{'●' if done else '○'}{word}" for word, done in proved)


def shown_alarm(alarms: tuple[AlarmView, ...]) -> AlarmView | None:
    """The alarm that the page shows: an open one before a cleared one, a real one before a test; never a silent one."""
    seen = [one for one in alarms if not one.silent]
    order = sorted(seen, key=lambda one: (bool(one.cleared_by), one.kind == "test", -one.pressed_mono_ns))
    return order[0] if order else None
