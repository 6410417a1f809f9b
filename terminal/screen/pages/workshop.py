"""The technician's self-test: a PIN, all things with how they are, and each: expected, seen, to do. Pure."""

from terminal import examination
from terminal.examination import Found, Item, Verdict
from terminal.screen import examined, paging
from terminal.screen.cells import LEAST_HEIGHT, LEAST_WIDTH, Area, Box, target
from terminal.screen.pages.crew import pin_problem
from terminal.screen.state import Page
from terminal.screen.view import View
from terminal.shown import LogInProblem, WorkshopView

ROWS, COLUMNS = 3, 4
"""Eleven things, and the way out."""

NOTICE_ROW = LEAST_HEIGHT
"""Beneath the upper corners, while these are tapped."""

TONES = {Verdict.OK: "chosen", Verdict.WARN: "proposed", Verdict.FAIL: "proposed", Verdict.OPEN: "button"}
WORD_TONES = {Verdict.OK: "good", Verdict.WARN: "warn", Verdict.FAIL: "bad", Verdict.OPEN: "title"}


def boxes(view: View, area: Area) -> list[Box]:
    """Closed, all things, or one of them."""
    bench = None if view.snapshot is None else view.snapshot.workshop
    if bench is None or bench.opened_mono_ns is None:
        return closed(view, bench, area)
    found = {one.item: one for one in look(view)}
    item = view.state.bench.item
    return overview(view, found, area) if item is None else detail(view, found[item], area)


def look(view: View) -> tuple[Found, ...]:
    """Everything as it is now."""
    assert view.snapshot is not None
    return examination.examine(view.snapshot, view.state.bench.trial, view.now_ns, view.local)


def closed(view: View, bench: WorkshopView | None, area: Area) -> list[Box]:
    """Why there is nothing to see, and the way in."""
    say = view.say
    words, foot = area.rows(0, LEAST_HEIGHT + 1)
    away, enter = foot.columns(0, 0, gap=1)
    back = target(away, say("Back"), "page:system", main=True)
    if bench is None:
        text = say("This car has no technician's PIN:\nthere is no self-test.")
        return [Box(area=words, words=text, tone="locked", middle=True, edged=True), back]
    text, tone = say("Self-test, for technicians"), "dim"
    if bench.checking:
        text = say("The PIN is being checked")
    elif bench.problem is not LogInProblem.NONE:
        text, tone = pin_problem(say, bench.problem), "bad"
    shown = Box(area=words, words=text, tone=tone, middle=True)
    return [shown, back, target(enter, say("PIN"), "type:technician", "proposed", main=True)]


def overview(view: View, found: dict[Item, Found], area: Area) -> list[Box]:
    """A button for each thing."""
    *fields, last = area.grid(ROWS, COLUMNS)
    tiles = [
        target(
            field,
            f"{examined.name(view.say, one.item)}\n{word(view, one.verdict)}",
            f"bench:item:{one.item}",
            TONES[one.verdict],
        )
        for one, field in zip(found.values(), fields, strict=True)
    ]
    return [*tiles, target(last, view.say("Close"), "bench:close")]


def word(view: View, verdict: Verdict) -> str:
    """How it is, in a word."""
    say = view.say
    words = {
        Verdict.OK: say("● good"),
        Verdict.WARN: say("✖ look"),
        Verdict.FAIL: say("✖ bad"),
        Verdict.OPEN: say("○ open"),
    }
    return words[verdict]


def detail(view: View, found: Found, area: Area) -> list[Box]:
    """One thing: its name, what is expected, seen, and to do; what can be tried beneath."""
    say = view.say
    text, foot = area.rows(0, LEAST_HEIGHT)
    title = " ".join(examined.name(say, found.item).split())
    lines = [
        (f"{title}: {word(view, found.verdict)}", WORD_TONES[found.verdict]),
        (say("Expected: {what}", what=examined.expected(say, found.item)), "dim"),
        (say("Seen: {what}", what=examined.seen(say, found)), "plain"),
    ]
    to_do = examined.remedy(say, found)
    if to_do:
        lines.append((say("Do: {what}", what=to_do), "warn"))
    return [*paging.told(view, found.item, lines, text), *actions(view, found.item, foot)]


def actions(view: View, item: Item, area: Area) -> list[Box]:
    """Back, and what can be tried."""
    found = [(view.say("Back"), "bench:"), *_tries(view, item)]
    fields = area.columns(*[0] * max(len(found), 3), gap=1)
    return [target(field, words, code) for (words, code), field in zip(found, fields, strict=False)]


def _tries(view: View, item: Item) -> list[tuple[str, str]]:
    say = view.say
    heard = [(say("Heard"), "bench:heard:yes"), (say("Not heard"), "bench:heard:no")]
    tries = {
        Item.BOARD: [(say("Try"), "bench:boards")],
        Item.BUTTON: [(say("Arm"), "try-button")],
        Item.HIDDEN: [(say("Arm"), "bench:hidden")],
        Item.LINE: [(say("Test alarm"), "test")],
        Item.SOUND: [(say("Play"), "bench:tone"), *heard],
        Item.TOUCH: [(say("Begin"), "bench:touch")],
        Item.DISK: [(say("Try"), "bench:disk")],
    }
    return tries.get(item, [])


def is_touching(view: View) -> bool:
    """Whether the panel's corners are being tapped; whatever cannot wait comes before that."""
    bench = None if view.snapshot is None else view.snapshot.workshop
    if bench is None or bench.opened_mono_ns is None or view.state.bench.touching is None:
        return False
    return view.state.page is Page.WORKSHOP and view.is_page_shown and not view.is_locked


def corners(view: View, sos: Box, whole: Area) -> list[Box]:
    """One corner at a time over the whole panel, and SOS where it always is: its corner is the one above it."""
    touching = view.state.bench.touching or 0
    right = whole.right - LEAST_WIDTH
    tops = ((0, 0), (0, right), (sos.area.top - LEAST_HEIGHT, right), (whole.bottom - LEAST_HEIGHT, 0))
    top, left = tops[min(touching, len(tops) - 1)]
    middle = Area(NOTICE_ROW + 1, LEAST_WIDTH + 1, LEAST_HEIGHT + 1, right - LEAST_WIDTH - 2)
    words, stop = middle.rows(1, LEAST_HEIGHT)
    return [
        sos,
        target(Area(top, left, LEAST_HEIGHT, LEAST_WIDTH), "●", "bench:corner", "proposed"),
        Box(area=words, words=view.say("Tap the corner {number} of 4", number=touching + 1), tone="title", middle=True),
        target(stop, view.say("Stop"), "bench:stop"),
    ]
