"""The fields of one NMEA 0183 sentence, every value checked; pure.

`pynmea2` knows the fields' names. Its converted attributes are not used: they raise undeclared errors, give 0.0/0.0
without a fix and let NaN and 95 degrees of latitude through.
"""

import re
from datetime import date

import pynmea2

from hal.errors import BadInput

KNOT_MPS = 1852 / 3600
FASTEST_MPS = 515.0
"""1000 knots, where civil receivers stop (the export limit known as COCOM)."""

LARGEST_HDOP = 99.0
"""Receivers write 99.9, 99.99 or more for a dilution that they do not know; gpsd ignores 99 and above."""

CENTURY_PIVOT = 80
"""A two-digit year from 80 on is of the last century: GPS time begins in 1980."""

NAV_STATUS, GNS_NAV_STATUS = "nav_status", 12
"""GNS's navigation state came with NMEA 4.10; pynmea2's table of GNS does not have it."""

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
ANGLE = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)", re.ASCII)
TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d*))?", re.ASCII)


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
        self._note(name, text)
        return None

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
            self._note(name, text)
            return None
        seconds = (int(match[1]) * 60 + int(match[2])) * 60 + int(match[3])
        return seconds * 1_000_000 + int((match[4] or "0")[:6].ljust(6, "0"))

    def day(self, name: str) -> date | None:
        """A date as ddmmyy."""
        text = self.text(name)
        if len(text) != 6 or not text.isdecimal():
            if text:
                self._note(name, text)
            return None
        year = int(text[4:])
        return self.calendar(year + (1900 if year >= CENTURY_PIVOT else 2000), int(text[2:4]), int(text[:2]), text)

    def calendar(self, year: int, month: int, day: int, text: str) -> date | None:
        """The date, if there is such a day."""
        try:
            return date(year, month, day)
        except ValueError:
            self._note("date", text)
            return None

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

    def _note(self, name: str, text: str) -> None:
        self.problems.append(f"{self.tag} with a {name} that cannot be: {text[:24]!r}")

    def _bad(self, problem: str, remedy: str) -> BadInput:
        return BadInput(self.tag, problem, remedy)
