"""What somebody in the car asks for: why it cannot be, or what comes of it. Pure."""

from msgspec.structs import replace

from terminal.asked import (
    AlarmCommand,
    AnswerCheckIn,
    ArmButton,
    CancelAlarm,
    Command,
    RaiseAlarm,
    Refusal,
    StartCheckIn,
    StopCheckIn,
    WorkshopCommand,
)
from terminal.contract.messages import AlarmKind, Trigger
from terminal.core import arming, calling, check_in, examining
from terminal.core.calling import Call, Scene
from terminal.core.effects import Effect, SaveEmergency
from terminal.core.emergency import open_alarm
from terminal.core.moment import Moment
from terminal.core.state import Rules, State

Step = tuple[State, list[Effect]]


def refusal(state: State, command: Command, rules: Rules, now_ns: int) -> Refusal | None:
    """Why this cannot be, for whoever asked; a call for help always can."""
    match command:
        case CancelAlarm(incident=incident) if open_alarm(state.emergency, incident) is None:
            return Refusal.NO_ALARM
        case ArmButton() if arming.armed(command, state.at_rest, now_ns, rules.alarms.armed_for_s) is None:
            return Refusal.NOT_ARMED
        case StartCheckIn() if not rules.check_in.enabled:
            return Refusal.NO_TIMER
        case AnswerCheckIn() | StopCheckIn() if state.emergency.check_in is None:
            return Refusal.NONE_RUNS
        case _ if isinstance(command, WorkshopCommand):
            return examining.refusal(state, command, rules)
    return None


def taken(state: State, command: AlarmCommand, scene: Scene, moment: Moment, rules: Rules) -> Step:
    """What comes of a command about alarms; of one that cannot be, nothing."""
    match command:
        case RaiseAlarm(kind=kind, silent=silent, incident=incident):
            named = incident or moment.new_incident()
            call = Call(incident=named, trigger=Trigger.SCREEN, kind=AlarmKind(kind), silent=silent)
            emergency, effects = calling.called(state.emergency, call, scene, moment)
        case CancelAlarm(incident=incident):
            emergency, effects = calling.cancelled(state.emergency, incident, moment)
        case ArmButton():
            window = arming.armed(command, state.at_rest, moment.mono_ns, rules.alarms.armed_for_s)
            return replace(state, arming=window or state.arming), []
        case StartCheckIn() | AnswerCheckIn() | StopCheckIn():
            return _timer(state, command, scene, moment, rules)
    return replace(state, emergency=emergency), effects


def _timer(
    state: State, command: StartCheckIn | AnswerCheckIn | StopCheckIn, scene: Scene, moment: Moment, rules: Rules
) -> Step:
    emergency, effects = calling.unanswered(state.emergency, scene, moment)
    runs = emergency.check_in is not None
    if effects or not (runs or (isinstance(command, StartCheckIn) and rules.check_in.enabled)):
        return replace(state, emergency=emergency), effects
    timer = None if isinstance(command, StopCheckIn) else check_in.begun(moment, rules.check_in)
    return replace(state, emergency=replace(emergency, check_in=timer)), [SaveEmergency()]
