"""The vehicle signals that Patrola knows: COVESA VSS 6.0 names, types and units, and the overlay for police cars."""

import difflib
from math import isfinite
from typing import NamedTuple

from hal.readings import SignalValue

Number = int | float


class Leaf(NamedTuple):
    """What VSS says of one signal: its datatype, its unit ("" for none) and, for an enumeration, its words."""

    datatype: str
    unit: str = ""
    allowed: tuple[str, ...] = ()


BOOLEAN = Leaf("boolean")
PERCENT = Leaf("uint8", "percent")

OVERLAY: dict[str, Leaf] = {
    "Vehicle.Police.Lightbar.IsActive": BOOLEAN,
    "Vehicle.Police.Siren.IsActive": BOOLEAN,
    "Vehicle.Police.Lightbar.AlleyLeft.IsActive": BOOLEAN,
    "Vehicle.Police.Lightbar.AlleyRight.IsActive": BOOLEAN,
    "Vehicle.Police.Lightbar.Takedown.IsActive": BOOLEAN,
    "Vehicle.Police.WeaponLock.IsOpen": BOOLEAN,
    "Vehicle.Police.Rollover.IsDetected": BOOLEAN,
}
"""What a police car has and VSS lacks; `docs/vehicles.md` describes it."""

LEAVES: dict[str, Leaf] = {
    "Vehicle.Speed": Leaf("float", "km/h"),
    "Vehicle.IsMoving": BOOLEAN,
    "Vehicle.TraveledDistance": Leaf("uint32", "m"),
    "Vehicle.LowVoltageSystemState": Leaf("string", "", ("UNDEFINED", "LOCK", "OFF", "ACC", "ON", "START")),
    "Vehicle.Diagnostics.DTCCount": Leaf("uint8"),
    "Vehicle.ADAS.ABS.IsError": BOOLEAN,
    "Vehicle.ADAS.ESC.IsError": BOOLEAN,
    "Vehicle.LowVoltageBattery.CurrentVoltage": Leaf("float", "V"),
    "Vehicle.Exterior.AirTemperature": Leaf("float", "Celsius"),
    "Vehicle.Powertrain.Range": Leaf("uint32", "m"),
    "Vehicle.Powertrain.CombustionEngine.Speed": Leaf("float", "rpm"),
    "Vehicle.Powertrain.CombustionEngine.IsRunning": BOOLEAN,
    "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature": Leaf("float", "Celsius"),
    "Vehicle.Powertrain.CombustionEngine.EngineOil.Temperature": Leaf("float", "Celsius"),
    "Vehicle.Powertrain.CombustionEngine.EngineHours": Leaf("float", "h"),
    "Vehicle.Powertrain.CombustionEngine.MAF": Leaf("uint16", "g/s"),
    "Vehicle.Powertrain.CombustionEngine.MAP": Leaf("uint16", "kPa"),
    "Vehicle.Powertrain.CombustionEngine.TPS": PERCENT,
    "Vehicle.Powertrain.FuelSystem.RelativeLevel": PERCENT,
    "Vehicle.Powertrain.FuelSystem.AbsoluteLevel": Leaf("float", "l"),
    "Vehicle.Powertrain.FuelSystem.Range": Leaf("uint32", "m"),
    "Vehicle.Powertrain.FuelSystem.IsFuelLevelLow": BOOLEAN,
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed": Leaf("float", "percent"),
    "Vehicle.Powertrain.Transmission.CurrentGear": Leaf("int8"),
    "Vehicle.Powertrain.Transmission.SelectedGear": Leaf("int8"),
    "Vehicle.Powertrain.Transmission.IsParkLockEngaged": BOOLEAN,
    "Vehicle.Chassis.Accelerator.PedalPosition": PERCENT,
    "Vehicle.Chassis.Brake.PedalPosition": PERCENT,
    "Vehicle.Chassis.ParkingBrake.IsEngaged": BOOLEAN,
    "Vehicle.Chassis.SteeringWheel.Angle": Leaf("int16", "degrees"),
    "Vehicle.Body.Hood.IsOpen": BOOLEAN,
    "Vehicle.Body.Horn.IsActive": BOOLEAN,
    "Vehicle.Body.Lights.Beam.Low.IsOn": BOOLEAN,
    "Vehicle.Body.Lights.Beam.High.IsOn": BOOLEAN,
    "Vehicle.Body.Lights.Beam.Low.IsDefect": BOOLEAN,
    "Vehicle.Body.Lights.Brake.IsDefect": BOOLEAN,
    "Vehicle.Body.Lights.Brake.IsActive": Leaf("string", "", ("INACTIVE", "ACTIVE", "ADAPTIVE")),
    "Vehicle.Body.Lights.DirectionIndicator.Left.IsSignaling": BOOLEAN,
    "Vehicle.Body.Lights.DirectionIndicator.Right.IsSignaling": BOOLEAN,
    "Vehicle.Body.Lights.Hazard.IsSignaling": BOOLEAN,
    "Vehicle.Body.Trunk.Rear.IsOpen": BOOLEAN,
    **{
        f"Vehicle.Cabin.Door.{row}.{side}.{what}": BOOLEAN
        for row in ("Row1", "Row2")
        for side in ("DriverSide", "PassengerSide")
        for what in ("IsOpen", "IsLocked")
    },
    **{
        f"Vehicle.Cabin.Seat.Row1.{side}.{what}": BOOLEAN
        for side in ("DriverSide", "PassengerSide")
        for what in ("IsBelted", "Airbag.IsDeployed")
    },
    **{
        f"Vehicle.Chassis.Axle.{row}.Wheel.{side}.{what}": BOOLEAN
        for row in ("Row1", "Row2")
        for side in ("Left", "Right")
        for what in ("Tire.IsPressureLow", "Brake.IsFluidLevelLow", "Brake.IsBrakesWorn")
    },
    **OVERLAY,
}

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
}

UNIT_WORDS: dict[str, str] = {
    **dict.fromkeys(("km/h", "kph", "kmh", "kmph", "unit_kilometerperhour"), "km/h"),
    **dict.fromkeys(("mph", "mi/h", "unit_mileperhour"), "mph"),
    **dict.fromkeys(("m/s", "mps"), "m/s"),
    **dict.fromkeys(("rpm", "1/min", "u/min", "/min", "min-1", "unit_minutinver"), "rpm"),
    **dict.fromkeys(("%", "percent", "pct", "unit_percent"), "percent"),
    **dict.fromkeys(("km", "unit_kilometer"), "km"),
    **dict.fromkeys(("mi", "mile", "miles"), "mi"),
    **dict.fromkeys(("m", "unit_meter"), "m"),
    **dict.fromkeys(("degc", "°c", "â°c", "c", "deg c", "celsius", "unit_degrecelsi"), "Celsius"),
    **dict.fromkeys(("degf", "°f", "â°f", "f", "deg f"), "Fahrenheit"),
    **dict.fromkeys(("k", "kelvin"), "K"),
    **dict.fromkeys(("v", "volt", "unit_volt"), "V"),
    **dict.fromkeys(("mv",), "mV"),
    **dict.fromkeys(("l", "liter", "litre", "unit_liter"), "l"),
    **dict.fromkeys(("kpa",), "kPa"),
    **dict.fromkeys(("bar", "unit_bar"), "bar"),
    **dict.fromkeys(("g/s",), "g/s"),
    **dict.fromkeys(("deg", "degrees", "°", "â°", "unit_degreofarc"), "degrees"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("s", "sec", "unit_secon"), "s"),
}
"""How DBC files write units, in lower case; a degree sign saved as UTF-8 is read as two cp1252 letters."""

CONVERSIONS: dict[tuple[str, str], tuple[float, float]] = {
    ("mph", "km/h"): (1.609344, 0),
    ("m/s", "km/h"): (3.6, 0),
    ("km", "m"): (1000, 0),
    ("mi", "m"): (1609.344, 0),
    ("Fahrenheit", "Celsius"): (5 / 9, -160 / 9),
    ("K", "Celsius"): (1, -273.15),
    ("mV", "V"): (0.001, 0),
    ("bar", "kPa"): (100, 0),
    ("s", "h"): (1 / 3600, 0),
}
"""(unit of the car, unit of VSS): factor and offset, by definition of the units."""


def nearest(word: str, known: list[str]) -> str:
    """`did you mean "..."?`, or the whole list when nothing is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5) or _same_ending(word, known)
    return f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known[:12])}"


def _same_ending(word: str, known: list[str]) -> list[str]:
    ending = word.rsplit(".", 1)[-1].lower()
    return [name for name in known if name.lower().endswith("." + ending)]


def conversion(unit: str, wanted: str) -> tuple[float, float] | None:
    """Factor and offset from a unit as a DBC writes it to VSS's, or None when that is not known."""
    if not wanted:
        return (1, 0)
    word = UNIT_WORDS.get(unit.strip().lower())
    if word == wanted:
        return (1, 0)
    return None if word is None else CONVERSIONS.get((word, wanted))


def cast(value: Number, leaf: Leaf) -> SignalValue | None:
    """A number as VSS's datatype has it, or None where that type cannot hold it."""
    if not isfinite(value):
        return None
    if leaf.datatype == "float":
        return float(value)
    if leaf.datatype == "boolean":
        return bool(value) if value in (0, 1) else None
    low, high = (0, 100) if leaf.unit == "percent" else INTEGER_RANGES[leaf.datatype]
    whole = round(value)
    return whole if low <= whole <= high else None


def problem_with(value: SignalValue, leaf: Leaf) -> str:
    """Why this value cannot be one of that signal's, or "" when it can."""
    if leaf.allowed and value not in leaf.allowed:
        return f"{value!r} is none of {', '.join(leaf.allowed)}"
    if leaf.datatype == "boolean" and not isinstance(value, bool):
        return f"{value!r} is neither true nor false"
    if leaf.datatype not in ("boolean", "string") and (isinstance(value, bool) or not isinstance(value, int | float)):
        return f"{value!r} is not a number"
    return ""
