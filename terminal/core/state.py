"""Everything that core knows, as one frozen value, and the snapshot that the socket's clients see of it. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import ButtonHealth, Fault, Fix, LinkQuality, PowerState, SourceHealth
from terminal.contract.dead_zones import DeadZones
from terminal.contract.messages import Who
from terminal.contract.profile import Profile
from terminal.core import (
    alarm,
    arming,
    check_in,
    crew,
    duty,
    position,
    proving,
    texts,
    vehicle,
    work,
)
from terminal.core.alarm import AlarmRules
from terminal.core.arming import Arming
from terminal.core.carrying import Carrying
from terminal.core.channels import stale_after_ns
from terminal.core.check_in import CheckInRules
from terminal.core.duty import Duty
from terminal.core.effects import Effect, ShowRung
from terminal.core.emergency import Emergency
from terminal.core.line import Line, PresenceFacts, hq_is_silent, trouble
from terminal.core.position import Place
from terminal.core.reporting import Reported, Reporting
from terminal.core.supervision import Supervision
from terminal.core.vehicle import Vehicle
from terminal.core.work import Work
from terminal.core.workshop import Workshop, WorkshopRules
from terminal.link import Snapshot
from terminal.shown import TROUBLES, LineView, PictureView, SourceView, UnitView


class State(Struct, frozen=True, kw_only=True):
    """The whole of it; until it is `restored` the disk knows more of earlier emergencies than this does.

    `confirmed` are epoch and revision of the desired state that headquarters was last told is shown, and
    `confirming` the message that says so. `saved_timer` is the incident of the check-in timer on disk. `at_rest` are
    the boards that are there with no press latched, and whether their button is the hidden one. `repaired` is what was
    told last of a damaged outbox.
    """

    duty: Duty
    vehicle: Vehicle = Vehicle()
    place: Place = Place()
    emergency: Emergency = Emergency()
    reported: Reported | None = None
    moved_mono_ns: int = 0
    line: Line = Line()
    zones: DeadZones = DeadZones()
    link: LinkQuality | None = None
    power: PowerState | None = None
    sources: dict[str, SourceHealth] = {}
    restored: bool = False
    repaired: str = ""
    circuits: dict[str, ButtonHealth] = {}
    confirmed: tuple[str, int] = ("", 0)
    confirming: str = ""
    saved_timer: str = ""
    at_rest: dict[str, bool] = {}
    arming: Arming | None = None
    work: Work = Work()
    picture: PictureView | None = None
    workshop: Workshop = Workshop()


CIRCUIT_PROBLEMS = {
    ButtonHealth.CUT: ("the emergency button's wire is cut: the button does not work", "check its plug and its wire"),
    ButtonHealth.SHORT: ("the emergency button's wire is shorted: the button does not work", "check its wire"),
    ButtonHealth.STUCK: ("the emergency button is held down or stuck", "let it go; if it stays so, replace it"),
    ButtonHealth.IMPLAUSIBLE: (
        "the emergency button's wire has a resistance that it cannot have",
        "measure it as docs/board.md says; look for water in its plugs",
    ),
}
"""Problem and remedy for what the supervision of the button's circuit can find."""


class Rules(Struct, frozen=True):
    """What the configuration decides about the steps; `boards` are the sources that have a button."""

    unit: UnitView
    profile: Profile
    reporting: Reporting = Reporting()
    alarms: AlarmRules = AlarmRules()
    check_in: CheckInRules = CheckInRules()
    carrying: dict[str, Carrying] = {}
    supervision: Supervision = Supervision()
    workshop: WorkshopRules = WorkshopRules()
    boards: frozenset[str] = frozenset()


def presence_facts(state: State, now_ns: int) -> PresenceFacts:
    """What the car says of itself with each presence."""
    link, ignition_on = _fresh(state.link, now_ns), vehicle.edge(state.vehicle, "ignition")
    return PresenceFacts(state.line.pending, ignition_on, None if link is None else link.signal_percent)


def snapshot(state: State, rules: Rules, now_ns: int) -> Snapshot:
    """What the socket's clients may show now."""
    fix = state.place.fix
    driven = vehicle.view(state.vehicle, fix, now_ns)
    return Snapshot(
        unit=rules.unit,
        position=position.view(state.place, now_ns),
        vehicle=driven,
        duty=duty.view(state.duty),
        alarms=tuple(alarm.view(one, now_ns, rules.alarms) for one in alarm.shown(state.emergency.alarms)),
        armed=arming.view(state.arming),
        check_in=check_in.view(state.emergency.check_in, rules.check_in, state.saved_timer),
        proved=proving.view(state.emergency.proof, now_ns, rules.alarms.prove_every_s),
        line=_line_view(state, rules.supervision, now_ns),
        link=_fresh(state.link, now_ns),
        power=state.power,
        sources=tuple(
            _source_view(health, state.circuits.get(name, ButtonHealth.OK))
            for name, health in sorted(state.sources.items())
        ),
        profile=rules.profile,
        jobs=work.jobs_view(state.work, current_fix(state, now_ns), driven.speed_mps),
        texts=texts.told_view(state.work.texts),
        sent=texts.sent_view(state.work.texts),
        filed=work.filed_view(state.work.filed),
        crew=crew.view(state.work.crew),
        shift=work.shift_view(state.work.shift),
        picture=state.picture,
        workshop=state.workshop.view if rules.workshop.pin else None,
    )


def _source_view(health: SourceHealth, circuit: ButtonHealth) -> SourceView:
    if health.up and circuit in CIRCUIT_PROBLEMS:
        return SourceView(health.source, False, *CIRCUIT_PROBLEMS[circuit], Fault.BUTTON)
    return SourceView(health.source, health.up, health.problem, health.remedy, health.fault)


def _line_view(state: State, profile: Supervision, now_ns: int) -> LineView:
    line = state.line
    silent = hq_is_silent(line, now_ns, profile)
    found = trouble(line, _fresh(state.link, now_ns), state.zones.at(line.lost_in), now_ns, profile)
    return LineView(
        connected=line.connected,
        broker=line.broker,
        problem=line.problem,
        storing=line.storing and not silent,
        attended=line.attended and not silent,
        hq_heard_mono_ns=line.hq_heard_mono_ns,
        hq_silent=silent,
        pending=line.pending,
        disk_problem=line.disk_problem,
        trouble=found,
        remedy=TROUBLES[found][1],
    )


def _fresh(link: LinkQuality | None, now_ns: int) -> LinkQuality | None:
    return link if link is not None and now_ns - link.mono_ns <= stale_after_ns(LinkQuality) else None


def current_fix(state: State, now_ns: int) -> Fix | None:
    """The newest fix while it may count as current."""
    return None if position.is_stale(state.place, now_ns) else state.place.fix


def who(unit: UnitView, crew: tuple[str, ...]) -> Who:
    """Who messages come from."""
    return Who(unit=unit.unit, call_sign=unit.call_sign, vehicle=unit.vehicle, crew=crew)


def with_emergency(state: State, after: tuple[Emergency, list[Effect]]) -> tuple[State, list[Effect]]:
    """The state with this emergency; the lamps are told only of a change, and of nothing that is silent."""
    emergency, effects = after
    before, now = alarm.rung(state.emergency.alarms), alarm.rung(emergency.alarms)
    return replace(state, emergency=emergency), effects if before == now else [*effects, ShowRung(now)]
