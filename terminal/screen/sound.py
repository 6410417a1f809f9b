"""Which sound a change makes: a rung, a job, a text have their own; a silent alarm has none.

The tones are made here and given to ALSA's `aplay`; without it, or without a card, the screen is mute. Pure but `play`.
"""

import asyncio
import contextlib
import io
import wave
from array import array
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from math import pi, sin

from terminal.link import Snapshot
from terminal.shown import AlarmView

RATE_HZ = 22_050
TONE_S = 0.14
FADE_S = 0.01
"""A tone begins and ends softly, or it clicks."""

VOLUMES = (0.0, 0.15, 0.4, 1.0)
"""Of the loudest that the card has; by the number that the crew chooses."""

LOUDEST = len(VOLUMES) - 1

PLAYER = ("aplay", "-q", "-")


class Sound(Enum):
    """Tones one after the other, in Hz; 0 is a pause."""

    RUNG = (660, 880)
    TAKEN = (660, 880, 1320)
    NOT_CONFIRMED = (440, 0, 440, 0, 440)
    OTHERS = (1320, 880, 1320, 880)
    CHECK_IN = (988, 988, 0, 784, 784)
    JOB = (880, 0, 880)
    TEXT = (1046,)
    TRIAL = (523, 659, 784, 1046)


def heard(before: Snapshot | None, after: Snapshot, *, is_dark: bool = False) -> Iterator[Sound]:
    """What is to be heard once of a change; nothing at first, nothing of a silent alarm, in the dark only alarms."""
    if before is None:
        return
    yield from _own(before, after)
    if is_dark:
        return
    if {one.job.job for one in after.jobs} - {one.job.job for one in before.jobs}:
        yield Sound.JOB
    if _unread(after) - _unread(before):
        yield Sound.TEXT


def _own(before: Snapshot, after: Snapshot) -> Iterator[Sound]:
    known = {alarm.incident: alarm for alarm in before.alarms}
    for alarm in after.alarms:
        was = known.get(alarm.incident)
        if alarm.silent or was is None or (_rung(alarm) == _rung(was) and alarm.urgency == was.urgency):
            continue
        if _rung(alarm) > _rung(was):
            yield Sound.TAKEN if alarm.taken and not was.taken else Sound.RUNG
        elif alarm.urgency != was.urgency and not alarm.received:
            yield Sound.NOT_CONFIRMED


def _rung(alarm: AlarmView) -> int:
    return sum((alarm.received, alarm.taken, bool(alarm.cleared_by)))


def _unread(snapshot: Snapshot) -> set[str]:
    return {one.text_id for one in snapshot.texts if not one.read}


@lru_cache(maxsize=32)
def wav(sound: Sound, volume: int) -> bytes:
    """The sound as a WAV file, 16 bits, one channel."""
    samples = array("h")
    for tone_hz in sound.value:
        samples.extend(_tone(tone_hz, VOLUMES[volume]))
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return held.getvalue()


def _tone(tone_hz: int, share: float) -> Iterator[int]:
    count, fade = round(TONE_S * RATE_HZ), FADE_S * RATE_HZ
    for place in range(count):
        soft = min(1.0, place / fade, (count - place) / fade)
        yield round(32_000 * share * soft * sin(2 * pi * tone_hz * place / RATE_HZ))


async def play(sound: Sound, volume: int) -> None:
    """Let it be heard; a machine without a player or a card stays mute."""
    if not VOLUMES[volume]:
        return
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        player = await asyncio.create_subprocess_exec(*PLAYER, stdin=pipe, stdout=nowhere, stderr=nowhere)
    except OSError:
        return
    try:
        await player.communicate(wav(sound, volume))
    finally:
        with contextlib.suppress(ProcessLookupError):
            player.kill()
