"""Gather the facts of one moment into one `Fix`, as gpsd gathers sentences into a TPV; pure."""

from datetime import UTC, date, datetime, timedelta

from drivers.nmea_sentence import Facts
from hal.readings import Fix, FixMode

SAME_TIME_US = 10_000
"""Some receivers round the time differently from sentence to sentence; gpsd allows as much."""

DAY_US = 86_400_000_000
ROLLOVER = timedelta(weeks=1024)
"""GPS counts weeks in ten bits; an old receiver shows a date this much too early."""

HALF_A_DAY = timedelta(hours=12)
HOLDOVER = timedelta(minutes=10)
"""A receiver that has lost its fix is believed about the time while it goes on counting; some restart elsewhere."""

LEAST_SATELLITES_3D = 4
MEASURED = ("lat_deg", "lon_deg", "altitude_msl_m", "speed_mps", "track_deg", "hdop", "satellites_used")
MOVED_DEG = 1e-5
"""A chart plotter that extrapolates writes several positions for one second; each is told, as gpsd tells them."""

MOST_FACTS = 64
"""No receiver says more about one moment."""


class Calendar:
    """Gives times of day their date; a receiver without a fix since its start only guesses, and is not believed."""

    def __init__(self, not_before: date | None) -> None:
        self._not_before = not_before
        self._last: datetime | None = None
        self._guess: date | None = None

    def utc(self, time_us: int | None, day: date | None, has_fix: bool) -> datetime | None:
        """The moment, None while no fix has confirmed a date."""
        self._guess = day or self._guess
        if time_us is None:
            return None
        if has_fix and self._last is None:
            day = self._guess
        if has_fix and day is not None:
            self._last = _at(self._recent(day), time_us)
            return self._last
        if self._last is None:
            return None
        moment = _at(self._last.date(), time_us)
        if self._last - moment > HALF_A_DAY:
            moment += timedelta(days=1)
        if not has_fix and not timedelta(0) <= moment - self._last <= HOLDOVER:
            return None
        self._last = moment
        return moment

    def _recent(self, day: date) -> date:
        while self._not_before is not None and day < self._not_before:
            day += ROLLOVER
        return day


def _at(day: date, time_us: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(microseconds=time_us)


class Epochs:
    """Facts in, fixes out; learns which sentence is the last of an epoch, so as not to wait for the next one."""

    def __init__(self, source: str, not_before: date | None = None) -> None:
        self._source = source
        self._calendar = Calendar(not_before)
        self._facts: list[Facts] = []
        self._told: list[Facts] = []
        self._before: list[Facts] = []
        self._enders: set[str] = set()
        self._followed: set[str] = set()
        self._dimension: int | None = None

    def add(self, facts: Facts, mono_ns: int) -> list[Fix]:
        """The fixes that these facts complete: of the epoch before them, or of their own."""
        found: list[Fix] = []
        if self._is_late(facts):
            self._facts, self._told, self._before = self._told + self._facts, [], []
        elif _moved(self._facts, facts):
            found = self.close(mono_ns)
        elif self._begins_next(facts):
            self._learn()
            found = self.close(mono_ns)
        self._facts.append(facts)
        if facts.tag in self._enders - self._followed and facts.time_us is not None:
            told = self._facts
            found += self.close(mono_ns)
            self._told = told
        return found

    def close(self, mono_ns: int) -> list[Fix]:
        """The fix of what has come so far, none if nothing in it spoke of a fix."""
        facts, self._facts, self._told = self._facts, [], []
        if all(one.valid is None for one in facts):
            self._facts = [one for one in facts if one.time_us is None]
            return []
        time_us = _time_us(facts)
        before, self._before = self._before, facts
        return [self._fix(facts, time_us, _has_fix(facts) and not _frozen(before, facts), mono_ns)]

    def _is_late(self, facts: Facts) -> bool:
        """Whether an epoch that was already told goes on after all."""
        if facts.time_us is None or not self._told:
            return False
        same_time = _same(facts.time_us, _time_us(self._told))
        return same_time and all(one.tag != facts.tag for one in self._told)

    def _begins_next(self, facts: Facts) -> bool:
        if len(self._facts) >= MOST_FACTS:
            return True
        if facts.valid is not None and any(one.tag == facts.tag for one in self._facts):
            return True
        time_us = _time_us(self._facts)
        return None not in (facts.time_us, time_us) and not _same(facts.time_us, time_us)

    def _learn(self) -> None:
        timed = [one.tag for one in self._facts if one.time_us is not None]
        self._followed.update(timed[:-1])
        self._enders.update(timed[-1:])

    def _fix(self, facts: list[Facts], time_us: int | None, has_fix: bool, mono_ns: int) -> Fix:
        days = [one.day for one in facts if one.day is not None]
        utc = self._calendar.utc(time_us, days[-1] if days else None, has_fix)
        t = None if utc is None else utc.timestamp()
        if not has_fix:
            self._dimension = None
            return Fix(source=self._source, mono_ns=mono_ns, t=t, utc=utc, mode=FixMode.NO_FIX)
        measured = {name: value for one in facts for name in MEASURED if (value := getattr(one, name)) is not None}
        mode = self._mode(facts, measured)
        if mode is not FixMode.FIX_3D:
            measured.pop("altitude_msl_m", None)
        return Fix(source=self._source, mono_ns=mono_ns, t=t, utc=utc, mode=mode, **measured)

    def _mode(self, facts: list[Facts], measured: dict[str, float]) -> FixMode:
        """GSA's word, kept until its next; without any, what altitude and satellites allow."""
        self._dimension = max((one.dimension for one in facts if one.dimension), default=self._dimension)
        counted = measured.get("satellites_used", 0) >= LEAST_SATELLITES_3D and "altitude_msl_m" in measured
        return (
            FixMode.FIX_3D
            if self._dimension == FixMode.FIX_3D or (self._dimension is None and counted)
            else FixMode.FIX_2D
        )


def _time_us(facts: list[Facts]) -> int | None:
    return next((one.time_us for one in reversed(facts) if one.time_us is not None), None)


def _same(one_us: int | None, other_us: int | None) -> bool:
    if one_us is None or other_us is None:
        return False
    apart_us = abs(one_us - other_us)
    return min(apart_us, DAY_US - apart_us) <= SAME_TIME_US


def _moved(facts: list[Facts], newest: Facts) -> bool:
    """Whether the newest fact places the car elsewhere than those before it."""
    before = next((one for one in reversed(facts) if one.lat_deg is not None), None)
    if before is None or before.lat_deg is None or before.lon_deg is None:
        return False
    if newest.lat_deg is None or newest.lon_deg is None:
        return False
    return max(abs(newest.lat_deg - before.lat_deg), abs(newest.lon_deg - before.lon_deg)) > MOVED_DEG


def _frozen(before: list[Facts], facts: list[Facts]) -> bool:
    """Whether the receiver repeats the moment that it told before: some do so when they have lost the sky."""
    repeated = {one.tag for one in before if one.valid} & {one.tag for one in facts if one.valid}
    return bool(repeated) and _same(_time_us(before), _time_us(facts))


def _has_fix(facts: list[Facts]) -> bool:
    """Whether every type of sentence that speaks of a fix says that there is one, by whatever talker."""
    words: dict[str, bool] = {}
    for one in facts:
        word = one.valid if one.valid is not None else one.dimension and one.dimension > FixMode.NO_FIX
        if word is not None:
            words[one.tag[2:]] = words.get(one.tag[2:], False) or bool(word)
    return all(words.values())
