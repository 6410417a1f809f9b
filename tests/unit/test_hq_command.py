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
from msgspec.structs import replace

from hq import command
from hq.desk import public
from hq.incidents import Incident, named
from hq.units import LastKnown, unknown
from terminal.contract.messages import AlarmKind, Trigger, Who

WHO = Who(unit="LJ-101")


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
    ({"trigger": Trigger.VEHICLE}, " the car called by itself; NOT TAKEN"),
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


@pytest.mark.promise("P-HQ-08")
def test_what_a_car_wrote_moves_nothing_on_a_dispatchers_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    wrote = "\x1b[2J\n12:00:00 alarm-cleared\x9b\u2028"
    unit = public(replace(unknown(("LJ", "LJ-101")), last=LastKnown(realm="LJ", unit="LJ-101", who=WHO, duty=wrote)))
    ended = public(Incident(incident="I", realm="LJ", unit="LJ-101", who=WHO, cleared_by="Kos", reason=wrote))
    answers = {"units": unit | {"proved": True, "proved_ms": 0}, "incidents": ended}
    for what, one in answers.items():
        command._show({"ok": True, what: [one]}, what, as_json=False)
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


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
            counted, came = (
                b'{"t": 0, "event": "messages-stored", "count": 9}',
                b'{"t": 0, "event": "unit-online", "x": ',
            )
            api.sendall(answer + counted + b"\n" + came + b'"\\u001b[2J\\n"}\n')
        assert watching.result(30) == command.SAID_NO, "headquarters closed the line"
    shown = capsys.readouterr().out
    assert "LJ-101 SILENT, do not call the crew; NOT TAKEN" in shown
    assert "unit-online x=?[2J?\n" in shown
    assert "messages-stored" not in shown, "a person would not see an alarm among them"
