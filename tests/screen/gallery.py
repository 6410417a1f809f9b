"""Pictures of every page as text, from scenes that show what a page can hold."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from hal.readings import Fault, Fix, FixMode, LinkQuality
from terminal.contract.profile import load
from terminal.contract.work import Job, JobStep, LiveAlarm, Neighbour, Picture, Priority, Text
from terminal.examination import Item, Trial
from terminal.link import Snapshot
from terminal.map.drawing import CellSize
from terminal.map.file import MapFile
from terminal.screen import frame
from terminal.screen.backlight import Light
from terminal.screen.bench import Bench
from terminal.screen.cells import painted
from terminal.screen.feed import Gone, Seen
from terminal.screen.language import Language, Say
from terminal.screen.mistake import Mistake
from terminal.screen.palettes import Palette
from terminal.screen.sos import Sos
from terminal.screen.state import Aside, Chart, Page, ScreenState, Typing, spoken
from terminal.screen.view import View
from terminal.shown import (
    AlarmView,
    ArmedView,
    BoardTestView,
    CarFault,
    CheckInView,
    CrewView,
    DiskView,
    DutyView,
    FiledView,
    JobView,
    LineView,
    LogInProblem,
    MemberView,
    PictureView,
    PositionView,
    ProvedView,
    SentView,
    SourceView,
    Trouble,
    UnitView,
    Urgency,
    VehicleView,
    WorkshopView,
)
from tests.screen import extreme

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
MAPS = (MapFile(PROFILES.parent / "maps" / "base.map"),)
SIZES = ((15, 50), (20, 66), (24, 80), (30, 100), (31, 116))
"""(height, width) in cells."""

NOW_NS = 10_000_000_000_000
NOON = datetime(2026, 6, 21, 12, 34, tzinfo=UTC)
GOOD_LINE = LineView(
    connected=True, storing=True, attended=True, hq_silent=False, hq_heard_mono_ns=NOW_NS - 3_000_000_000
)
FIX = Fix(
    source="gnss", mono_ns=NOW_NS - 300_000_000, mode=FixMode.FIX_3D, lat_deg=45.267136, lon_deg=19.833549, utc=NOON
)
JOB = Job(
    job="01",
    title="Tree on the road",
    place="Futoška 12",
    text="Caller waits at the shop.",
    priority=Priority.URGENT,
    lat_deg=45.2688,
    lon_deg=19.8391,
)
JOBS = (
    JobView(job=JOB, step=JobStep.SENT, received=True, next=JobStep.ACCEPTED),
    JobView(
        job=replace(JOB, job="02", title="Noise", place="Булевар ослобођења 102", lat_deg=45.2642),
        step=JobStep.EN_ROUTE,
        next=JobStep.ON_SCENE,
        arrived=True,
    ),
)
TEXTS = (Text(text_id="t1", text="Lookout: white van, plates NS 123 AB, two men", sent_by="Desk 2"),)
SOUGHT = (
    "Lookout for a white van, plates NS 123 AB, last seen at the motorway's northern exit towards the river at 11:50. "
    "Two men, one in a grey jacket; they took tools from a building site and drove off when they were spoken to. "
    "The left tail lamp is broken. Do not stop it alone: say where it is and wait for the second patrol, which comes "
    "from the east. The owner of the van says that he lent it out on Monday and has not heard of it since."
)
CREW = CrewView(
    aboard=(MemberView("1001", "First Officer", checked=True), MemberView("1002", "")),
    roster=(MemberView("1001", "First Officer", checked=True), MemberView("1003", "Third Officer", checked=True)),
)


PICTURE = Picture(
    utc_ms=1_000_000,
    units=(
        Neighbour(unit="NS-22", online=True, duty="available", lat_deg=45.2708, lon_deg=19.8423, position_ms=995_000),
        Neighbour(unit="NS-23", online=False, lat_deg=45.2641, lon_deg=19.8207, position_ms=400_000),
    ),
)
NS_24 = LiveAlarm(incident="A", unit="NS-24", lat_deg=45.2603, lon_deg=19.8389, position_ms=998_000)


@cache
def snapshot(role: str = "general", alarms: tuple[LiveAlarm, ...] = ()) -> Snapshot:
    """A good day, but for these alarms of others."""
    profile = load(PROFILES / f"{role}.toml")
    return Snapshot(
        unit=UnitView("NS-21", "Novi Sad 21", "Octavia", "NS"),
        position=PositionView(fix=FIX, last_good=FIX, stale=False),
        vehicle=VehicleView(
            speed_mps=0.0, speed_source="can", engine_rpm=812, fuel_percent=61, odometer_km=120_345.6, faults=()
        ),
        profile=profile,
        duty=DutyView(status="available", received=True),
        line=LineView(
            connected=True, storing=True, attended=True, hq_silent=False, hq_heard_mono_ns=NOW_NS - 3 * 10**9
        ),
        link=LinkQuality(source="modem", mono_ns=NOW_NS, registered=True, access_technology="lte", signal_percent=71),
        sources=(
            SourceView("gnss", True),
            SourceView("can", False, "can0 is down", "sudo ip link set can0 up type can bitrate 500000", Fault.MISSING),
            SourceView("board", True),
        ),
        jobs=JOBS,
        texts=TEXTS,
        crew=CREW,
        picture=PictureView(replace(PICTURE, alarms=alarms), NOW_NS - 3_000_000_000),
    )


ALARM = AlarmView(
    incident="I",
    kind="real",
    trigger="button",
    silent=False,
    signals=2,
    pressed_mono_ns=NOW_NS - 7 * 10**9,
    stored=True,
    sent=True,
    urgency=Urgency.NOT_CONFIRMED,
)


ASKED = CheckInView(due_mono_ns=NOW_NS - 10**9, alarm_mono_ns=NOW_NS + 29 * 10**9)
"""The timer waits for the lone officer's answer."""


def scenes() -> Iterator[tuple[str, Seen, ScreenState]]:
    """Every page, and every overlay."""
    good, help_wanted = Seen(snapshot=snapshot()), Seen(snapshot=snapshot(alarms=(NS_24,)))
    for page in Page:
        yield str(page), help_wanted if page is Page.MAP else good, ScreenState(page=page)
    yield "one-job", good, ScreenState(page=Page.JOBS, job="01")
    yield "decline", good, ScreenState(page=Page.JOBS, job="01", declining=True)
    yield "pin", good, ScreenState(page=Page.KEYBOARD, typing=Typing("pin", "47", "digits", "1003"))
    yield "dark", good, ScreenState(is_dark=True)
    yield "alarm-dark", Seen(snapshot=replace(snapshot(), alarms=(ALARM,))), ScreenState(is_dark=True)
    yield from of_others()
    yield from of_forms()
    yield from of_the_lone()
    yield from of_what_was_sent()
    yield from of_calls()
    yield from of_loss()
    yield from of_much()
    yield from of_reading()
    yield from benches()


def of_others() -> Iterator[tuple[str, Seen, ScreenState]]:
    """What is shown of other patrols' alarms."""
    help_wanted = Seen(snapshot=snapshot(alarms=(NS_24,)))
    for page in (Page.DUTY, Page.MORE):
        yield f"{page}-alarm-of-others", help_wanted, ScreenState(page=page)
    told = replace(NS_24, unit="NOVI-SAD-0024", kind="exercise", acknowledged_by="Desk 2", position_ms=1)
    drill = replace(NS_24, incident="B", unit="NS-25", kind="exercise", lat_deg=45.2652, acknowledged_by="Desk 2")
    yield "map-alarms", Seen(snapshot=snapshot(alarms=(NS_24, drill))), ScreenState(page=Page.MAP)
    hour_old = PictureView(replace(PICTURE, alarms=(NS_24, drill)), NOW_NS - 3600 * 10**9)
    yield "map-old", Seen(snapshot=replace(snapshot(), picture=hour_old)), ScreenState(page=Page.MAP)
    yield "exercise-of-others", Seen(snapshot=snapshot(alarms=(told,))), ScreenState()


def of_forms() -> Iterator[tuple[str, Seen, ScreenState]]:
    """Every form of every role, question by question."""
    for role in ("general", "traffic", "border"):
        there = Seen(snapshot=snapshot(role))
        assert there.snapshot is not None
        assert there.snapshot.profile is not None
        yield f"report-{role}", there, ScreenState(page=Page.REPORT)
        yield f"texts-{role}", there, ScreenState(page=Page.TEXTS)
        for form in there.snapshot.profile.forms:
            answers: dict[str, str] = {}
            for question in form.questions:
                yield (
                    f"form-{form.code}-{question.code}",
                    there,
                    ScreenState(page=Page.REPORT, form=form.code, answers=dict(answers)),
                )
                answers[question.code] = question.choices[-1].code
            yield f"form-{form.code}-send", there, ScreenState(page=Page.REPORT, form=form.code, answers=answers)


def of_the_lone() -> Iterator[tuple[str, Seen, ScreenState]]:
    """The lone officer's timer, and what stands on the duty and crew pages beside it."""
    alone = CheckInView(due_mono_ns=NOW_NS + 10**12, alarm_mono_ns=NOW_NS + 10**12 + 30 * 10**9)
    yield "alone", Seen(snapshot=replace(snapshot(), check_in=alone)), ScreenState(page=Page.CREW)
    yield "all-well", Seen(snapshot=replace(snapshot(), check_in=ASKED)), ScreenState()
    yield "all-well-typing", Seen(snapshot=replace(snapshot(), check_in=ASKED)), ScreenState(page=Page.KEYBOARD)
    yield "all-well-dark", Seen(snapshot=replace(snapshot(), check_in=ASKED)), ScreenState(is_dark=True)
    in_gear = replace(snapshot(), vehicle=VehicleView(speed_mps=0.0, gear="D", in_park=False))
    yield "in-gear", Seen(snapshot=in_gear), ScreenState(page=Page.REPORT)
    unproved = replace(snapshot(), proved=ProvedView(), sources=(), jobs=())
    yield "unproved", Seen(snapshot=unproved), ScreenState(page=Page.CREW)
    armed = ArmedView(kind="test", silent=False, is_open=True, until_mono_ns=NOW_NS + 9 * 10**9)
    yield "button-armed", Seen(snapshot=replace(snapshot(), armed=armed)), ScreenState()


def of_what_was_sent() -> Iterator[tuple[str, Seen, ScreenState]]:
    """What the crew told headquarters."""
    sent = SentView(text="We are there", code="arrived", utc_ms=round(NOON.timestamp() * 1000))
    waits = replace(snapshot(), sent=(sent,), filed=FiledView(form="theft", received=True))
    yield "text-sent", Seen(snapshot=waits), ScreenState(page=Page.TEXTS, told_ns=NOW_NS)
    yield "report-filed", Seen(snapshot=waits), ScreenState(page=Page.REPORT, told_ns=NOW_NS)


def of_calls() -> Iterator[tuple[str, Seen, ScreenState]]:
    """SOS tapped once, and alarms of one's own."""
    good = Seen(snapshot=snapshot())
    yield "armed", good, ScreenState(sos=Sos(NOW_NS - 10**9))
    yield "rain", good, ScreenState(sos=Sos(NOW_NS - 10**9), elsewhere_ns=(NOW_NS - 10**9, NOW_NS))
    yield "late", good, ScreenState(sos=Sos(NOW_NS - 4 * 10**9))
    yield "alarm", Seen(snapshot=replace(snapshot(), alarms=(ALARM,))), ScreenState()
    both = replace(snapshot(alarms=(NS_24,)), alarms=(ALARM,), check_in=ASKED)
    yield "alarm-all-well", Seen(snapshot=both), ScreenState()
    half_said = ScreenState(mistake=Mistake("I", Sos(NOW_NS - 10**9)))
    yield "mistake", Seen(snapshot=replace(snapshot(), alarms=(ALARM,))), half_said
    aside = Aside(NOW_NS - 10**9, {"I": ALARM.signals})
    for page in (Page.DUTY, Page.MORE):
        yield f"{page}-aside", Seen(snapshot=replace(snapshot(), alarms=(ALARM,))), ScreenState(page=page, aside=aside)
    named = replace(ALARM, acknowledged_by="Dispatcher Desk 2")
    yield "alarm-pressed-again", Seen(snapshot=replace(snapshot(), alarms=(named,))), ScreenState()
    taken = taken_alarm()
    yield "alarm-taken", Seen(snapshot=replace(snapshot(), alarms=(taken,))), ScreenState()
    yield "taken-aside", Seen(snapshot=replace(snapshot(), alarms=(taken,))), ScreenState(aside=aside)


def of_loss() -> Iterator[tuple[str, Seen, ScreenState]]:
    """Core is gone."""
    yield "core-gone", Seen(lost_mono_ns=NOW_NS - 5 * 10**9, gone=Gone.NOT_RUNNING), ScreenState()
    gone = Seen(last=snapshot(), lost_mono_ns=NOW_NS - 5 * 10**9, gone=Gone.NOT_RUNNING)
    yield "old-jobs", gone, ScreenState(page=Page.JOBS)
    yield "old-duty", gone, ScreenState()
    yield "old-alarm", replace(gone, last=replace(snapshot(), alarms=(taken_alarm(),))), ScreenState(page=Page.JOBS)


def of_much() -> Iterator[tuple[str, Seen, ScreenState]]:
    """As much as the contract lets there be."""
    full = Seen(snapshot=extreme.snapshot(snapshot()))
    for page in (Page.DUTY, Page.JOBS, Page.TEXTS, Page.REPORT, Page.SYSTEM, Page.CREW):
        yield f"full-{page}", full, ScreenState(page=page)
    yield "full-job", full, ScreenState(page=Page.JOBS, job="job-0")
    yield "full-reasons", full, ScreenState(page=Page.JOBS, job="job-0", declining=True)
    yield "full-roster", full, ScreenState(page=Page.CREW, opened="roster")
    yield "full-question", full, ScreenState(page=Page.REPORT, form="form-0")
    yield "long-job", full, ScreenState(page=Page.JOBS, job="job-0", opened="job:job-0", leaves={"job:job-0": 1})
    yield "long-text", full, ScreenState(page=Page.TEXTS, opened="text:text-0", leaves={"text:text-0": 99})


def of_reading() -> Iterator[tuple[str, Seen, ScreenState]]:
    """What has the whole page."""
    sought = replace(snapshot(), texts=(Text(text_id="t9", text=SOUGHT, sent_by="Desk 2", priority=Priority.URGENT),))
    broken = replace(snapshot().vehicle, faults=tuple(CarFault))
    yield "car-faults", Seen(snapshot=replace(snapshot(), vehicle=broken)), ScreenState(page=Page.CAR)
    yield "reading", Seen(snapshot=sought), ScreenState(page=Page.TEXTS, opened="text:t9")
    roster = replace(
        snapshot(), crew=CrewView(roster=tuple(MemberView(f"20{n:02}", f"Officer {n}") for n in range(12)))
    )
    yield "roster", Seen(snapshot=roster), ScreenState(page=Page.CREW, opened="roster")


def taken_alarm() -> AlarmView:
    """One's own, of which a person knows every press."""
    named = replace(ALARM, acknowledged_by="Dispatcher Desk 2")
    return replace(named, received=True, taken=True, urgency=Urgency.NONE, cancelled=True)


OPENED_NS = NOW_NS - 60 * 10**9
TESTS = (
    replace(ALARM, incident="T", kind="test", pressed_mono_ns=OPENED_NS + 10**9, received=True, cleared_by="HQ"),
    replace(ALARM, incident="S", kind="test", silent=True, pressed_mono_ns=OPENED_NS + 2 * 10**9),
)
ALL_WELL = WorkshopView(
    opened_mono_ns=OPENED_NS,
    signals=1234,
    lights_on=True,
    siren_on=True,
    disk=DiskView(asked_mono_ns=OPENED_NS, sync_ms=18.4),
    boards_asked_mono_ns=OPENED_NS,
    boards=(BoardTestView(name="board"), BoardTestView(name="hidden")),
)
UNTRIED = WorkshopView(opened_mono_ns=OPENED_NS)
BAD = WorkshopView(
    opened_mono_ns=OPENED_NS,
    siren_on=True,
    disk=DiskView(asked_mono_ns=OPENED_NS, sync_ms=1830.0),
    boards_asked_mono_ns=OPENED_NS,
    boards=(BoardTestView(name="board", failed=("buzzer", "adc")),),
)
"""Cars whose self-test is open: one in which all is well, one in which nothing was tried, one that needs mending."""


def car(bench: WorkshopView) -> Snapshot:
    """A car in the workshop."""
    if bench is ALL_WELL:
        proved = ProvedView(mono_ns=OPENED_NS + 1_400_000_000, due=False)
        seen = replace(FIX, satellites_used=9, eph_m=3.6, utc=NOON)
        position = PositionView(fix=seen, last_good=seen, stale=False)
        return replace(snapshot(), workshop=bench, alarms=TESTS, proved=proved, position=position)
    dead = replace(GOOD_LINE, trouble=Trouble.NO_NETWORK)
    return replace(snapshot(), workshop=bench, position=PositionView(), line=dead if bench is BAD else GOOD_LINE)


def benches() -> Iterator[tuple[str, Seen, ScreenState]]:
    """The self-test: closed, open, and each thing of it, good, untried and bad."""
    page = ScreenState(page=Page.WORKSHOP)
    for name, bench in (
        ("closed", WorkshopView()),
        ("checking", WorkshopView(checking=True)),
        ("wrong", WorkshopView(problem=LogInProblem.WRONG_PIN)),
        ("paused", WorkshopView(problem=LogInProblem.PAUSED)),
    ):
        yield f"bench-{name}", Seen(snapshot=replace(snapshot(), workshop=bench)), page
    typing = Typing("technician", "4711", "digits")
    yield "bench-pin", Seen(snapshot=car(WorkshopView())), ScreenState(page=Page.KEYBOARD, typing=typing)
    trials = {"good": Trial(heard=True, corners=4), "untried": Trial(), "bad": Trial(heard=False, corners=2)}
    for (how, trial), bench in zip(trials.items(), (ALL_WELL, UNTRIED, BAD), strict=True):
        there = Seen(snapshot=car(bench))
        for item in (None, *Item):
            yield f"bench-{how}-{item or 'all'}", there, replace(page, bench=Bench(item=item, trial=trial))
    for touching in range(4):
        yield f"bench-corner-{touching + 1}", Seen(snapshot=car(UNTRIED)), replace(page, bench=Bench(touching=touching))


L, P = Language, Palette
PICTURES = (
    *(
        (name, name, L.ENGLISH, P.NIGHT, 0)
        for name in ("duty", "jobs", "map", "texts", "more", "report", "car", "system", "crew", "dark")
    ),
    *(
        (name, name, L.ENGLISH, P.NIGHT, 0)
        for name in ("system", "crew", "one-job", "decline", "keyboard", "alarm", "armed", "core-gone", "old-jobs")
    ),
    ("duty-day", "duty", L.SERBIAN_CYRILLIC, P.DAY, 0),
    ("duty-red", "duty", L.SERBIAN_LATIN, P.RED, 0),
    ("alarm-sl", "alarm", L.SLOVENIAN, P.NIGHT, 0),
    ("form-border", "form-group-direction", L.SERBIAN_CYRILLIC, P.NIGHT, 0),
    ("alarm-of-others", "duty-alarm-of-others", L.ENGLISH, P.NIGHT, 0),
    ("mistake", "mistake", L.ENGLISH, P.NIGHT, 0),
    ("self-test", "bench-bad-all", L.ENGLISH, P.NIGHT, 0),
    ("self-test-board", "bench-bad-board", L.ENGLISH, P.NIGHT, 0),
    ("self-test-corner", "bench-corner-2", L.ENGLISH, P.NIGHT, 0),
    ("reading", "reading", L.ENGLISH, P.NIGHT, 0),
    ("roster", "roster", L.SLOVENIAN, P.NIGHT, 0),
    ("duty-large", "duty", L.ENGLISH, P.NIGHT, 3),
)
"""What stands in the documentation: (file, scene, language, colours, size)."""


PIXEL_PICTURES = (("map-pixels", P.NIGHT), ("map-pixels-day", P.DAY))
"""The map as a terminal with pixels shows it: (file, colours)."""


def in_pixels() -> View:
    """The map around the car, as far as the shipped map has lines there, on a panel of 800 x 480."""
    fix = replace(FIX, track_deg=52.0)
    seen = Seen(snapshot=replace(snapshot(alarms=(NS_24,)), position=PositionView(fix=fix, last_good=fix, stale=False)))
    state = ScreenState(page=Page.MAP, chart=Chart(scale=6))
    return replace(view(seen, state, *SIZES[0]), cell=CellSize(32, 16))


@cache
def by_name() -> dict[str, tuple[Seen, ScreenState]]:
    """All scenes, made once; of those with the same name the first."""
    return {name: (seen, state) for name, seen, state in reversed([*scenes()])}


def in_scene(name: str, language: Language, height: int, width: int, *, moving: bool = False) -> View:
    """One scene by its name."""
    seen, state = by_name()[name]
    return view(seen, replace(state, language=language), height, width, moving=moving)


def view(seen: Seen, state: ScreenState, height: int, width: int, *, moving: bool = False) -> View:
    """What a page is drawn from, with the clock standing."""
    if moving and seen.snapshot is not None:
        seen = replace(seen, snapshot=replace(seen.snapshot, vehicle=VehicleView(speed_mps=20.0)))
    say = Say(spoken(state, seen.newest))
    return View(
        seen=seen,
        state=state,
        say=say,
        now_ns=NOW_NS,
        local=NOON,
        height=height,
        width=width,
        maps=MAPS,
        light=Light.SET,
    )


def picture(one: View) -> str:
    """The cells as text."""
    rows = painted(frame.boxes(one), one.height, one.width)
    return "\n".join("".join(text for text, _ in row).rstrip() for row in rows)


def every_page(language: Language) -> str:
    """All scenes of the smallest screen, one beneath the other."""
    found = [f"--- {name}\n{picture(in_scene(name, language, *SIZES[0]))}" for name, _, _ in scenes()]
    return "\n".join(found) + "\n"
