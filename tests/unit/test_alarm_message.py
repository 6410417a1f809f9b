"""What an alarm's messages say, and that none of them is refused or taken for a test because of a word."""

import msgspec
import pytest

from terminal.contract.messages import AlarmKind, AlarmRaised, Trigger, decode_alarm

LATER = {"type": "alarm-raised", "id": "I", "who": {"unit": "U"}, "incident": "J"}


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
