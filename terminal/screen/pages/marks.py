"""What is shown on the map besides the map: patrols, jobs, alarms, and the car itself. Pure."""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from terminal.contract.work import ENDED, LiveAlarm, Picture
from terminal.link import Snapshot
from terminal.screen import others
from terminal.screen.language import Say
from terminal.screen.others import OLD_AFTER_MS
from terminal.screen.view import View
from terminal.screen.words import age, clean

MarkTone = Literal["own", "other", "old", "job", "urgent"]
"""What a mark's colours say of it; a picture has these and no others."""


class Shape(Enum):
    """What a mark stands for."""

    PATROL = auto()
    JOB = auto()
    ALARM = auto()
    CAR = auto()


class Mark(Struct, frozen=True):
    """Something on the map; `course_deg` is the way over ground of what moves, from north."""

    lat_deg: float
    lon_deg: float
    words: str
    tone: MarkTone
    shape: Shape
    course_deg: float | None = None


def marks(view: View, snapshot: Snapshot) -> Iterator[Mark]:
    """In the order in which they are drawn: the urgent ones last. Once core is gone all of them are old."""
    is_gone = view.seen.lost_mono_ns != 0
    for mark in _marks(view, snapshot):
        yield replace(mark, tone="old") if is_gone else mark


def _marks(view: View, snapshot: Snapshot) -> Iterator[Mark]:
    told = snapshot.picture
    if told is not None:
        yield from _patrols(told.picture, (view.now_ns - told.mono_ns) // 1_000_000)
    for number, there in enumerate(snapshot.jobs, 1):
        job = there.job
        if job.lat_deg is not None and job.lon_deg is not None and there.step not in ENDED:
            yield Mark(job.lat_deg, job.lon_deg, f"#{number}", "job", Shape.JOB)
    for alarm in sorted(others.alarms(snapshot), key=others.is_urgent):
        if alarm.lat_deg is not None and alarm.lon_deg is not None:
            words, tone = alarm_mark(view.say, alarm, others.age_ms(snapshot, alarm, view.now_ns))
            yield Mark(alarm.lat_deg, alarm.lon_deg, words, tone, Shape.ALARM)
    position = snapshot.position
    fix = position.last_good
    if fix is not None and fix.lat_deg is not None and fix.lon_deg is not None:
        course_deg = None if position.stale else fix.track_deg
        yield Mark(fix.lat_deg, fix.lon_deg, "", "old" if position.stale else "own", Shape.CAR, course_deg)


def alarm_mark(say: Say, alarm: LiveAlarm, aged_ms: int | None) -> tuple[str, MarkTone]:
    """Whose, whether it is an exercise or somebody has taken it, and how old: red is only who calls from there now."""
    is_old = aged_ms is None or aged_ms > OLD_AFTER_MS
    words = others.MARK + (f"{say('EXERCISE')} " if alarm.kind == "exercise" else "")
    words += clean(alarm.unit) + (f" {say('taken')}" if alarm.acknowledged_by else "")
    words += f" {age(aged_ms * others.MS)}" if is_old and aged_ms is not None else ""
    return words, "old" if is_old else "urgent" if others.is_urgent(alarm) else "job"


def _patrols(picture: Picture, told_ms: int) -> Iterator[Mark]:
    for one in picture.units:
        if one.lat_deg is not None and one.lon_deg is not None:
            aged_ms = told_ms + picture.utc_ms - (one.position_ms or 0)
            old = not one.online or aged_ms > OLD_AFTER_MS
            words = f"{clean(one.unit)} {age(aged_ms * 1_000_000)}" if old else clean(one.unit)
            yield Mark(one.lat_deg, one.lon_deg, words, "old" if old else "other", Shape.PATROL)
