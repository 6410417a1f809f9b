"""One NMEA 0183 sentence as facts, every value checked; pure.

`pynmea2` checks the frame and knows the fields' names. Its converted attributes are not used: they raise undeclared
errors, give 0.0/0.0 without a fix and let NaN and 95 degrees of latitude through, and its `is_valid` is False for good
RMC sentences of NMEA 4.10.
"""

import re
from datetime import date
from typing import Any

import pynmea2
from msgspec import Struct

from hal.errors import BadInput

KNOT_MPS = 1852 / 3600
FASTEST_MPS = 515.0
"""1000 knots, where civil receivers stop (the export limit known as COCOM)."""

LOWEST_MSL_M, HIGHEST_MSL_M = -1000.0, 100_000.0
LARGEST_HDOP = 99.0
"""Receivers write 99.9, 99.99 or 50.0 and more for a dilution that they do not know; gpsd ignores 99 and above."""

CENTURY_PIVOT = 80
"""A two-digit year from 80 on is of the last century: GPS time begins in 1980."""

NO_FIX_MODES = frozenset("NVU")
"""NMEA's FAA modes and navigation states that name no usable position: not valid, not valid (4.10), unsafe."""

NAV_STATUS, GNS_NAV_STATUS = "nav_status", 12
"""GNS's navigation state came with NMEA 4.10; pynmea2's table of GNS does not have it."""

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
ANGLE = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)", re.ASCII)
TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d*))?", re.ASCII)


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


class Fields:
    """A sentence's fields by pynmea2's names; what cannot be believed is None and noted in `problems`."""

    def __init__(self, sentence: pynmea2.TalkerSentence) -> None:
        self.kind: str = sentence.sentence_type
        self.tag: str = sentence.talker + sentence.sentence_type
        self._data: list[str] = sentence.data
        self._index: dict[str, int] = sentence.name_to_idx
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        """The field as it stands, empty when the sentence is too short for it."""
        index = self._index.get(name, GNS_NAV_STATUS)
        return self._data[index].strip() if index < len(self._data) else ""

    def number(self, name: str, lowest: float, highest: float) -> float | None:
        """A number within its bounds."""
        text = self.text(name)
        if not text:
            return None
        if NUMBER.fullmatch(text) and lowest <= (value := float(text)) <= highest:
            return value
        return self._unbelievable(name, text)

    def integer(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within its bounds."""
        value = self.number(name, lowest, highest)
        return None if value is None else int(value)

    def speed_mps(self, name: str) -> float | None:
        """A speed given in knots."""
        knots = self.number(name, 0, FASTEST_MPS / KNOT_MPS)
        return None if knots is None else round(knots * KNOT_MPS, 4)

    def track_deg(self, name: str) -> float | None:
        """A course; 360 is 0."""
        track = self.number(name, 0, 360)
        return None if track is None else track % 360

    def hdop(self, name: str) -> float | None:
        """A dilution of precision, None where the receiver says that it knows none."""
        hdop = self.number(name, 0, 10_000)
        return hdop if hdop and hdop < LARGEST_HDOP else None

    def time_us(self, name: str = "timestamp") -> int | None:
        """Microseconds since midnight UTC; 60 is a leap second."""
        text = self.text(name)
        if not text:
            return None
        match = TIME.fullmatch(text)
        if not match or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 60:
            return self._unbelievable(name, text)
        seconds = (int(match[1]) * 60 + int(match[2])) * 60 + int(match[3])
        return seconds * 1_000_000 + int((match[4] or "0")[:6].ljust(6, "0"))

    def day(self, name: str) -> date | None:
        """A date as ddmmyy."""
        text = self.text(name)
        if len(text) != 6 or not text.isdecimal():
            return self._unbelievable(name, text) if text else None
        year = int(text[4:])
        return self.calendar(year + (1900 if year >= CENTURY_PIVOT else 2000), int(text[2:4]), int(text[:2]), text)

    def calendar(self, year: int, month: int, day: int, text: str) -> date | None:
        """The date, if there is such a day."""
        try:
            return date(year, month, day)
        except ValueError:
            return self._unbelievable("date", text)

    def position(self) -> tuple[float, float] | None:
        """Latitude and longitude in degrees, None when empty; BadInput when they cannot be on the Earth."""
        lat = self._angle("lat", "lat_dir", "NS", 90)
        lon = self._angle("lon", "lon_dir", "EW", 180)
        if lat is None or lon is None:
            return None
        if lat == 0 and lon == 0:
            raise self._bad("the position is 0, 0, which receivers write for none", "expected a place on land")
        return lat, lon

    def _angle(self, name: str, side_name: str, sides: str, limit: int) -> float | None:
        text, side = self.text(name), self.text(side_name)
        if not text or not side:
            return None
        match = ANGLE.fullmatch(text)
        if not match or side not in sides or (minutes := float(match[2])) >= 60:
            raise self._bad(f"{name} is {text},{side}", f"expected degrees and minutes, then one of {sides}")
        degrees = int(match[1]) + minutes / 60
        if degrees > limit:
            raise self._bad(f"{name} is {text},{side}", f"expected at most {limit} degrees")
        return round(-degrees if side in "SW" else degrees, 9)

    def _unbelievable(self, name: str, text: str) -> None:
        self.problems.append(f"{self.tag} with a {name} that cannot be: {text[:24]!r}")

    def _bad(self, problem: str, remedy: str) -> BadInput:
        return BadInput(self.tag, problem, remedy)


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
    return _located(fields, bool(quality), altitude="altitude", hdop="horizontal_dil", satellites="num_sats")


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
    year, month, day = (
        fields.integer(name, 1, highest) for name, highest in (("year", 2200), ("month", 12), ("day", 31))
    )
    complete = year is not None and month is not None and day is not None
    return Facts(
        tag=fields.tag,
        time_us=fields.time_us(),
        day=fields.calendar(year, month, day, f"{year}-{month}-{day}") if complete else None,
        problems=tuple(fields.problems),
    )


READERS = {"RMC": _rmc, "GGA": _gga, "GLL": _gll, "GNS": _gns, "GSA": _gsa, "VTG": _vtg, "ZDA": _zda}
