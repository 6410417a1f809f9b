"""What an alarm's messages say, that they fit one segment, and that none is refused or taken for a test for a word."""

from collections.abc import Iterator
from itertools import product

import msgspec
import pytest

from drivers.vss import LEAVES
from hal.readings import FixMode, LightbarState, VehicleSignals
from terminal.asked import RaiseAlarm
from terminal.config import UnitSection
from terminal.contract.identity import new_id
from terminal.contract.messages import (
    AlarmKind,
    AlarmRaised,
    AlarmStatus,
    DesiredState,
    Place,
    Position,
    Trigger,
    Who,
    decode_alarm,
    encode,
)
from terminal.contract.segment import fitted
from terminal.contract.signed import KEY_BYTES, SIGNATURE_BYTES, wrapped
from terminal.contract.topics import Lane
from terminal.contract.work import MOST_CREW
from terminal.core.channels import ALARM_WAY_POINTS
from terminal.core.effects import SendAlarm, SendMoved
from terminal.core.inputs import Commanded, StateDesired
from terminal.core.vehicle import DOORS, SPEED
from tests.unit.core_scene import Car, fix, of_type
from tests.unit.test_track import SEGMENT_BYTES, on_wire

LATER = {"type": "alarm-raised", "id": "I", "who": {"unit": "U"}, "incident": "J"}
WIDEST = "\uffdc"
"""Three bytes in UTF-8; wider ones and what JSON would escape at length may not stand in unit.toml."""


@pytest.mark.parametrize(
    ("words", "kind", "trigger"),
    [
        ({}, AlarmKind.REAL, Trigger.BUTTON),
        ({"kind": "exercise", "trigger": "check-in"}, AlarmKind.EXERCISE, Trigger.CHECK_IN),
        ({"kind": "drill", "trigger": "voice"}, AlarmKind.REAL, Trigger.UNKNOWN),
    ],
)
def test_an_alarm_of_a_later_version_is_an_alarm_and_in_doubt_a_real_one(
    words: dict[str, str], kind: AlarmKind, trigger: Trigger
) -> None:
    alarm = decode_alarm(msgspec.json.encode(LATER | words))
    assert isinstance(alarm, AlarmRaised)
    assert (alarm.kind, alarm.trigger) == (kind, trigger)


def biggest(label: str, track_points: int, vehicle_event: str) -> AlarmRaised:
    """Every field at its longest: a far corner of the world, ten days without a fix, a full car with long names."""
    unit = UnitSection(realm="R" * 32, unit="W" * 32, call_sign=label, vehicle=label, crew=("9" * 12,) * MOST_CREW)
    return AlarmRaised(
        id=new_id(),
        who=Who(unit=unit.unit, call_sign=unit.call_sign, vehicle=unit.vehicle, crew=unit.crew),
        utc_ms=2**43,
        boot=new_id(),
        mono_ms=10**10,
        incident=new_id(),
        kind=AlarmKind.EXERCISE,
        trigger=Trigger.VEHICLE if vehicle_event else Trigger.CHECK_IN,
        silent=True,
        vehicle_event=vehicle_event,
        position=Position(
            lat_deg=-89.1234567,
            lon_deg=-179.1234567,
            age_s=864_000.5,
            stale=True,
            mode=3,
            utc_ms=2**43,
            speed_mps=100.55,
            track_deg=359.5,
            altitude_msl_m=-1234.5,
            eph_m=9999.5,
        ),
        track=((864_000, -89.12345, -179.12345),) * track_points,
        speed_mps=100.5,
        lights_on=False,
        siren_on=False,
        door_open=False,
    )


def every_size() -> Iterator[AlarmRaised]:
    events = ("", max(LEAVES, key=len))
    for label, points, event in product(("", "L" * 32, '"' * 32, WIDEST * 32), range(ALARM_WAY_POINTS + 1), events):
        yield biggest(label, points, event)


def wire_bytes(alarm: AlarmRaised) -> int:
    placed = msgspec.structs.replace(alarm, place=Place(new_id(), Lane.ALARM, 10**9))
    return on_wire(Lane.ALARM, wrapped(encode(placed), b"k" * KEY_BYTES, b"s" * SIGNATURE_BYTES))


@pytest.mark.promise("P-SEND-06")
def test_the_biggest_alarm_fits_one_segment_with_its_signature_and_place_and_loses_nothing_but_old_track() -> None:
    for alarm in every_size():
        sent = fitted(alarm)
        assert wire_bytes(sent) <= SEGMENT_BYTES
        assert sent == msgspec.structs.replace(alarm, track=alarm.track[len(alarm.track) - len(sent.track) :])


def test_only_a_track_for_which_there_is_no_room_is_shortened() -> None:
    for alarm in every_size():
        sent = fitted(alarm)
        if sent != alarm:
            longer = msgspec.structs.replace(alarm, track=alarm.track[len(alarm.track) - len(sent.track) - 1 :])
            assert wire_bytes(longer) > SEGMENT_BYTES - 12, "what it left free is less than a point takes"


def test_the_track_of_a_usual_alarm_is_the_last_two_minutes() -> None:
    car = Car()
    for at_s in range(300):
        car.take(fix(at_s, 46.0 + at_s / 10_000), at_s)
    (sent,) = of_type(car.press(299.5), SendAlarm)
    assert len(sent.message.track) == ALARM_WAY_POINTS
    assert 110 <= sent.message.track[0][0] <= 120


@pytest.mark.promise("P-SEND-07")
def test_an_alarm_says_who_where_how_far_that_may_be_believed_and_what_the_car_is_doing() -> None:
    car = Car()
    car.take(fix(10.0, eph_m=4.2), 10.0)
    car.take(LightbarState(source="board", mono_ns=0, lights_on=True, siren_on=False), 10.0)
    signals = {SPEED: 72.0, DOORS[0]: False, DOORS[1]: True}
    car.take(VehicleSignals(source="can", mono_ns=round(11e9), signals=signals), 11.0)
    (sent,) = of_type(car.press(12.0), SendAlarm)
    told = sent.message
    assert (told.who.unit, told.who.call_sign) == ("LJ-101", "Ljubljana 101")
    assert (told.position.age_s, told.position.stale, told.position.mode, told.position.eph_m) == (2.0, False, 3, 4.2)
    assert (told.speed_mps, told.lights_on, told.siren_on, told.door_open) == (20.0, True, False, True)
    assert told.utc_ms is None, "no clock is trusted"


@pytest.mark.parametrize(
    ("later", "at_s"), [([], 20.0), ([fix(11.0, mode=FixMode.NO_FIX)], 11.0)], ids=["silent", "no fix"]
)
def test_a_position_that_the_receiver_does_not_vouch_for_any_more_is_told_as_stale(later: list, at_s: float) -> None:
    car = Car()
    car.take(fix(10.0), 10.0)
    for one in later:
        car.take(one, at_s)
    (sent,) = of_type(car.press(at_s), SendAlarm)
    assert (sent.message.position.stale, sent.message.position.age_s) == (True, at_s - 10.0)
    assert sent.message.door_open is None


def test_while_it_is_open_each_fix_of_a_receiver_is_told_once_a_second_and_of_no_alarm_more_than_its_newest() -> None:
    car = Car()
    car.take(Commanded(RaiseAlarm()), 10.0)
    told = [of_type(car.take(fix(at_s), at_s), SendMoved) for at_s in (11.0, 11.98, 12.0, 12.99, 14.01)]
    assert [len(one) for one in told] == [1, 1, 0, 1, 1]


@pytest.mark.promise("P-SEND-08")
def test_every_alarm_that_is_open_says_where_the_car_is_the_silent_one_too_and_none_that_is_over() -> None:
    car = Car()
    for kind, silent in (("test", False), ("real", False), ("real", True)):
        car.take(Commanded(RaiseAlarm(kind=kind, silent=silent)), 10.0)  # type: ignore[arg-type]
    tried, loud, hidden = (alarm.incident for alarm in car.state.emergency.alarms)
    car.take(StateDesired(DesiredState(revision=1, alarms=(AlarmStatus(tried, cleared_by="headquarters"),))), 11.0)
    told = [effect.message for effect in of_type(car.take(fix(12.0), 12.0), SendMoved)]
    assert [(one.incident, one.kind, one.silent) for one in told] == [(loud, "real", False), (hidden, "real", True)]
