"""What rings again and again until it is answered: a check-in that is due, an alarm of another patrol. Pure."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from terminal.link import Snapshot
from terminal.screen import others
from terminal.screen.sound import Sound
from terminal.shown import CheckInView

AGAIN_NS = 10_000_000_000
"""As a desk's alarm does, until somebody answers."""


class Call(Struct, frozen=True):
    """Something that rings under this name; answered it is heard once at most."""

    name: str
    sound: Sound
    is_answered: bool = False


class Ringing(Struct, frozen=True):
    """When each call rang last, by its name, and the alarms of others that the crew has seen on the map."""

    rang_ns: dict[str, int] = {}
    seen: frozenset[str] = frozenset()


def calls(snapshot: Snapshot, seen: frozenset[str], now_ns: int) -> Iterator[Call]:
    """All that calls now. An alarm of others is answered once somebody has taken it, or the crew has seen where."""
    if is_answer_due(snapshot.check_in, now_ns):
        yield Call("check-in", Sound.CHECK_IN)
    if snapshot.profile is None or snapshot.profile.alarms_of_others_ring:
        for alarm in others.alarms(snapshot):
            is_answered = not others.is_urgent(alarm) or alarm.incident in seen
            yield Call(alarm.incident, Sound.OTHERS, is_answered)


def is_answer_due(timer: CheckInView | None, now_ns: int) -> bool:
    """Whether a lone officer must say that all is well, before its lack becomes an alarm."""
    return timer is not None and timer.due_mono_ns is not None and now_ns >= timer.due_mono_ns


def rung(before: Ringing, there: Iterable[Call], now_ns: int) -> tuple[Ringing, tuple[Sound, ...]]:
    """When each of these calls has rung by now, and what is to be heard."""
    there = tuple(there)
    due = [one for one in there if _is_due(before.rang_ns.get(one.name), one, now_ns)]
    rang_ns = {one.name: now_ns if one in due else before.rang_ns[one.name] for one in there}
    names = frozenset(rang_ns)
    return Ringing(rang_ns, before.seen & names), tuple(dict.fromkeys(one.sound for one in due))


def _is_due(rang_ns: int | None, call: Call, now_ns: int) -> bool:
    return rang_ns is None or (not call.is_answered and now_ns - rang_ns >= AGAIN_NS)


def looked_at(ringing: Ringing) -> Ringing:
    """The crew looks at the map, with all that has rung on it."""
    return Ringing(ringing.rang_ns, frozenset(ringing.rang_ns))
