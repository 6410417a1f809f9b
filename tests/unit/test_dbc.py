"""Our layout of a DBC's bits gives what cantools gives, for every DBC there is, and refuses what cannot be used."""

import math
import random
from pathlib import Path

import cantools
import pytest
from cantools.database.can import Message

from drivers import signals
from drivers.dbc import load
from hal.errors import BadInput, ConfigError

GOLDEN = Path(__file__).parent.parent / "golden"
FRAMES_PER_MESSAGE = 12


def from_cantools(message: Message, data: bytes, *, lenient: bool) -> dict[str, object] | None:
    try:
        values = message.decode_simple(data, allow_truncated=lenient, allow_excess=lenient)
    except cantools.database.DecodeError:
        return None
    return {
        f"{message.name}.{name}": value if isinstance(value, int | float) else str(value)
        for name, value in values.items()
    }


def from_us(decoder: signals.Decoder, message: Message, data: bytes) -> dict[str, object] | None:
    try:
        return decoder.decode(message.frame_id, message.is_extended_frame, data)
    except BadInput:
        return None


def same(ours: dict[str, object] | None, theirs: dict[str, object] | None) -> bool:
    if not ours or not theirs:
        return not ours and not theirs
    return ours.keys() == theirs.keys() and all(_equal(ours[name], value) for name, value in theirs.items())


def _equal(one: object, other: object) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return both_nan or (one == other and type(one) is type(other))


def check_against_cantools(path: Path) -> int:
    dbc, decoder, random_ = load(path), signals.load_dbc(path), random.Random(path.name)
    compared = 0
    for message in dbc.messages:
        for _ in range(FRAMES_PER_MESSAGE):
            length = message.length if random_.random() < 0.8 else random_.randrange(message.length + 3)
            data = random_.randbytes(length) if random_.random() < 0.7 else bytes(length)
            theirs = from_cantools(message, data, lenient=dbc.lenient)
            ours = from_us(decoder, message, data)
            if theirs is None and dbc.lenient:
                continue  # cantools unpacks nothing of a message whose signals overlap; we read each where it is
            assert same(ours, theirs), f"{path.name} {message.name} {data.hex()}: {ours} is not {theirs}"
            compared += theirs is not None
    return compared


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.dbc")), ids=lambda path: path.name)
def test_decodes_what_cantools_decodes(path: Path) -> None:
    assert check_against_cantools(path) > 0


def test_decodes_what_cantools_decodes_for_every_shared_dbc(shared_data: Path) -> None:
    compared = 0
    for path in sorted((shared_data / "can").rglob("*.dbc")):
        try:
            compared += check_against_cantools(path)
        except ConfigError:
            continue
    assert compared > 10_000


@pytest.mark.parametrize(
    ("name", "where", "why"),
    [
        ("honda_civic_hatchback_ex_2017_can_generated.dbc", ":207", "Seems to be platform-agnostic"),
        ("gm_global_a_powertrain_generated.dbc", ":345", "unused VAL_ entries"),
        ("hyundai_can_generated.dbc", ":1656", "Invalid syntax"),
        ("toyota_new_mc_pt_generated_2024-07.dbc", ":483", "Invalid syntax"),
    ],
)
def test_a_dbc_that_cantools_refuses_is_named_with_line_reason_and_remedy(
    shared_data: Path, name: str, where: str, why: str
) -> None:
    path = shared_data / "can/opendbc/rejected-by-cantools" / name
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.source == f"{path}{where}"
    assert why in caught.value.problem
    assert "delete" in caught.value.remedy


def test_an_unused_value_table_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "car.dbc"
    path.write_text('BO_ 1 A: 1 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X\n\nVAL_ 1 GONE 0 "a" ;\n')
    with pytest.raises(ConfigError, match=r"car\.dbc:4: cantools refuses it"):
        load(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff" * 50, b"GPS log, not a DBC", b"BO_ 1 A: 1 X\n SG_ S : 0|8@1+ (1,0) [0|"]
)
def test_a_file_that_is_no_dbc_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.dbc"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"wrong\.dbc"):
        load(path)


def test_a_missing_dbc_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.dbc: cannot be read: No such file"):
        load(tmp_path / "absent.dbc")


def test_a_dbc_with_overlapping_signals_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "overlap.dbc"
    path.write_text('BO_ 1 A: 2 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X\n SG_ T : 4|8@1+ (1,0) [0|0] "" X\n')
    assert load(path).lenient
    assert "overlapping" in caplog.text


def test_a_signal_outside_its_message_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "outside.dbc"
    path.write_text('BO_ 1 A: 1 X\n SG_ S : 0|8@1+ (1,0) [0|0] "" X\n SG_ T : 8|8@1+ (1,0) [0|0] "" X\n')
    assert signals.load_dbc(path).decode(1, False, b"\x05") == {"A.S": 5}
