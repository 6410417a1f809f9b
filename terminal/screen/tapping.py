"""What a tap does to the screen: (state, its code, what core shows) to (state, what is wanted). Pure."""

from collections.abc import Callable

from msgspec.structs import replace

from terminal.asked import (
    AnswerCheckIn,
    AnswerJob,
    ArmButton,
    CancelAlarm,
    Command,
    EndShift,
    FileReport,
    LogIn,
    LogOut,
    OpenWorkshop,
    RaiseAlarm,
    ReadText,
    SendText,
    SetDuty,
    StartCheckIn,
    StartShift,
    StopCheckIn,
)
from terminal.contract.work import ENDED, JobStep
from terminal.link import Snapshot
from terminal.screen import bench
from terminal.screen.backlight import SHARES
from terminal.screen.bench import Bench
from terminal.screen.darkness import lit_by
from terminal.screen.driving import is_locked
from terminal.screen.language import Language, in_language
from terminal.screen.mistake import Mistake
from terminal.screen.palettes import Palette
from terminal.screen.sos import Arming, Sos
from terminal.screen.sound import VOLUMES
from terminal.screen.state import (
    ASK_FOR_SILENT,
    LONGEST_TYPED,
    SCALES_M,
    Aside,
    Page,
    ScreenState,
    Typing,
    find_form,
    spoken,
)
from terminal.screen.wanted import Wanted

STAY_DARK = ("dark", "check-in")
"""Taps after which a panel that was darkened is dark."""

Tapped = tuple[ScreenState, tuple[Wanted, ...]]


def tapped(state: ScreenState, code: str, snapshot: Snapshot | None, now_ns: int) -> Tapped:
    """The screen after a tap on this code, and what is wanted because of it.

    A panel that something has lit in the dark is dark again once that is answered; whoever taps more of it has light.
    """
    verb, _, rest = code.partition(":")
    lit = state if verb in STAY_DARK else replace(state, is_dark=False)
    done = VERBS[verb](lit, rest, snapshot, now_ns)
    return done if isinstance(done, tuple) else (done, ())


Verb = Callable[[ScreenState, str, Snapshot | None, int], ScreenState | Tapped]


def _arm(state: ScreenState, _rest: str, _snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    return replace(state, sos=Sos(now_ns))


def _send(state: ScreenState, _rest: str, _snapshot: Snapshot | None, now_ns: int) -> ScreenState | Tapped:
    if state.sos.arming(now_ns) is not Arming.ARMED:
        return state
    if state.sos.is_doubted(state.elsewhere_ns, now_ns):
        return replace(state, sos=replace(state.sos, insisted=True))
    return replace(state, sos=Sos(), aside=None, mistake=Mistake()), (RaiseAlarm(),)


def _aside(state: ScreenState, _rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    """The crew is where it was, with what it had begun."""
    alarms = () if snapshot is None else snapshot.alarms
    aside = Aside(now_ns, {alarm.incident: alarm.signals for alarm in alarms if not alarm.silent})
    return replace(state, aside=aside, mistake=Mistake())


def _page(state: ScreenState, rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    here = replace(_aside(state, "", snapshot, now_ns), page=Page(rest))
    return replace(here, job="", declining=False, opened="", leaves={}, form="", answers={})


def _alarm(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, aside=None, mistake=Mistake())


def _mistake(state: ScreenState, rest: str, _snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    return replace(state, mistake=Mistake(rest, Sos(now_ns)))


def _cancel(state: ScreenState, rest: str, _snapshot: Snapshot | None, now_ns: int) -> ScreenState | Tapped:
    if not state.mistake.is_half_said(rest, now_ns):
        return state
    return replace(state, mistake=Mistake()), (CancelAlarm(incident=rest),)


def _duty(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    return state, (SetDuty(status=rest),)


def _dark(state: ScreenState, _rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    known = frozenset() if snapshot is None else lit_by(snapshot, now_ns)
    return replace(state, is_dark=True, dark_with=known, sos=Sos())


def _light(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return state


def _language(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, language=Language(rest))


def _palette(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, palette=Palette(rest) if rest else None)


def _job(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, page=Page.JOBS, job=rest, declining=False, opened="")


def _open(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    # What is read is read from its beginning.
    return replace(state, opened=rest, leaves={name: leaf for name, leaf in state.leaves.items() if name != rest})


def _map(state: ScreenState, rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    return _centre(_page(state, Page.MAP, snapshot, now_ns), rest, snapshot, now_ns)


def _turn(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    name, _, leaf = rest.rpartition(":")
    return replace(state, leaves=state.leaves | {name: int(leaf)})


def _answer(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    job, step, reason = (*rest.split(":"), "")[:3]
    # A job that goes on keeps the page, or while the car moves the next would stand under the finger.
    stays = "" if JobStep(step) in ENDED else job
    return replace(state, job=stays, declining=False), (AnswerJob(job=job, step=JobStep(step), reason=reason),)


def _decline(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, page=Page.JOBS, job=rest, declining=True)


def _form(state: ScreenState, rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState | Tapped:
    form = find_form(snapshot, rest)
    if form is None or is_locked(snapshot, state.moved_ns, now_ns):
        return state
    return replace(state, page=Page.REPORT, form=rest, answers={})


def _say(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    question, answer = rest.split(":")
    return replace(state, answers=state.answers | {question: answer})


def _file(state: ScreenState, _rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState | Tapped:
    form = find_form(snapshot, state.form)
    if form is None or is_locked(snapshot, state.moved_ns, now_ns):
        return state
    if any(question.code not in state.answers for question in form.questions):
        return state
    return replace(state, form="", answers={}, told_ns=now_ns), (FileReport(form=form.code, answers=state.answers),)


def _ready(state: ScreenState, rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState | Tapped:
    choices = () if snapshot is None or snapshot.profile is None else snapshot.profile.texts
    text = next((in_language(one.label, spoken(state, snapshot)) for one in choices if one.code == rest), None)
    return state if text is None else (replace(state, told_ns=now_ns), (SendText(text=text, code=rest),))


def _read(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    # The next one that waits stands on the first leaf.
    return replace(state, opened="", leaves={}), (ReadText(text_id=rest),)


def _shift(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    # The way of an alarm is proved at the start of a shift, without a tap of its own.
    return state, (StartShift(), RaiseAlarm(kind="test")) if rest == "start" else (EndShift(),)


def _test(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    return replace(state, aside=None), (RaiseAlarm(kind="test"),)


def _try_button(state: ScreenState, _rest: str, _snapshot: Snapshot | None, now_ns: int) -> Tapped:
    return state, (ArmButton(asked_mono_ns=now_ns),)


def _check_in(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    commands: dict[str, Command] = {"start": StartCheckIn(), "answer": AnswerCheckIn(), "stop": StopCheckIn()}
    return state, (commands[rest],)


def _in(state: ScreenState, rest: str, snapshot: Snapshot | None, _now_ns: int) -> ScreenState | Tapped:
    # What comes of it is said above those on board, and not above the list of all.
    state = replace(state, opened="")
    roster = () if snapshot is None else snapshot.crew.roster
    if any(one.badge == rest and one.checked for one in roster):
        return replace(state, page=Page.KEYBOARD, typing=Typing("pin", layout="digits", badge=rest))
    return state, (LogIn(badge=rest),)


def _out(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> Tapped:
    return state, (LogOut(badge=rest),)


def _type(state: ScreenState, rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState:
    if is_locked(snapshot, state.moved_ns, now_ns):
        return state
    if rest == state.typing.what == "text":
        # What core's absence, an alarm or the car's moving took the keyboard from is still there to be sent.
        return replace(state, page=Page.KEYBOARD)
    return replace(state, page=Page.KEYBOARD, typing=Typing(rest, layout="letters" if rest == "text" else "digits"))


def _away(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    pages = {"text": Page.TEXTS, "technician": Page.WORKSHOP}
    return replace(state, page=pages.get(state.typing.what, Page.CREW), typing=Typing())


def _key(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    typing = state.typing
    typed = typing.typed[:-1] if rest == "back" else typing.typed + (" " if rest == "space" else rest)
    return replace(state, typing=replace(typing, typed=typed[: LONGEST_TYPED[typing.what]]))


def _layout(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, typing=replace(state.typing, layout=rest))


def _typed(state: ScreenState, _rest: str, snapshot: Snapshot | None, now_ns: int) -> ScreenState | Tapped:
    typing = state.typing
    if not typing.typed.strip() or is_locked(snapshot, state.moved_ns, now_ns):
        return state
    if typing.what == "text":
        return replace(state, page=Page.TEXTS, typing=Typing(), told_ns=now_ns), (SendText(text=typing.typed.strip()),)
    if typing.what == "technician":
        return replace(state, page=Page.WORKSHOP, typing=Typing(), bench=Bench()), (OpenWorkshop(pin=typing.typed),)
    state = replace(state, page=Page.CREW, typing=Typing(), opened="")
    if (typing.what, typing.typed) == ("badge", ASK_FOR_SILENT):
        return replace(state, asked_ns=now_ns)
    if typing.what == "badge":
        return _in(state, typing.typed, snapshot, now_ns)
    return state, (LogIn(badge=typing.badge, pin=typing.typed),)


def _louder(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, volume=(state.volume + 1) % len(VOLUMES))


def _brighter(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, brightness=(state.brightness + 1) % len(SHARES))


def _zoom(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    scale = state.chart.scale + (1 if rest == "out" else -1)
    return replace(state, chart=replace(state.chart, scale=max(0, min(len(SCALES_M) - 1, scale))))


def _bench(state: ScreenState, rest: str, _snapshot: Snapshot | None, now_ns: int) -> Tapped:
    after, wanted = bench.tapped(state.bench, rest, now_ns)
    return replace(state, page=Page.WORKSHOP, bench=after), wanted


def _follow(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, chart=replace(state.chart, middle=None))


def _up(state: ScreenState, _rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    return replace(state, chart=replace(state.chart, is_north_up=not state.chart.is_north_up))


def _centre(state: ScreenState, rest: str, _snapshot: Snapshot | None, _now_ns: int) -> ScreenState:
    lat_deg, lon_deg = map(float, rest.split(":"))
    return replace(state, chart=replace(state.chart, middle=(lat_deg, lon_deg)))


VERBS: dict[str, Verb] = {
    "arm": _arm,
    "send": _send,
    "page": _page,
    "aside": _aside,
    "alarm": _alarm,
    "mistake": _mistake,
    "cancel": _cancel,
    "duty": _duty,
    "dark": _dark,
    "light": _light,
    "language": _language,
    "palette": _palette,
    "job": _job,
    "open": _open,
    "turn": _turn,
    "map": _map,
    "answer": _answer,
    "decline": _decline,
    "form": _form,
    "say": _say,
    "file": _file,
    "ready": _ready,
    "read": _read,
    "shift": _shift,
    "test": _test,
    "try-button": _try_button,
    "check-in": _check_in,
    "in": _in,
    "out": _out,
    "type": _type,
    "away": _away,
    "key": _key,
    "layout": _layout,
    "typed": _typed,
    "zoom": _zoom,
    "louder": _louder,
    "brighter": _brighter,
    "bench": _bench,
    "follow": _follow,
    "up": _up,
    "centre": _centre,
}
"""Every first word of a code."""
