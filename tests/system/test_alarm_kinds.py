"""Every kind of alarm from the finger to a dispatcher and back: real firmware, core, broker and headquarters."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest
from msgspec.structs import replace

from terminal.asked import ArmButton, CancelAlarm, SetDuty, StartCheckIn
from terminal.link import NO_CHANGES, Snapshot, changes
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import PATROLA, ROOT, WITHIN_S, Board, Car, Process, Screen

MORE = """
[sources.hidden]
driver = "io_board"
device = "hidden"
silent = true
silent_after_s = 10.0

[alarms]
armed_for_s = 120

[check_in]
enabled = true
period_s = 1.0
grace_s = 1.0
"""


@pytest.fixture
def car(tmp_path: Path, mosquitto_server: Mosquitto) -> Car:
    car = Car(tmp_path / "car-1", mosquitto_server.broker.port, MORE)
    # A board that a busy machine holds up for a second is no change that an alarm has made.
    patient = car.config.read_text().replace('device = "board"', 'device = "board"\nsilent_after_s = 10.0')
    car.config.write_text(patient)
    return car


@pytest.fixture
def hq(tmp_path: Path, mosquitto_server: Mosquitto) -> Iterator[Headquarters]:
    made = Headquarters(tmp_path / "hq", mosquitto_server.broker.port)
    with made.serving():
        yield made


@contextmanager
def driving(car: Car) -> Iterator[tuple[Board, Board, Process, Screen]]:
    """A car whose boards are both there and whose line is up."""
    with ExitStack() as stack:
        board = stack.enter_context(Board(car.folder, pins=True))
        hidden = stack.enter_context(Board(car.folder, "hidden", "B-2", pins=True))
        core = stack.enter_context(car.core())
        screen = stack.enter_context(car.screen(core))
        screen.until(is_ready)
        yield board, hidden, core, screen
        assert core.end() == 0


def is_ready(snapshot: Snapshot) -> bool:
    boards = [source.up for source in snapshot.sources]
    return boards == [True, True] and snapshot.line.storing and snapshot.duty.received and not snapshot.line.pending


def at_hq(hq: Headquarters, kind: str) -> list[dict[str, Any]]:
    return [incident for incident in hq.incidents("LJ-101") if incident["kind"] == kind]


def seen_beside_alarms(snapshot: Snapshot) -> Snapshot:
    """Without what runs on by itself."""
    return replace(snapshot, alarms=(), line=replace(snapshot.line, hq_heard_mono_ns=None))


@pytest.mark.promise("P-KIND-05", "P-KIND-06", "P-KIND-07")
def test_a_silent_alarm_goes_to_a_dispatcher_and_back_and_nothing_in_the_car_shows_it(
    car: Car, hq: Headquarters
) -> None:
    # A desk is attended all the time, so that its answer does not show by that either.
    with hq.watched(), driving(car) as (board, hidden, core, screen):
        screen.until(lambda snapshot: snapshot.line.attended)
        # The journal gathers its lines for a moment; with this one those before it are written.
        screen.send(SetDuty(status="on-scene"))
        screen.until(lambda snapshot: snapshot.duty.status == "on-scene" and is_ready(snapshot))
        core.out.until_told('"duty-changed"')
        journal = len(core.out.told)
        silent_to_the_end(hidden, hq, screen)
        # A new board was loud until core's second word; from then on it remembers what it is.
        before, lit = len(screen.seen), [len(one.events("pins")) for one in (board, hidden)]
        silent_to_the_end(hidden, hq, screen)
        shown = [seen_beside_alarms(one) for one in screen.seen[before - 1 :]]
        assert [changes(shown[0], one) for one in shown] == [NO_CHANGES] * len(shown)
        assert [len(one.events("pins")) for one in (board, hidden)] == lit, "no lamp and no buzzer goes on or off"
    assert [json.loads(line)["event"] for line in core.out.told[journal:]] == ["terminal-stopped"]
    assert [one["silent"] for one in at_hq(hq, "real")] == [True, True]


def silent_to_the_end(hidden: Board, hq: Headquarters, screen: Screen) -> None:
    """Raised, taken and cleared."""
    stored = len(hidden.events("stored"))
    incident = hidden.press()
    screen.until_alarm(lambda alarm: alarm.incident == incident and alarm.received)
    hq.ask("ack", alarm=incident, by="Novak")
    screen.until_alarm(lambda alarm: alarm.incident == incident and alarm.acknowledged_by)
    hq.ask("clear", alarm=incident, by="Kos", reason="spoken to")
    alarm = screen.until_alarm(lambda alarm: alarm.incident == incident and alarm.cleared_by)
    assert (alarm.silent, alarm.stored, alarm.sent, alarm.acknowledged_by) == (True, True, True, "Novak")
    hidden.out.until(lambda _: len(hidden.events("stored")) > stored)


@pytest.mark.promise("P-KIND-01", "P-KIND-02", "P-KIND-03", "P-KIND-12")
def test_an_armed_press_is_a_test_all_the_way_and_the_next_is_real_beside_it(car: Car, hq: Headquarters) -> None:
    with driving(car) as (board, _, _, screen):
        assert screen.seen[-1].proved is not None
        assert screen.seen[-1].proved.due
        screen.send(ArmButton(asked_mono_ns=monotonic_ns()))
        screen.until(lambda snapshot: snapshot.armed and snapshot.armed.is_open)
        tested = board.press()
        screen.until_alarm(lambda alarm: alarm.kind == "test" and alarm.received)
        snapshot = screen.until(lambda snapshot: snapshot.proved and snapshot.proved.mono_ns)
        assert snapshot.proved is not None
        assert not snapshot.proved.due
        assert snapshot.armed is None
        board.press()
        tried = [*PATROLA, "try", "exercise", "--socket", str(car.folder / "core.sock")]
        subprocess.run(tried, check=True, capture_output=True, timeout=WITHIN_S, cwd=ROOT)
        screen.until_alarm(lambda alarm: alarm.kind == "real" and alarm.received)
        screen.until_alarm(lambda alarm: alarm.kind == "exercise" and alarm.received)
        assert [one["incident"] for one in at_hq(hq, "test")] == [tested]
        assert [len(at_hq(hq, kind)) for kind in ("real", "exercise")] == [1, 1]


@pytest.mark.promise("P-SEND-11")
def test_raised_and_cancelled_without_a_line_both_arrive_and_the_alarm_stays_open(
    car: Car, hq: Headquarters, mosquitto_server: Mosquitto
) -> None:
    with driving(car) as (board, _, _, screen):
        mosquitto_server.kill()
        screen.until(lambda snapshot: not snapshot.line.connected)
        incident = board.press()
        screen.until_alarm(lambda alarm: alarm.stored)
        screen.send(CancelAlarm(incident=incident))
        screen.until_alarm(lambda alarm: alarm.cancelled)
        mosquitto_server.start()
        screen.until_alarm(lambda alarm: alarm.received)
        with hq.watched() as watch:
            watch.until(lambda _: [one["cancelled"] for one in at_hq(hq, "real")] == [True])
    assert [(one["incident"], one["open"]) for one in at_hq(hq, "real")] == [(incident, True)]


@pytest.mark.promise("P-PRESS-15")
def test_who_does_not_answer_is_missed_once_although_core_was_killed_meanwhile(car: Car, hq: Headquarters) -> None:
    with ExitStack() as stack:
        stack.enter_context(Board(car.folder))
        stack.enter_context(Board(car.folder, "hidden", "B-2"))
        with car.core() as core, car.screen(core) as screen:
            screen.until(is_ready)
            screen.send(StartCheckIn())
            screen.until(lambda snapshot: snapshot.check_in and snapshot.check_in.stored)
            screen.send(ArmButton(asked_mono_ns=monotonic_ns()))
            screen.until(lambda snapshot: snapshot.armed)
            core.end(signal.SIGKILL)
        with car.core() as core, car.screen(core) as screen:
            screen.until(lambda snapshot: snapshot.sources)
            assert screen.seen[-1].armed is None
            alarm = screen.until_alarm(lambda alarm: alarm.trigger == "check-in" and alarm.received)
            assert core.end() == 0
    assert [(one["incident"], one["trigger"]) for one in at_hq(hq, "real")] == [(alarm.incident, "check-in")]
