"""The terminal itself: every device in words, language, colours and light. Pure."""

from terminal.screen import faults, paging
from terminal.screen.backlight import Light
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.language import NAMES, Language
from terminal.screen.palettes import Palette
from terminal.screen.view import View
from terminal.screen.words import clean
from terminal.shown import SourceView
from terminal.version import VERSION

SIDE, LEAST_SIDE = 6, 9
"""The self-test's button takes one part in so many of the width, and so many cells at least."""


def boxes(view: View, area: Area) -> list[Box]:
    """Devices above; languages and colours beneath."""
    if view.snapshot is None:
        return []
    above, languages, colours = area.rows(0, LEAST_HEIGHT, LEAST_HEIGHT)
    devices, right = above.columns(0, max(area.width // SIDE, LEAST_SIDE), gap=1)
    workshop, _ = right.rows(LEAST_HEIGHT, 0)
    return [
        *health(view, view.snapshot.sources, devices),
        target(workshop, view.say("Self-test"), "bench:"),
        *speech(view, languages),
        *palettes(view, colours),
    ]


def health(view: View, sources: tuple[SourceView, ...], area: Area) -> list[Box]:
    """Those that do not work first, each with what can be done about it; leaf by leaf where there are more lines."""
    order = sorted(sources, key=lambda one: one.up)
    facts = [(said(view, one), "good" if one.up else "warn") for one in order]
    if view.light is Light.REFUSED:
        facts.insert(0, (view.say("Light: not allowed, its rule is missing"), "warn"))
    if view.light is Light.NONE:
        facts.append((view.say("Light: this screen has none to set"), "dim"))
    facts.append((view.say("Patrola {version}", version=VERSION), "dim"))
    return paging.told(view, "devices", facts, area)


def said(view: View, source: SourceView) -> str:
    """One device in a line; how it fails in the technician's own words while the self-test is open."""
    if source.up:
        return view.say("{name} works", name=clean(source.name))
    bench = None if view.snapshot is None else view.snapshot.workshop
    if bench is not None and bench.opened_mono_ns is not None:
        return f"{clean(source.name)}: {clean(source.problem)}; {clean(source.remedy)}"
    return faults.of_source(view.say, source)


def speech(view: View, area: Area) -> list[Box]:
    """The languages, each by its own name."""
    fields = area.columns(*[0] * len(Language), gap=1)
    return [
        target(field, NAMES[one], f"language:{one}", "chosen" if one is view.say.language else "button")
        for one, field in zip(Language, fields, strict=True)
    ]


def palettes(view: View, area: Area) -> list[Box]:
    """Colours, by the sun or by hand, and how bright the screen is."""
    names = {
        None: view.say("Auto"),
        Palette.DAY: view.say("Day"),
        Palette.NIGHT: view.say("Night"),
        Palette.RED: view.say("Red"),
    }
    *fields, bright = area.columns(*[0] * (len(names) + 1), gap=1)
    found = [
        target(field, words, f"palette:{one or ''}", "chosen" if one is view.state.palette else "button")
        for (one, words), field in zip(names.items(), fields, strict=True)
    ]
    return [*found, light(view, bright)]


def light(view: View, area: Area) -> Box:
    """How bright the panel is, or that it is not this screen's to set."""
    if view.light is Light.SET:
        return target(area, view.say("Light\n{level}", level=view.state.brightness + 1), "brighter")
    words = view.say("Light:\nnone") if view.light is Light.NONE else view.say("Light:\nrefused")
    return Box(area=area, words=words, tone="locked", middle=True, edged=True)
