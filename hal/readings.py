"""Readings: what the car's devices tell, as frozen values with their units in their names."""

from datetime import datetime
from enum import IntEnum, StrEnum

from msgspec import Struct

SignalValue = bool | int | float | str


class Reading(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """One thing that one source told; `t` is the source's own time in UTC seconds, `mono_ns` this boot's clock."""

    source: str
    mono_ns: int
    t: float | None = None


class FixMode(IntEnum):
    """gpsd's TPV modes."""

    UNKNOWN = 0
    NO_FIX = 1
    FIX_2D = 2
    FIX_3D = 3


class Fix(Reading, frozen=True, kw_only=True, tag="fix"):
    """One epoch of a GNSS receiver; without a fix there is no position, and the mode says so.

    WGS 84; `track_deg` is the course over ground, not the heading; `eph_m` is the horizontal error at 95 %.
    """

    mode: FixMode
    utc: datetime | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    altitude_msl_m: float | None = None
    speed_mps: float | None = None
    track_deg: float | None = None
    climb_mps: float | None = None
    eph_m: float | None = None
    hdop: float | None = None
    satellites_used: int | None = None


class VehicleSignals(Reading, frozen=True, kw_only=True, tag="vehicle"):
    """Signals that one frame brought: COVESA VSS path to value in VSS's unit, or MESSAGE.SIGNAL without a map."""

    signals: dict[str, SignalValue]


class LightbarState(Reading, frozen=True, kw_only=True, tag="lightbar"):
    """Whether the blue lights and the siren are on; None where this source cannot tell."""

    lights_on: bool | None = None
    siren_on: bool | None = None


class ButtonHealth(StrEnum):
    """What the supervision of the emergency button's circuit found."""

    OK = "ok"
    CUT = "cut"
    SHORT = "short"
    STUCK = "stuck"
    IMPLAUSIBLE = "implausible"


class Press(Struct, frozen=True):
    """Names one press of one button for ever: which board, which of its boots, which press since then."""

    board_id: str
    boot_nonce: int
    number: int


class ButtonState(Reading, frozen=True, kw_only=True, tag="button"):
    """The emergency button: its newest press that core has not confirmed as stored, and its circuit's health.

    `hidden`: a button of which nobody may see that it was pressed.
    """

    health: ButtonHealth = ButtonHealth.OK
    latched: Press | None = None
    hidden: bool = False


class SelfTestItem(Struct, frozen=True):
    """One thing that a device found when it tested itself; `result` is ok, fail or info."""

    item: str
    result: str
    value: str


class LinkQuality(Reading, frozen=True, kw_only=True, tag="link"):
    """The mobile network as the modem sees it, in ModemManager's words; not registered, it is in a dead zone."""

    registered: bool
    state: str | None = None
    operator: str | None = None
    access_technology: str | None = None
    signal_percent: int | None = None


class PowerState(Reading, frozen=True, kw_only=True, tag="power"):
    """The terminal's supply: ignition line and supply voltage."""

    ignition_on: bool | None = None
    supply_v: float | None = None


class Fault(StrEnum):
    """What is wrong with a source, as far as a crew can do something with it; what failed otherwise is `FAILED`."""

    NONE = ""
    MISSING = "missing"
    LOST = "lost"
    SILENT = "silent"
    REFUSED = "refused"
    BUTTON = "button"
    FAILED = "failed"


class SourceHealth(Reading, frozen=True, kw_only=True, tag="health"):
    """A source came up or went down; `problem` says what was expected and what to do, `fault` of which kind it is."""

    up: bool
    problem: str = ""
    remedy: str = ""
    fault: Fault = Fault.NONE


AnyReading = Fix | VehicleSignals | LightbarState | ButtonState | LinkQuality | PowerState | SourceHealth
