"""What the screen itself remembers of where its crew is; what a tap does to it stands in tapping.py. Pure."""

from enum import StrEnum

from msgspec import Struct

from terminal.asked import LONGEST_BADGE, LONGEST_PIN
from terminal.contract.profile import Form
from terminal.link import Snapshot
from terminal.screen.backlight import SHARES
from terminal.screen.bench import Bench
from terminal.screen.language import Language
from terminal.screen.mistake import Mistake
from terminal.screen.palettes import Palette
from terminal.screen.ringing import Ringing
from terminal.screen.settling import Standing
from terminal.screen.sos import Sos

REFUSAL_SHOWN_NS = 8_000_000_000
"""How long it is said that core refused a command."""

ASIDE_NS = 10_000_000_000
"""An alarm that the crew has put aside comes back after so long, unless somebody has taken it."""

SCALES_M = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0)
"""Metres a dot of the map, from a crossing to a country."""

ASK_FOR_SILENT = "000"
"""Typed as a badge: how far a silent alarm has come is shown, to who knows where to look (docs/alarms.md)."""

TOLD_OF_SILENT_NS = 5_000_000_000

LONGEST_TYPED = {"text": 160, "badge": LONGEST_BADGE, "pin": LONGEST_PIN, "technician": LONGEST_PIN}
"""Characters; a key beyond them does nothing."""


class Page(StrEnum):
    """What stands in the middle."""

    DUTY = "duty"
    JOBS = "jobs"
    MAP = "map"
    TEXTS = "texts"
    MORE = "more"
    REPORT = "report"
    CAR = "car"
    SYSTEM = "system"
    CREW = "crew"
    KEYBOARD = "keyboard"
    WORKSHOP = "workshop"


class Typing(Struct, frozen=True):
    """What is being typed on the screen's keyboard, and for what: `text`, `badge`, `pin` or `technician`."""

    what: str = "text"
    typed: str = ""
    layout: str = "letters"
    badge: str = ""


class Aside(Struct, frozen=True):
    """When the crew put the alarms aside, and how many presses each had: a new one brings its alarm back."""

    since_ns: int
    presses: dict[str, int] = {}


class Chart(Struct, frozen=True):
    """How the map is shown: its scale by number, its middle (None: the car), and whether north or the way is up."""

    scale: int = 4
    middle: tuple[float, float] | None = None
    is_north_up: bool = True


class ScreenState(Struct, frozen=True, kw_only=True):
    """Where the crew is on the screen, which core does not know; `remembering` says what of it outlives the process.

    `language` is None until somebody has chosen one: `spoken` says which it is then.
    `moved_ns` is when the car was last too fast for what is locked while it moves.

    `opened` is a text, a job or a list that has the whole page; `leaves` how far lists and texts are turned, by name.
    """

    page: Page = Page.DUTY
    language: Language | None = None
    palette: Palette | None = None
    is_dark: bool = False
    dark_with: frozenset[str] = frozenset()
    sos: Sos = Sos()
    elsewhere_ns: tuple[int, ...] = ()
    aside: Aside | None = None
    mistake: Mistake = Mistake()
    job: str = ""
    declining: bool = False
    opened: str = ""
    leaves: dict[str, int] = {}
    form: str = ""
    answers: dict[str, str] = {}
    typing: Typing = Typing()
    refused_ns: int | None = None
    told_ns: int | None = None
    chart: Chart = Chart()
    volume: int = 2
    brightness: int = len(SHARES) - 1
    asked_ns: int | None = None
    standing: tuple[Standing, ...] = ()
    ringing: Ringing = Ringing()
    bench: Bench = Bench()
    moved_ns: int | None = None


def spoken(state: ScreenState, snapshot: Snapshot | None) -> Language:
    """The crew's language, or else its profile's."""
    profile = None if snapshot is None else snapshot.profile
    return state.language or Language("en" if profile is None else profile.language)


def find_form(snapshot: Snapshot | None, code: str) -> Form | None:
    """The profile's form of this code."""
    forms = () if snapshot is None or snapshot.profile is None else snapshot.profile.forms
    return next((form for form in forms if form.code == code), None)
