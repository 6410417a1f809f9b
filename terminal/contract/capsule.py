"""An alarm message, headquarters' receipt or answer for a narrow bearer: 60 bytes of body, 64 of signature. Pure.

    alarm    what (4 bits of version, 4 of type), incident (16), tail of the message's id (8), marks (2), signals (2),
             time (4), latitude and longitude (4 + 4), age (2), error (1), realm and unit (0..16)
    receipt  what, incident, tail, signals, name of who took it (0..33)
    answer   what, incident, tail, signals, mark of the store's epoch (4), revision (4), who acted, why (1..25)

Numbers are big-endian. The signature is made over the context `signed.CAPSULE` and the body.
"""

import hashlib
import struct
from math import ceil, isfinite
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from terminal.contract.identity import NAME
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    Malformed,
    Position,
    Trigger,
    Who,
)
from terminal.contract.signed import SIGNATURE_BYTES

VERSION = 1
MOST_BODY_BYTES = 60
MOST_BYTES = MOST_BODY_BYTES + SIGNATURE_BYTES
"""124: less than the 140 of an SMS, so that its text form fits 160 characters too."""

RAISED, SIGNALLED, CANCELLED, RECEIPT, TAKEN, ENDED = 1, 2, 3, 9, 10, 11

ALARM = struct.Struct(">B16s8sHHIiiHB")
ANSWER = struct.Struct(">B16s8sH")
ORDERED = struct.Struct(">B16s8sH4sI")

KINDS = (AlarmKind.REAL, AlarmKind.TEST, AlarmKind.EXERCISE)
TRIGGERS = (Trigger.UNKNOWN, Trigger.BUTTON, Trigger.SCREEN, Trigger.CHECK_IN, Trigger.VEHICLE)
"""By their place; what only a newer car knows counts as the first, as it does in JSON."""

TRIGGER_SHIFT = 4
SILENT, HAS_TIME, HAS_POSITION, IS_STALE = 1 << 8, 1 << 9, 1 << 10, 1 << 11
MODE_SHIFT = 12

MOST_SIGNALS = 0xFFFF
MOST_AGE_S = 0xFFFF
"""That old or older."""
MOST_ERROR_M = 254
"""That much or more."""
ERROR_UNKNOWN = 255
MOST_LAT_E7, MOST_LON_E7 = 900_000_000, 1_800_000_000

LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/"
"""Three of these 40 in two bytes; the blank fills up the last three."""
MOST_NAME_LETTERS = (MOST_BODY_BYTES - ALARM.size) // 2 * 3 - 1
"""What realm and unit may have together; with the stroke between them they are 24."""
LEAST_BYTES = ALARM.size + 2 + SIGNATURE_BYTES
"""An alarm of the shortest names; what takes that takes every answer too, its words cut."""
MOST_REVISION = 0xFFFFFFFF

DOTS = b".."

T = TypeVar("T", AlarmKind, Trigger)

Told = AlarmRaised | AlarmSignalled | AlarmCancelled
"""What is told over a bearer of capsules."""


class AlarmCapsule(Struct, frozen=True):
    """What is left of an alarm message in a capsule; its id is another than the message's, with the same tail."""

    realm: str
    unit: str
    message: Told


class ReceiptCapsule(Struct, frozen=True, kw_only=True):
    """Headquarters has the message of this tail on its disk, of so many presses in all; who took it, if one has."""

    incident: str
    tail: bytes
    signals: int = 0
    acknowledged_by: str = ""


class AnswerCapsule(Struct, frozen=True, kw_only=True):
    """A person has taken the alarm, or ended it; `epoch` and `revision` place this among what brokers bring.

    It says what the receipt for its message says too.
    """

    incident: str
    tail: bytes
    epoch: bytes
    revision: int
    signals: int = 0
    acknowledged_by: str = ""
    cleared_by: str = ""
    reason: str = ""


def epoch_mark(epoch: str) -> bytes:
    """By what the epoch of headquarters' store is known in a capsule."""
    return hashlib.sha256(epoch.encode()).digest()[:4]


def tail_of(message_id: str) -> bytes:
    """By what a message is known in a capsule: the last half of its id, which is random."""
    return UUID(message_id).bytes[8:]


def fits(realm: str, unit: str) -> bool:
    """Whether these names have room in a capsule."""
    return len(realm) + len(unit) <= MOST_NAME_LETTERS


def alarm_bytes(realm: str, unit: str) -> int:
    """How long the capsules of a car of these names are."""
    return ALARM.size + 2 * ceil((len(realm) + len(unit) + 1) / 3) + SIGNATURE_BYTES


def alarm_body(realm: str, unit: str, message: Told) -> bytes:
    """What is signed and sent of an alarm message; ValueError for names that do not fit."""
    what = {AlarmRaised: RAISED, AlarmSignalled: SIGNALLED, AlarmCancelled: CANCELLED}[type(message)]
    trigger, position = getattr(message, "trigger", Trigger.UNKNOWN), getattr(message, "position", None)
    utc_s = None if message.utc_ms is None else message.utc_ms // 1000
    marks = KINDS.index(message.kind) | TRIGGERS.index(trigger) << TRIGGER_SHIFT | (SILENT if message.silent else 0)
    marks |= HAS_TIME if utc_s is not None and 0 <= utc_s < 1 << 32 else 0
    where = (0, 0, 0, ERROR_UNKNOWN)
    if position is not None and abs(position.lat_deg) <= 90 and abs(position.lon_deg) <= 180:
        where = _packed(position)
        marks |= HAS_POSITION | (IS_STALE if position.stale else 0) | (position.mode & 3) << MODE_SHIFT
    return ALARM.pack(
        VERSION << 4 | what,
        UUID(message.incident).bytes,
        tail_of(message.id),
        marks,
        min(_signals(message), MOST_SIGNALS),
        (utc_s or 0) if marks & HAS_TIME else 0,
        *where,
    ) + _packed_names(realm, unit)


def receipt_body(receipt: ReceiptCapsule, most_bytes: int = MOST_BYTES) -> bytes:
    """What is signed and sent of a receipt, with its signature in so many bytes."""
    incident = UUID(receipt.incident).bytes
    head = ANSWER.pack(VERSION << 4 | RECEIPT, incident, receipt.tail, min(receipt.signals, MOST_SIGNALS))
    return head + _cut(receipt.acknowledged_by, _room(most_bytes, head))


def answer_body(answer: AnswerCapsule, most_bytes: int = MOST_BYTES) -> bytes:
    """What is signed and sent of an answer: a name, and of the reason what there is room for in so many bytes."""
    head = ORDERED.pack(
        VERSION << 4 | (ENDED if answer.cleared_by else TAKEN),
        UUID(answer.incident).bytes,
        answer.tail,
        min(answer.signals, MOST_SIGNALS),
        answer.epoch,
        min(answer.revision, MOST_REVISION),
    )
    words = _cut(answer.cleared_by or answer.acknowledged_by, _room(most_bytes, head))
    room = _room(most_bytes, head) - len(words) - 1
    if answer.reason and (room > len(DOTS) or len(answer.reason.encode(errors="replace")) <= room):
        words += b"\n" + _cut(answer.reason, room)
    return head + words


def read(body: bytes) -> AlarmCapsule | ReceiptCapsule | AnswerCapsule:
    """What a body says; raises Malformed."""
    if not body or body[0] >> 4 != VERSION:
        raise Malformed(f"expected a capsule of version {VERSION}")
    what = body[0] & 0xF
    if what == RECEIPT and ANSWER.size <= len(body) <= MOST_BODY_BYTES:
        return _receipt(body)
    if what in (TAKEN, ENDED) and ORDERED.size <= len(body) <= MOST_BODY_BYTES:
        return _answer(body, is_end=what == ENDED)
    if what in (RAISED, SIGNALLED, CANCELLED) and ALARM.size <= len(body) <= MOST_BODY_BYTES:
        return _alarm(body, what)
    sizes = f"an alarm of {ALARM.size} bytes, a receipt of {ANSWER.size} or an answer of {ORDERED.size}"
    raise Malformed(f"expected {sizes}, and names behind it")


def split(data: bytes) -> tuple[bytes, bytes]:
    """Body and signature of what came; raises Malformed."""
    if not SIGNATURE_BYTES < len(data) <= MOST_BODY_BYTES + SIGNATURE_BYTES:
        raise Malformed(f"expected a body of at most {MOST_BODY_BYTES} bytes and a signature of {SIGNATURE_BYTES}")
    return data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]


def _signals(message: Told) -> int:
    match message:
        case AlarmRaised():
            return 1
        case AlarmSignalled():
            return message.signal
        case AlarmCancelled():
            return message.signals


def _packed(position: Position) -> tuple[int, int, int, int]:
    """Latitude, longitude (1e-7 deg), age and error, the last two rounded up: never better than they were."""
    return (
        round(position.lat_deg * 1e7),
        round(position.lon_deg * 1e7),
        _up(position.age_s, MOST_AGE_S),
        ERROR_UNKNOWN if position.eph_m is None else _up(position.eph_m, MOST_ERROR_M),
    )


def _up(value: float, most: int) -> int:
    return ceil(min(max(value, 0), most)) if isfinite(value) else most


def _packed_names(realm: str, unit: str) -> bytes:
    if not (NAME.fullmatch(realm) and NAME.fullmatch(unit) and fits(realm, unit)):
        raise ValueError(f"realm and unit must be names of together at most {MOST_NAME_LETTERS} characters")
    letters = f"{realm}/{unit}"
    letters += " " * (-len(letters) % 3)
    codes = [LETTERS.index(letter) for letter in letters]
    threes = zip(codes[::3], codes[1::3], codes[2::3], strict=True)
    return b"".join(struct.pack(">H", (one * 40 + two) * 40 + three) for one, two, three in threes)


def _alarm(body: bytes, what: int) -> AlarmCapsule:
    _, incident, tail, marks, signals, utc_s, lat_e7, lon_e7, age_s, error_m = ALARM.unpack(body[: ALARM.size])
    realm, unit = _names(body[ALARM.size :])
    common: dict[str, Any] = {
        "id": _id(body, tail),
        "who": Who(unit=unit),
        "utc_ms": utc_s * 1000 if marks & HAS_TIME else None,
        "incident": str(UUID(bytes=incident)),
        "kind": _named(KINDS, marks & 0xF),
        "silent": bool(marks & SILENT),
    }
    if what == CANCELLED:
        return AlarmCapsule(realm, unit, AlarmCancelled(**common, signals=signals))
    taken_s = utc_s - age_s if marks & HAS_TIME and utc_s >= age_s else None
    common["trigger"] = _named(TRIGGERS, marks >> TRIGGER_SHIFT & 0xF)
    common["position"] = _position(marks, lat_e7, lon_e7, age_s, error_m, taken_s) if marks & HAS_POSITION else None
    if what == RAISED:
        return AlarmCapsule(realm, unit, AlarmRaised(**common))
    return AlarmCapsule(realm, unit, AlarmSignalled(**common, signal=signals))


def _id(body: bytes, tail: bytes) -> str:
    """A UUIDv8 of its own for what stands in this capsule, less than the message; the tail is the message's."""
    head = int.from_bytes(hashlib.sha256(body).digest()[:8]) & ~0xF000 | 0x8000
    return str(UUID(bytes=head.to_bytes(8) + tail))


def _position(marks: int, lat_e7: int, lon_e7: int, age_s: int, error_m: int, taken_s: int | None) -> Position:
    if abs(lat_e7) > MOST_LAT_E7 or abs(lon_e7) > MOST_LON_E7:
        raise Malformed("expected a latitude within 90 and a longitude within 180 degrees")
    return Position(
        lat_deg=lat_e7 / 1e7,
        lon_deg=lon_e7 / 1e7,
        age_s=float(age_s),
        stale=bool(marks & IS_STALE),
        mode=marks >> MODE_SHIFT & 3,
        utc_ms=None if taken_s is None else taken_s * 1000,
        eph_m=None if error_m == ERROR_UNKNOWN else float(error_m),
    )


def _named(names: tuple[T, ...], code: int) -> T:
    return names[code] if code < len(names) else names[0]


def _names(packed: bytes) -> tuple[str, str]:
    if len(packed) % 2:
        raise Malformed("expected the names in pairs of bytes")
    threes = [three for (three,) in struct.iter_unpack(">H", packed)]
    codes = [code for three in threes for code in (three // 1600, three // 40 % 40, three % 40)]
    if any(code >= len(LETTERS) for code in codes):
        raise Malformed("expected names of A-Z 0-9 _ -")
    realm, _, unit = "".join(LETTERS[code] for code in codes).rstrip().partition("/")
    if not (NAME.fullmatch(realm) and NAME.fullmatch(unit)):
        raise Malformed("expected a realm and a unit")
    return realm, unit


def _room(most_bytes: int, head: bytes) -> int:
    """What is left for words."""
    return min(most_bytes, MOST_BYTES) - SIGNATURE_BYTES - len(head)


def _cut(name: str, most_bytes: int) -> bytes:
    """A name that is too long ends in dots, and never in half a character."""
    whole = name.encode(errors="replace")
    if len(whole) <= most_bytes:
        return whole
    return whole[: most_bytes - len(DOTS)].decode(errors="ignore").encode() + DOTS


def _receipt(body: bytes) -> ReceiptCapsule:
    _, incident, tail, signals = ANSWER.unpack(body[: ANSWER.size])
    name = _text(body[ANSWER.size :])
    return ReceiptCapsule(incident=str(UUID(bytes=incident)), tail=tail, signals=signals, acknowledged_by=name)


def _answer(body: bytes, *, is_end: bool) -> AnswerCapsule:
    _, incident, tail, signals, epoch, revision = ORDERED.unpack(body[: ORDERED.size])
    name, _, reason = _text(body[ORDERED.size :]).partition("\n")
    if not name:
        raise Malformed("expected the name of who took or ended it")
    return AnswerCapsule(
        incident=str(UUID(bytes=incident)),
        tail=tail,
        signals=signals,
        epoch=epoch,
        revision=revision,
        acknowledged_by="" if is_end else name,
        cleared_by=name if is_end else "",
        reason=reason,
    )


def _text(words: bytes) -> str:
    try:
        return words.decode()
    except UnicodeDecodeError:
        raise Malformed("expected words in UTF-8") from None
