"""One NMEA 0183 sentence as facts, for the types that tell of position, time and speed; pure.

`pynmea2` checks the frame and knows the fields' names; what its fields hold is checked in `nmea_fields`. Its `is_valid`
is not asked: it is False for good RMC sentences of NMEA 4.10.
"""

from datetime import date
from typing import Any

import pynmea2
from msgspec import Struct

from drivers.nmea_fields import NAV_STATUS, Fields
from hal.errors import BadInput

LOWEST_MSL_M, HIGHEST_MSL_M = -1000.0, 100_000.0
DEAD_RECKONING = 6
FEWEST_SATELLITES = 3
"""With fewer there is no position, whatever GGA's quality claims; gpsd holds it so too."""

NO_FIX_MODES = frozenset("NVU")
"""NMEA's FAA modes and navigation states that name no usable position: not valid, not valid (4.10), unsafe."""


class Facts(Struct, frozen=True, kw_only=True):
    """What one sentence says; `valid` is its word on the fix, None when it has none, `dimension` GSA's 1, 2 or 3."""

    tag: str
    time_us: int | None = None
    day: date | None = None
    valid: bool | None = None
    dimension: int | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    altitude_msl_m: float | None = None
    speed_mps: float | None = None
    track_deg: float | None = None
    hdop: float | None = None
    satellites_used: int | None = None
    problems: tuple[str, ...] = ()


def parse(line: str) -> Facts | None:
    """What the sentence says, None for one of a type that says nothing of use; BadInput if it cannot be believed."""
    kind = line[3:6]
    if kind not in READERS or line[6:7] != "," or line[1:2] == "P":
        return None
    try:
        sentence = pynmea2.parse(line[:-2] + line[-2:].upper(), check=True)
    except (pynmea2.ParseError, ValueError) as error:
        problem = "a wrong checksum or none" if "hecksum" in str(error) else "no well-formed sentence"
        raise BadInput(
            line[1:6], problem, "expected $..." + kind + ",...*HH; check the wiring and the baud rate"
        ) from error
    if not isinstance(sentence, pynmea2.TalkerSentence):
        return None
    return READERS[kind](Fields(sentence))


def _rmc(fields: Fields) -> Facts:
    valid = fields.text("status") in ("A", "D") and fields.text("mode_indicator") not in NO_FIX_MODES
    return _located(
        fields,
        valid,
        day=fields.day("datestamp"),
        speed_mps=fields.speed_mps("spd_over_grnd") if valid else None,
        track_deg=fields.track_deg("true_course") if valid else None,
    )


def _gga(fields: Fields) -> Facts:
    quality = fields.integer("gps_qual", 0, 9)
    counted = fields.integer("num_sats", 0, 200) or 0
    valid = quality == DEAD_RECKONING or (bool(quality) and counted >= FEWEST_SATELLITES)
    return _located(fields, valid, altitude="altitude", hdop="horizontal_dil", satellites="num_sats")


def _gll(fields: Fields) -> Facts:
    valid = fields.text("status") == "A" and fields.text("faa_mode") not in NO_FIX_MODES
    return _located(fields, valid)


def _gns(fields: Fields) -> Facts:
    modes = fields.text("mode_indicator")
    valid = bool(set(modes) - NO_FIX_MODES) and fields.text(NAV_STATUS) not in NO_FIX_MODES
    return _located(fields, valid, altitude="altitude", hdop="hdop", satellites="num_sats")


def _gsa(fields: Fields) -> Facts:
    return Facts(
        tag=fields.tag,
        dimension=fields.integer("mode_fix_type", 1, 3),
        hdop=fields.hdop("hdop"),
        problems=tuple(fields.problems),
    )


def _vtg(fields: Fields) -> Facts:
    valid = fields.text("faa_mode") not in NO_FIX_MODES
    return Facts(
        tag=fields.tag,
        speed_mps=fields.speed_mps("spd_over_grnd_kts") if valid else None,
        track_deg=fields.track_deg("true_track") if valid else None,
        problems=tuple(fields.problems),
    )


def _located(
    fields: Fields, valid: bool, altitude: str = "", hdop: str = "", satellites: str = "", **more: Any
) -> Facts:
    """Facts of a sentence with a position; without a fix what else stands in it is left-over and not looked at."""
    position = fields.position() if valid else None
    if position is None:
        return Facts(tag=fields.tag, valid=False, time_us=fields.time_us(), problems=tuple(fields.problems), **more)
    return Facts(
        tag=fields.tag,
        valid=True,
        time_us=fields.time_us(),
        lat_deg=position[0],
        lon_deg=position[1],
        altitude_msl_m=fields.number(altitude, LOWEST_MSL_M, HIGHEST_MSL_M) if altitude else None,
        hdop=fields.hdop(hdop) if hdop else None,
        satellites_used=fields.integer(satellites, 0, 200) if satellites else None,
        problems=tuple(fields.problems),
        **more,
    )


def _zda(fields: Fields) -> Facts:
    year, month, day = fields.integer("year", 1, 2200), fields.integer("month", 1, 12), fields.integer("day", 1, 31)
    known = fields.calendar(year, month, day, f"{year}-{month}-{day}") if year and month and day else None
    return Facts(
        tag=fields.tag,
        time_us=fields.time_us(),
        day=known,
        problems=tuple(fields.problems),
    )


READERS = {"RMC": _rmc, "GGA": _gga, "GLL": _gll, "GNS": _gns, "GSA": _gsa, "VTG": _vtg, "ZDA": _zda}
