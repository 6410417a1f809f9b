"""The local socket's protocol: what is sent is what is shown, and nonsense is told from a command."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.readings import Fix, FixMode, LinkQuality, PowerState
from terminal import asked, link
from terminal.asked import (
    AnswerCheckIn,
    ArmButton,
    CancelAlarm,
    RaiseAlarm,
    Refused,
    SetDuty,
    StartCheckIn,
    StopCheckIn,
)
from terminal.contract.work import Job, JobStep, Neighbour, Picture, Text
from terminal.core.duty import PLAIN
from terminal.link import NO_CHANGES, SECTIONS, Changes, Snapshot
from terminal.shown import (
    AlarmView,
    ArmedView,
    BoardTestView,
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
    ShiftView,
    SourceView,
    UnitView,
    VehicleView,
    WorkshopView,
)

FIX = Fix(source="gnss", mono_ns=5, mode=FixMode.FIX_3D, lat_deg=45.25, lon_deg=19.85)
ALARM = AlarmView(incident="I", kind="real", trigger="button", silent=False, signals=1, pressed_mono_ns=7)
JOB = Job(job="J1", title="Tree on the road", lat_deg=45.2, lon_deg=19.8)
EMPTY = Snapshot(unit=UnitView("U1", "P-1", "Golf", "NS"), duty=DutyView(status="available"))
VALUES = {
    "unit": [EMPTY.unit, UnitView("U2", "", "", "BG")],
    "position": [PositionView(), PositionView(fix=FIX, last_good=FIX, stale=False)],
    "vehicle": [VehicleView(), VehicleView(speed_mps=13.9, speed_source="can", door_open=False)],
    "duty": [EMPTY.duty, DutyView(status="busy", received=True)],
    "alarms": [(), (ALARM,), (ALARM, msgspec.structs.replace(ALARM, incident="J", stored=True))],
    "armed": [None, ArmedView(kind="test", silent=False, is_open=True, until_mono_ns=2)],
    "check_in": [None, CheckInView(), CheckInView(due_mono_ns=1, alarm_mono_ns=2)],
    "proved": [None, ProvedView(), ProvedView(mono_ns=-5, due=False)],
    "line": [LineView(), LineView(connected=True, storing=True, pending=3)],
    "link": [None, LinkQuality(source="modem", mono_ns=1, registered=True)],
    "power": [None, PowerState(source="board", mono_ns=1, supply_v=12.5)],
    "sources": [(), (SourceView("gnss", up=False, problem="silent", remedy="look"),)],
    "profile": [None, PLAIN],
    "jobs": [(), (JobView(job=JOB, step=JobStep.SENT, next=JobStep.ACCEPTED),)],
    "texts": [(), (Text(text_id="T1", text="Слушајте"),)],
    "sent": [(), (SentView(text="We are there", code="arrived", received=True),)],
    "filed": [None, FiledView(form="theft", received=True)],
    "crew": [CrewView(), CrewView(aboard=(MemberView("1234", checked=True),), problem=LogInProblem.WRONG_PIN)],
    "shift": [ShiftView(), ShiftView(on=True, odometer_km=1.5)],
    "picture": [None, PictureView(Picture(utc_ms=1, units=(Neighbour(unit="U2"),)), mono_ns=3)],
    "workshop": [
        None,
        WorkshopView(opened_mono_ns=3, disk=DiskView(asked_mono_ns=4), boards=(BoardTestView(name="b"),)),
    ],
}
COMMANDS = [
    RaiseAlarm(),
    RaiseAlarm(kind="test", silent=True),
    RaiseAlarm(incident="0198c0de-0000-4000-8000-000000000001"),
    CancelAlarm(incident="I"),
    ArmButton(kind="exercise", asked_mono_ns=5),
    StartCheckIn(),
    AnswerCheckIn(),
    StopCheckIn(),
    SetDuty(status="busy"),
]
snapshots = st.builds(
    lambda **sections: msgspec.structs.replace(EMPTY, **sections),
    **{name: st.sampled_from(values) for name, values in VALUES.items()},
)


def over_the_wire(told: link.ServerLine) -> link.ServerLine:
    return link.decode_server_line(link.encode_line(told))


def test_every_section_of_the_snapshot_can_change():
    assert set(SECTIONS) | {"version", "role"} == set(Snapshot.__struct_fields__)
    assert set(VALUES) == set(SECTIONS)


@given(before=snapshots, after=snapshots)
def test_a_client_that_merges_the_changes_has_cores_snapshot(before: Snapshot, after: Snapshot):
    start, news = over_the_wire(before), over_the_wire(link.changes(before, after))
    assert isinstance(start, Snapshot)
    assert isinstance(news, Changes)
    assert link.merge(start, news) == after


@given(before=snapshots, after=snapshots)
def test_only_the_sections_that_changed_are_sent(before: Snapshot, after: Snapshot):
    sent = msgspec.json.decode(link.encode_line(link.changes(before, after)))
    assert set(sent) - {"type"} == {name for name in SECTIONS if getattr(before, name) != getattr(after, name)}


def test_a_section_that_became_unknown_is_sent_as_unknown():
    before = msgspec.structs.replace(EMPTY, power=VALUES["power"][1])
    assert b'"power":null' in link.encode_line(link.changes(before, EMPTY))


def test_nothing_new_is_a_beat():
    assert link.changes(EMPTY, msgspec.structs.replace(EMPTY)) is NO_CHANGES
    assert link.encode_line(NO_CHANGES) == b'{"type":"changes"}\n'
    assert link.merge(EMPTY, NO_CHANGES) is EMPTY


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_arrives_as_it_was_given(command: asked.Command):
    assert link.decode_command(link.encode_line(command)) == command


def test_a_real_alarm_is_asked_for_without_a_word_that_another_version_could_not_know():
    assert link.encode_line(RaiseAlarm()) == b'{"type":"raise-alarm"}\n'


def test_a_refusal_is_told_from_a_snapshot():
    refused = Refused(command="set-duty", reason="only the crew may do this")
    assert over_the_wire(refused) == refused


@pytest.mark.promise("P-KIND-11")
@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"SOS",
        b"[]",
        b"{}",
        b'{"type":"reboot"}',
        b'{"type":"set-duty"}',
        b'{"type":"set-duty","status":1}',
        b'{"type":"raise-alarm","kidn":"test"}',
        b'{"type":"raise-alarm","kind":"tset"}',
        b'{"type":"arm-button","kind":"real","asked_mono_ns":1}',
        b'{"type":"raise-alarm"}{"type":"raise-alarm"}',
        b"\xff\xfe",
        b'{"type":"set-duty","status":"\xff"}',
    ],
)
def test_what_is_no_command_is_never_taken_for_one(line: bytes):
    with pytest.raises(msgspec.DecodeError):
        link.decode_command(line)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_a_decode_error(line: bytes):
    with contextlib.suppress(msgspec.DecodeError):
        link.decode_command(line)
