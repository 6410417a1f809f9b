"""Duty: one tap a status, what headquarters knows, the crew, and darkness."""

from math import ceil

from terminal.contract.profile import Choice
from terminal.link import Snapshot
from terminal.screen.cells import Area, Box, target
from terminal.screen.state import Page
from terminal.screen.view import View
from terminal.screen.words import clean

SIDE = 5
"""The column at the right takes one part in so many of the width."""

FEW = 6
"""Up to so many statuses stand in two rows, more in three."""

COLUMNS = 3


def boxes(view: View, area: Area) -> list[Box]:
    """Statuses at the left; crew, shift and darkness at the right."""
    if view.snapshot is None:
        return []
    head, field = area.rows(1, 0)
    left, right = field.columns(0, max(area.width // SIDE, 9), gap=1)
    return [headline(view, view.snapshot, head), *statuses(view, view.snapshot, left), *side(view, right)]


def headline(view: View, snapshot: Snapshot, area: Area) -> Box:
    """What headquarters knows of the status."""
    words = label(view, snapshot, snapshot.duty.status)
    if snapshot.duty.received:
        return Box(area=area, words=view.say("HQ has: {status}", status=words), tone="good")
    return Box(area=area, words=view.say("HQ not told yet: {status}", status=words), tone="warn")


def label(view: View, snapshot: Snapshot, code: str) -> str:
    """A status in words."""
    choices: tuple[Choice, ...] = () if snapshot.profile is None else snapshot.profile.statuses
    return next((view.say.label(one.label) for one in choices if one.code == code), clean(code))


def statuses(view: View, snapshot: Snapshot, area: Area) -> list[Box]:
    """The profile's statuses, the one that is true in its own colour."""
    choices: tuple[Choice, ...] = () if snapshot.profile is None else snapshot.profile.statuses
    rows = 2 if len(choices) <= FEW else ceil(len(choices) / COLUMNS)
    return [
        target(
            field,
            view.say.label(one.label),
            f"duty:{one.code}",
            "chosen" if one.code == snapshot.duty.status else "button",
            main=len(choices) <= FEW,
        )
        for one, field in zip(choices, area.grid(rows, COLUMNS), strict=False)
    ]


def side(view: View, area: Area) -> list[Box]:
    """Crew and darkness."""
    crew, dark = area.rows(0, 0)
    aboard = 0 if view.snapshot is None else len(view.snapshot.crew.aboard)
    words = view.say("Crew\n{count}", count=aboard)
    return [
        target(crew, words, f"page:{Page.CREW}", "button" if aboard else "proposed", main=True),
        target(dark, view.say("Dark"), "dark", main=True),
    ]
