"""The alarm's ladder as the page says it: a rung is said to be reached on core's proof only. Pure."""

from msgspec import Struct

from terminal.asked import RaiseAlarm
from terminal.contract.topics import MQTT
from terminal.screen.language import Say
from terminal.screen.words import Said, age, clean
from terminal.shown import AlarmView, Urgency

REACHED, AHEAD, FAILED = "●", "○", "✖"
NO_BANNER: Said = ("", "dim")


class Ladder(Struct, frozen=True):
    """Rows from the title down, and the banner beneath them; `apart`: each row is a rung, and no line of a text."""

    rows: tuple[Said, ...]
    banner: Said
    apart: bool = False


def shown_alarm(alarms: tuple[AlarmView, ...]) -> AlarmView | None:
    """The alarm that the page shows: an open one before a cleared one, a real one before a test; never a silent one."""
    seen = [one for one in alarms if not one.silent]
    order = sorted(seen, key=lambda one: (bool(one.cleared_by), one.kind != "real", -one.pressed_mono_ns))
    return order[0] if order else None


def banner(say: Say, urgency: Urgency) -> Said:
    """What the crew must be told because headquarters has not confirmed."""
    if urgency is Urgency.NOT_CONFIRMED:
        return say("NOT CONFIRMED"), "urgent"
    return (say("USE THE RADIO"), "urgent") if urgency is Urgency.USE_THE_RADIO else NO_BANNER


def title(say: Say, kind: str, trigger: str, span: str) -> str:
    """Which alarm, what raised it, how long ago."""
    names = {"real": say("ALARM"), "test": say("TEST ALARM"), "exercise": say("EXERCISE")}
    triggers = {
        "button": say("button"),
        "screen": say("screen"),
        "check-in": say("the timer"),
        "vehicle": say("the car"),
    }
    return f"{names.get(kind, names['real'])} {span}, {triggers.get(trigger, clean(trigger))}"


def of_alarm(say: Say, alarm: AlarmView, now_ns: int) -> Ladder:
    """The whole ladder of one alarm."""
    presses = ", " + say("{count} presses", count=alarm.signals) if alarm.signals > 1 else ""
    head = title(say, alarm.kind, alarm.trigger, age(now_ns - alarm.pressed_mono_ns)) + presses
    by = clean(alarm.acknowledged_by)
    rows = (
        (head, "title"),
        (f"{REACHED} {say('PRESSED')}", "good"),
        _stored(say, alarm),
        _rung(alarm.sent, say("SENT") + _by(alarm.sent_by), say("sent")),
        _rung(alarm.received, say("RECEIVED by HQ") + _by(alarm.received_by), say("received by HQ")),
        _rung(alarm.taken, say("TAKEN by {by}", by=by), _not_taken(say, by)),
        _cleared(say, alarm),
    )
    return Ladder(rows, banner(say, alarm.urgency), apart=True)


def _stored(say: Say, alarm: AlarmView) -> Said:
    if alarm.store_failed and not alarm.stored:
        return f"{FAILED} {say('NOT STORED')}", "bad"
    return _rung(alarm.stored, say("STORED in the car"), say("stored"))


def _rung(reached: bool, words: str, ahead: str) -> Said:
    return (f"{REACHED} {words}", "good") if reached else (f"{AHEAD} {ahead}", "dim")


def _not_taken(say: Say, by: str) -> str:
    """Nobody has taken it, or somebody before the newest press."""
    return say("taken before: {by}", by=by) if by else say("taken by a person")


def _by(bearers: tuple[str, ...]) -> str:
    """By what it was proved, where that is not the brokers' line: a name that is the same in every language."""
    return f" ({clean(bearers[0]).upper()})" if bearers and MQTT not in bearers else ""


def _cleared(say: Say, alarm: AlarmView) -> Said:
    if alarm.cleared_by:
        by, reason = clean(alarm.cleared_by), clean(alarm.reason)
        return f"{REACHED} {say('CLEARED by {by}: {reason}', by=by, reason=reason)}", "good"
    if alarm.cancelled:
        return f"{AHEAD} {say('you said: a mistake')}", "warn"
    return f"{AHEAD} {say('cleared')}", "dim"


def of_held(say: Say, held: RaiseAlarm, since_ns: int, now_ns: int, *, core_is_there: bool) -> Ladder:
    """An alarm that was tapped and that core does not show yet: nothing but the press is proved."""
    rows: tuple[Said, ...] = (
        (title(say, held.kind, "screen", age(now_ns - since_ns)), "title"),
        (f"{REACHED} {say('PRESSED')}", "good"),
        (f"{FAILED} {say('NOT STORED, NOT SENT')}", "bad"),
        (say("It goes out when the"), "plain"),
        (say("terminal answers."), "plain"),
    )
    return Ladder(rows, banner(say, Urgency.NOT_CONFIRMED if core_is_there else Urgency.USE_THE_RADIO))


def as_it_was(say: Say, rungs: Ladder) -> Ladder:
    """A ladder that nobody moves on any more: what was proved stays so, and the crew calls by radio."""
    rows = tuple((words, "plain" if words.startswith(REACHED) else "dim") for words, _ in rungs.rows)
    return Ladder(rows, banner(say, Urgency.USE_THE_RADIO), rungs.apart)


def of_loss(say: Say, problem: str, since_ns: int, now_ns: int, status: str) -> Ladder:
    """Core is not there: the page says so, and shows nothing as if it were so now."""
    rows: tuple[Said, ...] = (
        (say("For {span}: {problem}", span=age(now_ns - since_ns), problem=problem), "plain"),
        (say("Position, line and alarms"), "plain"),
        (say("are not known."), "plain"),
        (say("SOS goes out when it"), "plain"),
        (say("works again."), "plain"),
    )
    last: tuple[Said, ...] = ((say("Last status: {status}", status=status), "dim"),) if status else ()
    return Ladder((*rows, *last), banner(say, Urgency.USE_THE_RADIO))
