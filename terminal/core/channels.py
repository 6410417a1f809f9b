"""One table: for each kind of reading when it is stale, what headquarters gets of it, and whether it is journalled.

`stale_after_s` and `latest_wins` are read by the steps and the intake; a test holds the steps to the rest.
"""

from enum import StrEnum

from msgspec import Struct

from hal.readings import (
    AnyReading,
    ButtonState,
    Fix,
    LightbarState,
    LinkQuality,
    PowerState,
    SourceHealth,
    VehicleSignals,
)


class ToHq(StrEnum):
    """How a kind of reading reaches headquarters."""

    NEVER = "never"
    LATEST = "latest"
    EVERY = "every"
    URGENT = "urgent"


class Channel(Struct, frozen=True, kw_only=True):
    """`latest_wins`: a newer reading replaces one that core has not taken yet; the others queue, none is dropped.

    `to_hq` and `journalled` are about what the reading changes, not about each one that repeats it.
    """

    stale_after_s: float
    to_hq: ToHq
    latest_wins: bool
    journalled: bool


CHANNELS: dict[type[AnyReading], Channel] = {
    Fix: Channel(stale_after_s=4, to_hq=ToHq.LATEST, latest_wins=True, journalled=False),
    VehicleSignals: Channel(stale_after_s=5, to_hq=ToHq.EVERY, latest_wins=True, journalled=True),
    LightbarState: Channel(stale_after_s=30, to_hq=ToHq.EVERY, latest_wins=False, journalled=True),
    ButtonState: Channel(stale_after_s=5, to_hq=ToHq.URGENT, latest_wins=False, journalled=True),
    LinkQuality: Channel(stale_after_s=60, to_hq=ToHq.NEVER, latest_wins=True, journalled=False),
    PowerState: Channel(stale_after_s=60, to_hq=ToHq.EVERY, latest_wins=False, journalled=True),
    SourceHealth: Channel(stale_after_s=0, to_hq=ToHq.EVERY, latest_wins=False, journalled=True),
}
TICK_S = 1.0
"""How often time alone moves the state: staleness, parked heartbeat, alarm deadlines."""

TELEMETRY_TURN_S = 0.1
"""How long a reading of which only the newest counts may wait, so that a busy bus costs one turn and not a hundred."""

SENDING_TURN_S = 0.5
"""How often the clocks of repeats and acknowledgements are looked at."""

CLEARED_SHOWN_S = 600.0
"""How long a cleared alarm still stands on the screen."""

MOST_CLEARED_SHOWN = 4
"""Of the cleared alarms only the newest are kept; headquarters has them all."""

STORE_AGAIN_AFTER_S = 1.0
"""An alarm that is not on disk after so long is called NOT STORED and tried again, whether the disk fails or stalls."""

ALARM_MOVED_EVERY_S = 0.9
"""How often at most an open alarm says where the car is: with every fix of a receiver that tells one a second."""

ARMED_OPENS_AFTER_TICKS = 2
"""A press that was made before the crew armed the button has been told by then, or its board counts as gone."""

ASKED_WITHIN_S = 2.0
"""How long ago the crew may have armed the button when core hears of it."""

ALARM_WAY_POINTS = 12
ALARM_WAY_EVERY_S = 10.0
"""The way to an alarm: so many points, at least so far apart; they fit one TCP segment with the rest."""

TIME_KEPT_EVERY_S = 3600.0
"""How often the time that GNSS tells is put on disk for the next run, with whatever goes there: card wear."""

ALARM_TO_DISK_WITHIN_S = 0.001
ALARM_ON_DISK_WITHIN_S = 0.003
"""How long core's loop stands still for an alarm's commit, before it is sent and before it is shown: a sound disk needs
less, and two threads that take turns at the interpreter need more than one after the other."""

TELEMETRY_COMMIT_EVERY_S = 5.0
"""At most one commit of track points in so long: card wear."""

ARRIVED_WITHIN_M = 150.0
ARRIVED_BELOW_MPS = 0.5
"""A car that stands so near a job's place may be on scene: the screen proposes it."""

MOST_TEXTS_SHOWN = 20
"""Of the crew's own texts the newest are shown with what became of them; headquarters has them all."""

WRONG_PINS = 5
PIN_PAUSE_S = 60.0
"""After so many wrong PINs none is tried for so long."""

WORKSHOP_OPEN_FOR_S = 1800.0
"""How long the technician's self-test stays open at most, after one PIN."""

SYNCS_TRIED = 5
"""Of the self-test's syncs of the disk the slowest counts."""


def stale_after_ns(kind: type[AnyReading]) -> int:
    """When a reading of this kind is too old to be shown as current."""
    return round(CHANNELS[kind].stale_after_s * 1e9)
