"""Duty: one tap a status, what headquarters knows, the crew, how loud the screen is, and darkness."""

from terminal.contract.profile import Choice
from terminal.link import Snapshot
from terminal.screen import paging
from terminal.screen.cells import MAIN_HEIGHT, MAIN_WIDTH, Area, Box, target
from terminal.screen.state import Page
from terminal.screen.view import View
from terminal.screen.words import clean

SIDE = 5
LEAST_SIDE = 2 * MAIN_WIDTH + 1
"""What stands at the right takes one part in so many of the width, and has room for two main targets."""

FEW = 6
"""So many statuses have room on every screen, and a place is no larger for fewer."""

COLUMNS = 3


def boxes(view: View, area: Area) -> list[Box]:
    """Statuses at the left; crew, shift and darkness at the right."""
    if view.snapshot is None:
        return []
    head, field = area.rows(1, 0)
    left, right = field.columns(0, max(area.width // SIDE, LEAST_SIDE), gap=1)
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
    """The profile's statuses."""
    choices: tuple[Choice, ...] = () if snapshot.profile is None else snapshot.profile.statuses
    fields = paging.fields(area, max(len(choices), FEW), COLUMNS, MAIN_HEIGHT)
    leaf = paging.leaf(view, "statuses", choices, fields)
    return [*(status(view, snapshot, one, field) for one, field in leaf.placed), *leaf.turn]


def status(view: View, snapshot: Snapshot, one: Choice, area: Area) -> Box:
    """A status, in a colour of its own while it is true."""
    tone = "chosen" if one.code == snapshot.duty.status else "button"
    return target(area, view.say.label(one.label), f"duty:{one.code}", tone, main=True)


def side(view: View, area: Area) -> list[Box]:
    """Crew, sound and darkness: what is wanted at once, also while the car moves.

    The way to the crew's page calls while nobody is on board, and while the alarm's way should be proved there.
    """
    upper, dark = area.rows(0, 0)
    crew, sound = upper.columns(0, 0, gap=1)
    aboard = 0 if view.snapshot is None else len(view.snapshot.crew.aboard)
    words = view.say("Crew\n{count}", count=aboard)
    proved = None if view.snapshot is None else view.snapshot.proved
    calls = not aboard or (proved is not None and proved.due)
    return [
        target(crew, words, f"page:{Page.CREW}", "proposed" if calls else "button", main=True),
        target(sound, view.say("Sound\n{volume}", volume=view.state.volume), "louder", main=True),
        target(dark, view.say("Dark"), "dark", main=True),
    ]
