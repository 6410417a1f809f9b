"""The pages' buttons and, apart from them, SOS: always there, in one touch. Pure."""

from terminal.screen import others
from terminal.screen.cells import MAIN_HEIGHT, MAIN_WIDTH, Area, Box, target
from terminal.screen.pages import jobs, keyboard
from terminal.screen.sos import Arming
from terminal.screen.state import Page
from terminal.screen.view import View

SOS_SHARE = 6
"""One part in so many of the width, and never less than a main target and two cells."""

APART = 2
GAP = 1

FEW = (Page.DUTY, Page.JOBS, Page.MAP, Page.TEXTS, Page.MORE)
ALL = (Page.DUTY, Page.JOBS, Page.MAP, Page.TEXTS, Page.REPORT, Page.CAR, Page.SYSTEM)
UNDER_MORE = (Page.REPORT, Page.CAR, Page.SYSTEM)


def height(screen_height: int) -> int:
    """Rows of the bar: a main target, and more where there is room."""
    return max(MAIN_HEIGHT, screen_height // 5)


def sos_width(screen_width: int) -> int:
    """Columns of SOS."""
    return max(MAIN_WIDTH + 2, screen_width // SOS_SHARE)


def pages(screen_width: int) -> tuple[Page, ...]:
    """The pages that have a button of their own."""
    room = screen_width - sos_width(screen_width) - APART
    return ALL if room >= len(ALL) * (MAIN_WIDTH + GAP) - GAP else FEW


def boxes(view: View, area: Area) -> list[Box]:
    """The buttons, and SOS at the right."""
    strip, _, right = area.columns(0, APART, sos_width(area.width))
    if is_typing(view):
        return [*keyboard.controls(view, strip), sos(view, right)]
    shown = pages(area.width)
    is_extra = view.is_alarm_aside and Page.MORE not in shown
    fields = strip.columns(*[0] * (len(shown) + is_extra), gap=GAP)
    buttons = [_button(view, page, field) for page, field in zip(shown, fields[: len(shown)], strict=True)]
    back = [to_alarm(view, field) for field in fields[len(shown) :]]
    return [*buttons, *back, sos(view, right)]


def to_alarm(view: View, field: Area) -> Box:
    """The way back to an alarm that was put aside."""
    return target(field, view.say("ALARM"), "alarm:", "urgent", main=True)


def is_typing(view: View) -> bool:
    """Whether the keyboard has the screen; what was typed waits while core could not be given it."""
    return view.state.page is Page.KEYBOARD and view.is_page_shown and view.seen.connected and not view.is_locked


def _button(view: View, page: Page, field: Area) -> Box:
    here = view.state.page
    below = {Page.CREW: Page.DUTY, Page.KEYBOARD: Page.TEXTS, Page.WORKSHOP: Page.SYSTEM}.get(here, here)
    under = page is Page.MORE and below in UNDER_MORE
    tone = "chosen" if (below is page or under) and not view.is_alarm_on_top else calling(view, page)
    words = name(view, page)
    count = waiting(view, page)
    return target(field, f"{words}\n{count}" if count else words, f"page:{page}", tone, main=True)


def calling(view: View, page: Page) -> str:
    """The tone of a button whose page is not shown: something there may want the crew."""
    if page is Page.MAP and any(map(others.is_urgent, others.alarms(view.snapshot))):
        return "urgent"
    calls = page is Page.JOBS and view.snapshot is not None and any(map(jobs.is_calling, view.snapshot.jobs))
    return "proposed" if calls else "button"


def name(view: View, page: Page) -> str:
    """A page's name, short enough for its button."""
    say = view.say
    names = {
        Page.DUTY: say("Duty"),
        Page.JOBS: say("Jobs"),
        Page.MAP: say("Map"),
        Page.TEXTS: say("Texts"),
        Page.MORE: say("More"),
        Page.REPORT: say("Report"),
        Page.CAR: say("Car"),
        Page.SYSTEM: say("System"),
    }
    return names[page]


def waiting(view: View, page: Page) -> str:
    """How much on a page the crew has not dealt with, and how many alarms of others are on the map."""
    if view.snapshot is None:
        return ""
    if page is Page.MORE:
        return f"({others.MARK})" if view.is_alarm_aside else ""
    if page is Page.MAP:
        alarms = len(others.alarms(view.snapshot))
        return f"({others.MARK}{alarms})" if alarms else ""
    new = sum(one.step == "sent" for one in view.snapshot.jobs)
    texts = sum(not one.read for one in view.snapshot.texts)
    count = {Page.JOBS: new, Page.TEXTS: texts}.get(page, 0)
    if page is Page.JOBS and any(one.arrived for one in view.snapshot.jobs):
        return f"({count}?)" if count else "(?)"
    return f"({count})" if count else ""


def sos(view: View, area: Area) -> Box:
    """The first of the two taps."""
    armed = view.state.sos.arming(view.now_ns) is Arming.ARMED
    return target(area, view.say("TAP AT\nLEFT") if armed else "SOS", "arm", "button" if armed else "sos", main=True)
