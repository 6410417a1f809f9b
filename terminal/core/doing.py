"""Does what a step wants done: each effect goes to the disk, the line, a bearer, the boards, a trial or the journal."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from hal.ports import ButtonBoard
from hal.readings import Press
from terminal.contract import dead_zones
from terminal.contract.messages import DutyChanged
from terminal.core import effects
from terminal.core.effects import Effect, Note
from terminal.core.lasting import apart
from terminal.core.state import State
from terminal.core.storing import DUTY, WORK, ZONES, Storing
from terminal.core.trying import Trying
from terminal.uplink.carrier import Carrier
from terminal.uplink.sender import Sender


class Doing:
    """`do` returns at once, but for the moment that an alarm needs until only the disk is waited for."""

    def __init__(
        self,
        storing: Storing,
        sender: Sender,
        carriers: Mapping[str, Carrier],
        boards: Mapping[str, ButtonBoard],
        trying: Trying,
        note: Callable[[Note], None],
    ) -> None:
        self._storing = storing
        self._sender = sender
        self._carriers = carriers
        self._boards = boards
        self._trying = trying
        self._note = note

    def do(self, wanted: Sequence[Effect], state: State) -> None:
        """All of it, in its order but alarms to the disk first; `state` is what the step has left."""
        # The disk is at work while the line is given the same, which waits for ALARM_TO_DISK_WITHIN_S at most; neither
        # fails with the other.
        with apart("alarms could not be given to the disk"):
            self._store_alarms(wanted, state)
        for effect in wanted:
            with apart(f"a {type(effect).__name__} could not be done"):
                self._do_one(effect, state)

    def _store_alarms(self, wanted: Sequence[Effect], state: State) -> None:
        """All alarm messages of one step in one commit, with the state that the step left."""
        messages = [effect.message for effect in wanted if isinstance(effect, effects.StoreAlarm)]
        if messages or any(isinstance(effect, effects.SaveEmergency) for effect in wanted):
            self._storing.alarms(messages, state.emergency if state.restored else None)

    def _do_one(self, effect: Effect, state: State) -> None:
        match effect:
            case effects.SendAlarm() | effects.SendMoved() | effects.CarryAlarm():
                self._send(effect)
            case effects.StoreEvent() | effects.SaveWork() | effects.SaveZones() | effects.RecordPoint():
                self._store(effect, state)
            case effects.ConfirmPress(source, press):
                self._confirm(source, press)
            case effects.ShowRung(word):
                for board in self._boards.values():
                    board.show_rung(word)
            case effects.CheckPin() | effects.MeasureDisk() | effects.TestBoards():
                self._trying.do(effect)
            case Note():
                self._note(effect)

    def _send(self, effect: effects.SendAlarm | effects.SendMoved | effects.CarryAlarm) -> None:
        match effect:
            case effects.SendAlarm(message):
                self._sender.alarm(message)
            case effects.SendMoved(moved):
                self._sender.moved(moved)
            case effects.CarryAlarm(bearer, told):
                self._carriers[bearer].carry(told)

    def _store(self, effect: effects.ToStore, state: State) -> None:
        match effect:
            case effects.StoreEvent(event):
                if isinstance(event, DutyChanged):
                    self._storing.keep(DUTY, event.status.encode())
                self._storing.event(event)
            case effects.SaveWork():
                self._storing.keep(WORK, msgspec.json.encode(state.work))
            case effects.SaveZones():
                # Before the last run's are known, these would take their place.
                if state.restored:
                    self._storing.keep(ZONES, dead_zones.encode(state.zones))
            case effects.RecordPoint(point):
                self._storing.point(point)

    def _confirm(self, source: str, press: Press) -> None:
        """Tell its board; one that has another name since the press was taken knows its own."""
        named = self._boards.get(source)
        for board in self._boards.values() if named is None else (named,):
            board.confirm_stored(press)
