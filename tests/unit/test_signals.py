"""A signal map says what the car's frames mean in VSS's words, and every mistake in it is named."""

import gzip
import json
from pathlib import Path

import pytest

from drivers import signals
from drivers.frames import Decoder
from drivers.signal_map import load_map
from drivers.vss import LEAVES, OVERLAY, cast, conversion
from hal.errors import BadInput, ConfigError

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
BODY, MOTION, ENGINE, SERVICE, TRIP = 0x300, 0x100, 0x200, 0x400, 0x18FEF100


@pytest.fixture
def car() -> Decoder:
    return load_map(GOLDEN / "car.toml")


def map_with(tmp_path: Path, *entries: str, head: str = 'dbc = "car.dbc"') -> Path:
    (tmp_path / "car.dbc").write_bytes((GOLDEN / "car.dbc").read_bytes())
    path = tmp_path / "map.toml"
    path.write_text("\n".join(['name = "test"', head, "[signals]", *entries]))
    return path


def problem_of(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_map(path)
    assert caught.value.source == str(path)
    return caught.value.problem


def test_values_come_in_the_unit_and_type_of_vss(car: Decoder) -> None:
    found = car.decode(TRIP, True, bytes.fromhex("E860020000000000"))
    assert found == {"Vehicle.TraveledDistance": 15_588_000}
    assert isinstance(found["Vehicle.TraveledDistance"], int)
    assert car.decode(MOTION, False, bytes.fromhex("FC216B0100640000")) == {
        "Vehicle.Speed": 87.0,
        "Vehicle.IsMoving": True,
        "Vehicle.Chassis.SteeringWheel.Angle": 10,
    }


@pytest.mark.parametrize(
    ("ignition", "state"),
    [(0, "OFF"), (1, "ACC"), (2, "ON"), (3, "START")],
    ids=["by name", "by name", "by raw", "by name"],
)
def test_values_are_named_by_raw_number_or_by_the_dbcs_name(car: Decoder, ignition: int, state: str) -> None:
    assert (car.decode(BODY, False, bytes([ignition, 0, 0, 0])) or {})["Vehicle.LowVoltageSystemState"] == state


def test_a_value_that_the_map_does_not_list_is_left_out(car: Decoder) -> None:
    found = car.decode(BODY, False, bytes([15 << 2, 3 << 1, 0, 0])) or {}
    assert "Vehicle.Powertrain.Transmission.SelectedGear" not in found
    assert "Vehicle.Police.Siren.IsActive" not in found
    assert found["Vehicle.Police.Lightbar.IsActive"] is False


def test_a_value_beyond_the_maps_limit_or_vss_type_is_left_out(car: Decoder) -> None:
    found = car.decode(BODY, False, bytes([0, 0, 255, 241])) or {}
    assert "Vehicle.Powertrain.FuelSystem.RelativeLevel" not in found
    assert "Vehicle.Powertrain.FuelSystem.AbsoluteLevel" not in found


def test_a_multiplexed_signal_comes_only_with_its_page(car: Decoder) -> None:
    assert car.decode(SERVICE, False, bytes.fromhex("0138340000000000")) == {
        "Vehicle.LowVoltageBattery.CurrentVoltage": 13.368
    }
    assert car.decode(SERVICE, False, bytes.fromhex("02FB000000000000")) == {"Vehicle.Exterior.AirTemperature": -5.0}
    assert car.decode(SERVICE, False, bytes.fromhex("0900000000000000")) == {}


def test_one_signal_may_feed_two_vss_signals(tmp_path: Path) -> None:
    path = map_with(
        tmp_path,
        '"Vehicle.Powertrain.CombustionEngine.IsRunning" = { dbc = "ENGINE.Running" }',
        '"Vehicle.IsMoving" = { dbc = "ENGINE.Running" }',
    )
    assert load_map(path).decode(ENGINE, False, bytes([0, 0, 0, 1, 0, 0, 0, 0])) == {
        "Vehicle.Powertrain.CombustionEngine.IsRunning": True,
        "Vehicle.IsMoving": True,
    }


@pytest.mark.parametrize("length", [0, 3, 7, 9])
def test_a_frame_of_the_wrong_length_is_refused(car: Decoder, length: int) -> None:
    with pytest.raises(BadInput, match=f"MOTION: {length} bytes instead of 8"):
        car.decode(MOTION, False, bytes(length))


def test_an_id_counts_with_its_width(car: Decoder) -> None:
    assert car.decode(MOTION, True, bytes(8)) is None
    assert car.decode(TRIP, False, bytes(8)) is None


def test_mph_and_miles_become_vss_units(tmp_path: Path) -> None:
    path = map_with(tmp_path, '"Vehicle.Speed" = { dbc = "MOTION.SpeedMph" }')
    assert load_map(path).decode(MOTION, False, bytes([0, 0, 50, 0, 0, 0, 0, 0])) == {"Vehicle.Speed": 80.4672}


def test_a_given_scale_and_offset_replace_the_units(tmp_path: Path) -> None:
    path = map_with(tmp_path, '"Vehicle.Speed" = { dbc = "MOTION.SpeedMph", scale = 2, offset = -1 }')
    assert load_map(path).decode(MOTION, False, bytes([0, 0, 50, 0, 0, 0, 0, 0])) == {"Vehicle.Speed": 99.0}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            '"Vehicle.Sped" = { dbc = "MOTION.Speed" }',
            'line 4, Vehicle.Sped: is no VSS signal known here, did you mean "Vehicle.Speed"?',
        ),
        ('"Speed" = { dbc = "MOTION.Speed" }', 'did you mean "Vehicle.Speed"?'),
        (
            '"Vehicle.Speed" = { dbc = "MOTION.Sped" }',
            'car.dbc has no signal MOTION.Sped, did you mean "MOTION.Speed"?',
        ),
        ('"Vehicle.Speed" = { dbc = "Speed" }', 'did you mean "MOTION.Speed"?'),
        ('"Vehicle.Speed" = { dcb = "MOTION.Speed" }', 'unknown key "dcb", did you mean "dbc"?'),
        ('"Vehicle.Speed" = "MOTION.Speed"', 'expected { dbc = "MOTION.SIGNAL"'.replace("MOTION", "MESSAGE")),
        ('"Vehicle.Speed" = { scale = 2 }', "expected either dbc"),
        ('"Vehicle.Speed" = { dbc = "MOTION.Speed", obd2 = 13 }', "expected either dbc"),
        ('"Vehicle.Speed" = { obd2 = 0xEE }', "PID 0xEE of mode 01 is not known here; known are 0x01 stored"),
        ('"Vehicle.Speed" = { obd2 = "0x0D" }', "Expected `int | null`, got `str`"),
        ('"Vehicle.Speed" = { dbc = "MOTION.Odd" }', 'its unit "furlong" is not one that becomes km/h; say scale'),
        ('"Vehicle.Speed" = { dbc = "BODY.FuelRaw" }', "it has no unit, and VSS's is km/h; say scale"),
        ('"Vehicle.Speed" = { dbc = "BODY.Fuel" }', 'its unit "%" is not one that becomes km/h'),
        ('"Vehicle.LowVoltageSystemState" = { dbc = "BODY.Ignition" }', "needs values"),
        (
            '"Vehicle.LowVoltageSystemState" = { dbc = "BODY.Ignition", values = { "Off" = "AUS" } }',
            "'AUS' is none of UNDEFINED, LOCK, OFF",
        ),
        (
            '"Vehicle.Police.Siren.IsActive" = { dbc = "BODY.Siren", values = { "0" = 0 } }',
            "0 is neither true nor false",
        ),
        (
            '"Vehicle.LowVoltageSystemState" = { dbc = "BODY.Ignition", values = { "Of" = "OFF" } }',
            'nothing is called "Of", did you mean "Off"?',
        ),
        (
            '"Vehicle.Powertrain.Transmission.SelectedGear" = { dbc = "BODY.Gear", values = { "P" = "park" } }',
            "'park' is not a number",
        ),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(tmp_path: Path, entry: str, problem: str) -> None:
    assert problem in problem_of(map_with(tmp_path, entry))


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = problem_of(map_with(tmp_path, '"Vehicle.Sped" = { obd2 = 13 }', '"Vehicle.Speed" = { dbc = "A.B" }'))
    assert "line 4, Vehicle.Sped" in found
    assert "line 5, Vehicle.Speed" in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "is not TOML"),
        ('name = "x"\ndcb = "car.dbc"\n[signals]\n', 'line 2, unknown key "dcb", did you mean "dbc"?'),
        ('name = "x"\n', "Object missing required field `signals`"),
        ("[signals]\n", "Object missing required field `name`"),
        ('name = "x"\ndbc = 3\n[signals]\n', "Expected `str | null`, got `int`"),
    ],
)
def test_a_broken_map_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    assert problem in problem_of(path)


def test_a_map_that_is_absent_or_no_text_is_named(tmp_path: Path) -> None:
    assert "No such file" in problem_of(tmp_path / "absent.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8" in problem_of(binary)


def test_a_dbc_signal_without_a_dbc_is_a_mistake(tmp_path: Path) -> None:
    assert 'has no dbc = "FILE.dbc"' in problem_of(map_with(tmp_path, '"Vehicle.Speed" = { dbc = "A.B" }', head=""))


def test_a_map_whose_dbc_is_absent_names_the_dbc(tmp_path: Path) -> None:
    path = map_with(tmp_path, '"Vehicle.Speed" = { obd2 = 13 }', head='dbc = "gone.dbc"')
    with pytest.raises(ConfigError, match=r"gone\.dbc: cannot be read"):
        load_map(path)


def test_exactly_one_of_map_and_dbc_is_needed() -> None:
    for both in ((None, None), (GOLDEN / "car.toml", GOLDEN / "car.dbc")):
        with pytest.raises(ConfigError, match="either `vehicle`"):
            signals.load(*both)


def test_a_dbc_alone_gives_every_signal_with_its_names() -> None:
    assert signals.load(None, GOLDEN / "car.dbc").decode(BODY, False, bytes.fromhex("0E01A0F0")) == {
        "BODY.Ignition": "On",
        "BODY.Gear": "D",
        "BODY.DoorDriver": 0,
        "BODY.Lightbar": 1,
        "BODY.Siren": 0,
        "BODY.Fuel": 80.0,
        "BODY.FuelRaw": 240,
    }


@pytest.mark.parametrize(
    ("file", "dbc"),
    [
        ("vw-group-example.toml", "opendbc/vw_mqb.dbc"),
        ("toyota-rav4-example.toml", "opendbc/generated/toyota_new_mc_pt_generated.dbc"),
    ],
)
def test_a_shipped_example_fits_the_dbc_it_names(shared_data: Path, tmp_path: Path, file: str, dbc: str) -> None:
    source = shared_data / "can" / dbc
    (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / file).write_text((ROOT / "config/vehicles" / file).read_text())
    assert load_map(tmp_path / file).keys


def test_the_shipped_obd2_map_loads() -> None:
    assert 0x7E8 in load_map(ROOT / "config/vehicles/obd2.toml").keys


def test_our_table_of_vss_is_vss(shared_data: Path) -> None:
    with gzip.open(shared_data / "interop/vss/vss_release_6.0.json.gz") as file:
        tree = json.load(file)
    for path, leaf in LEAVES.items():
        if path in OVERLAY:
            continue
        node = {"children": tree}
        for name in path.split("."):
            node = node["children"][name]
        assert (node["datatype"], node.get("unit", ""), tuple(node.get("allowed", ()))) == leaf, path


def test_the_overlay_names_what_vss_lacks(shared_data: Path) -> None:
    with gzip.open(shared_data / "interop/vss/vss_release_6.0.json.gz") as file:
        assert "Police" not in json.load(file)["Vehicle"]["children"]


@pytest.mark.parametrize(
    ("unit", "wanted", "factors"),
    [
        ("km/h", "km/h", (1, 0)),
        ("Unit_KiloMeterPerHour", "km/h", (1, 0)),
        ("MPH", "km/h", (1.609344, 0)),
        ("m/s", "km/h", (3.6, 0)),
        ("Â°C", "Celsius", (1, 0)),
        ("km", "m", (1000, 0)),
        ("anything", "", (1, 0)),
        ("km", "km/h", None),
        ("", "m", None),
    ],
)
def test_units_convert_only_where_they_are_known(unit: str, wanted: str, factors: tuple[float, float] | None) -> None:
    assert conversion(unit, wanted) == factors


def test_what_vss_cannot_hold_is_no_value() -> None:
    speed, angle, moving = (
        LEAVES["Vehicle.Speed"],
        LEAVES["Vehicle.Chassis.SteeringWheel.Angle"],
        LEAVES["Vehicle.IsMoving"],
    )
    assert [cast(float("nan"), speed), cast(40_000, angle), cast(2, moving)] == [None, None, None]
    assert [cast(1, speed), cast(-12.6, angle), cast(1, moving)] == [1.0, -13, True]
