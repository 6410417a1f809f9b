"""A time at headquarters by two clocks: one that is never stepped and ends with the boot, and the wall's. Pure."""

from math import inf

from msgspec import Struct


class Moment(Struct, frozen=True):
    """`mono_ms` counts within one `boot` of the machine; `wall_ms` is Unix time, and may be stepped at any moment."""

    boot: str
    mono_ms: int
    wall_ms: int


def waited_ms(since: Moment, now: Moment) -> float:
    """How long ago it was: by the wall's clock only across a boot, and for ever if that clock says less than nothing.

    What waits is so never forgotten: an unknown time counts as too long.
    """
    if since.boot == now.boot and since.mono_ms <= now.mono_ms:
        return now.mono_ms - since.mono_ms
    return now.wall_ms - since.wall_ms if since.wall_ms <= now.wall_ms else inf
