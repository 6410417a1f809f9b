"""What is heard of a change, and that a silent alarm is not."""

import io
import wave

import pytest

from terminal.contract.work import Text
from terminal.link import Snapshot
from terminal.screen.sound import VOLUMES, Sound, heard, wav
from terminal.shown import JobView, Urgency
from tests.screen.gallery import ALARM, JOB, replace, snapshot

QUIET = replace(snapshot(), jobs=(), texts=(), picture=None)


def with_alarm(**facts: object) -> Snapshot:
    return replace(QUIET, alarms=(replace(ALARM, **facts),))


SENT = {"received": False, "urgency": Urgency.NONE}
CHANGES = {
    "received": (with_alarm(**SENT), with_alarm(received=True, urgency=Urgency.NONE), [Sound.RUNG]),
    "taken": (
        with_alarm(received=True, urgency=Urgency.NONE),
        with_alarm(received=True, acknowledged_by="A", taken=True, urgency=Urgency.NONE),
        [Sound.TAKEN],
    ),
    "not confirmed": (with_alarm(**SENT), with_alarm(urgency=Urgency.NOT_CONFIRMED), [Sound.NOT_CONFIRMED]),
    "a job": (QUIET, replace(QUIET, jobs=(JobView(job=JOB, step=JOB.step),)), [Sound.JOB]),
    "a text": (QUIET, replace(QUIET, texts=(Text(text_id="t", text="x"),)), [Sound.TEXT]),
    "nothing new": (QUIET, QUIET, []),
}


@pytest.mark.parametrize(("before", "after", "sounds"), CHANGES.values(), ids=CHANGES.keys())
def test_each_change_has_its_own_sound(before: Snapshot, after: Snapshot, sounds: list[Sound]) -> None:
    assert list(heard(before, after)) == sounds
    assert list(heard(after, after)) == []
    assert list(heard(None, after)) == [], "what was there before the screen is no news"


@pytest.mark.parametrize("change", ["received", "taken", "not confirmed"])
def test_a_silent_alarm_is_not_heard(change: str) -> None:
    before, after, _ = CHANGES[change]
    quiet = [replace(one, alarms=(replace(one.alarms[0], silent=True),)) for one in (before, after)]
    assert list(heard(*quiet)) == []


def test_in_the_dark_nothing_is_heard_but_alarms() -> None:
    assert list(heard(*CHANGES["a job"][:2], is_dark=True)) == []
    assert list(heard(*CHANGES["a text"][:2], is_dark=True)) == []
    assert list(heard(*CHANGES["not confirmed"][:2], is_dark=True)) == [Sound.NOT_CONFIRMED]


@pytest.mark.parametrize("sound", list(Sound))
def test_a_sound_is_a_wav_file_as_loud_as_was_chosen(sound: Sound) -> None:
    peaks = []
    for volume in range(len(VOLUMES)):
        with wave.open(io.BytesIO(wav(sound, volume))) as file:
            frames = memoryview(file.readframes(file.getnframes())).cast("h")
        peaks.append(max(frames))
    assert peaks == sorted(peaks)
    assert peaks[0] == 0


def test_no_two_sounds_are_the_same() -> None:
    assert len({sound.value for sound in Sound}) == len(Sound)
