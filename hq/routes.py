"""By which gateway, and to where, the car of an incident is answered. Pure.

What was never here before only the holder of the car's key can have made. What was here before is the car that has
missed its answer, or somebody who plays a recorded capsule: after a start nobody can tell which. So a gateway goes on
answering to where the car wrote from when it last said something new by it.
"""

from msgspec import Struct
from msgspec.structs import replace


class Back(Struct, frozen=True):
    """To where a capsule is answered, and for what: `incident` and `tail` as its car names its message."""

    gateway: str
    to: str
    incident: str
    tail: bytes


class Route(Struct, frozen=True):
    """One gateway's way to the car of an incident; `told` is the revision up to which the car knows what people did."""

    back: Back
    is_proved: bool
    told: int = 0


def learnt(before: Route | None, back: Back, *, is_new: bool) -> Route:
    """The way after a believed capsule; only what is new proves that it is the car that wrote."""
    if before is not None and before.is_proved and not is_new:
        return replace(before, back=replace(back, to=before.back.to))
    # What was told to whoever only repeated what is known may never have reached the car.
    told = before.told if before is not None and before.is_proved >= is_new else 0
    return Route(back, is_new, told)
