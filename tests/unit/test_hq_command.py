"""What a dispatcher's terminal says when headquarters says no."""

import os
import pty
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hq import command
from hq.desk import public
from hq.incidents import Incident, named
from hq.units import unknown
from terminal.contract.messages import AlarmKind, Trigger, Who


@pytest.mark.parametrize("what", ["units", "incidents", "gaps"])
def test_a_list_that_headquarters_could_not_read_is_a_reason_and_an_exit_code(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {"ok": False, "error": "store.db: the disk failed; replace it"}
    assert command._show(refused, what, as_json=False) == command.SAID_NO
    assert capsys.readouterr().err == "patrola hq: store.db: the disk failed; replace it\n"


SUMMARIES = [
    ({}, " NOT TAKEN"),
    ({"kind": AlarmKind.TEST}, " TEST NOT TAKEN"),
    ({"kind": AlarmKind.EXERCISE, "signals": 2}, " EXERCISE 2 presses; NOT TAKEN"),
    ({"silent": True}, " SILENT, do not call the crew; NOT TAKEN"),
    ({"raised_ms": 7_201_500, "pressed_utc_ms": 1_000}, " pressed 7200 s before; NOT TAKEN"),
    ({"raised_ms": 1_000, "pressed_utc_ms": 1_500}, " NOT TAKEN"),
    ({"cancelled_signals": 1}, " cancelled by the crew; NOT TAKEN"),
    ({"trigger": Trigger.CHECK_IN}, " nobody answered the check-in; NOT TAKEN"),
    ({"trigger": Trigger.VEHICLE, "vehicle_event": "A.Airbag"}, " the car says A.Airbag; NOT TAKEN"),
    (
        {"signals": 4, "also_by": ("A.Airbag", "button", "check-in")},
        " 4 presses; the car says A.Airbag; nobody answered the check-in; NOT TAKEN",
    ),
]


@pytest.mark.parametrize(("how", "said"), SUMMARIES)
def test_a_line_says_what_nobody_who_answers_the_alarm_may_overlook(
    how: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = Incident(
        **({"incident": "I", "realm": "LJ", "unit": "LJ-101", "who": Who(unit="LJ-101"), "signals": 1} | how)
    )
    assert command._show({"ok": True, "incidents": [public(alarm)]}, "incidents", as_json=False) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"LJ-101{said}")
    assert command._summary(public(alarm) | {"stored": False}, "incidents").endswith(
        f"LJ-101{said}; NOT STORED, the disk of headquarters refuses it"
    )
    assert (named(alarm)["kind"], named(alarm)["silent"]) == (alarm.kind, alarm.silent)
    assert (named(alarm)["signals"], named(alarm)["cancelled"]) == (alarm.signals, "cancelled" in said)


@pytest.mark.promise("P-KIND-13")
@pytest.mark.parametrize("proved", [False, True])
def test_on_a_terminal_a_car_whose_alarm_chain_is_not_proved_is_amber(proved: bool) -> None:
    unit = public(unknown(("LJ", "LJ-101"))) | {"proved": proved, "proved_ms": 0}
    master, slave = pty.openpty()
    with os.fdopen(master) as seen, os.fdopen(slave, "w") as terminal, redirect_stdout(terminal):
        command._show({"ok": True, "units": [unit]}, "units", as_json=False)
        terminal.flush()
        line = seen.readline()
    assert ("NOT PROVED" in line) is not proved
    assert ("\x1b[33malarm NOT PROVED" in line) is not proved


def test_who_begins_to_watch_is_shown_the_alarms_that_are_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says that they were shown."""
    alarm = Incident(incident="I", realm="LJ", unit="LJ-101", who=Who(unit="LJ-101"), silent=True, signals=1)
    answer = msgspec.json.encode({"ok": True, "incidents": [public(alarm)]}) + b"\n"
    with socket.socket(socket.AF_UNIX) as listening, ThreadPoolExecutor(1) as desk:
        listening.bind(str(tmp_path / "hq.sock"))
        listening.listen()
        watching = desk.submit(command._watch, tmp_path / "hq.sock", "Novak", as_json=False)
        api, _ = listening.accept()
        with api:
            assert b'"watch"' in api.recv(1000)
            api.sendall(
                answer + b'{"t": 0, "event": "messages-stored", "count": 9}\n{"t": 0, "event": "unit-online"}\n'
            )
        assert watching.result(30) == command.SAID_NO, "headquarters closed the line"
    shown = capsys.readouterr().out
    assert "LJ-101 SILENT, do not call the crew; NOT TAKEN" in shown
    assert "unit-online" in shown
    assert "messages-stored" not in shown, "a person would not see an alarm among them"
