"""How soon the car knows that its line is dead: the profile, and what it can keep. Pure."""

from collections.abc import Iterator

from msgspec import Struct

from terminal.core.channels import SENDING_TURN_S, TICK_S

WILL_AFTER = 1.5
"""A broker gives a client up after so many of its keep-alive periods (MQTT 5, section 3.1.2.10)."""


class Supervision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both ends say that they are there; who is not heard is known to be gone `known_within_s` later."""

    known_within_s: float = 20.0
    presence_every_s: float = 8.0
    acknowledge_within_s: float = 10.0
    hq_silent_after_s: float = 18.0
    keepalive_s: int = 10


def unkept(profile: Supervision) -> Iterator[tuple[str, str]]:
    """Each key that breaks `known_within_s`, or would cry out on a sound line, and why."""
    within = profile.known_within_s
    promised = f"known_within_s is {within:g}; if this deployment is to promise less, set it higher"
    worst = profile.presence_every_s + profile.acknowledge_within_s + SENDING_TURN_S
    if worst > within:
        why = f"with presence_every_s {profile.presence_every_s:g} a line that swallows all is known after {worst:g} s"
        yield "acknowledge_within_s", f"{why}, and {promised}"
    worst = profile.hq_silent_after_s + TICK_S
    if worst > within:
        yield "hq_silent_after_s", f"a silent headquarters is known after {worst:g} s, and {promised}"
    worst = WILL_AFTER * profile.keepalive_s
    if worst > within:
        yield "keepalive_s", f"the broker gives the car up after {worst:g} s, and {promised}"
    least = 2 * profile.presence_every_s
    if profile.hq_silent_after_s < least:
        why = f"headquarters answers a presence, which comes every {profile.presence_every_s:g} s"
        yield "hq_silent_after_s", f"{why}; expected at least two of them, {least:g}"
