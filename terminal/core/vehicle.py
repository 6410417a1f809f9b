"""The car as its signals tell it: newest value per signal, with its age. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Fix, LightbarState, PowerState, SignalValue, VehicleSignals
from terminal.core.channels import stale_after_ns
from terminal.shown import CarFault, VehicleView

SPEED = "Vehicle.Speed"
ENGINE_SPEED = "Vehicle.Powertrain.CombustionEngine.Speed"
LOW_VOLTAGE = "Vehicle.LowVoltageSystemState"
DISTANCE = "Vehicle.TraveledDistance"
FUEL = "Vehicle.Powertrain.FuelSystem.RelativeLevel"
SELECTED_GEAR = "Vehicle.Powertrain.Transmission.SelectedGear"
CURRENT_GEAR = "Vehicle.Powertrain.Transmission.CurrentGear"
PARK, DRIVE = 126, 127
"""Of VSS's selected gear; 0 is neutral, below it reverse, above it a gear by its number."""

LIGHTBAR = "Vehicle.Police.Lightbar.IsActive"
SIREN = "Vehicle.Police.Siren.IsActive"
LOW_BEAM = "Vehicle.Body.Lights.Beam.Low.IsOn"
DOORS = tuple(
    f"Vehicle.Cabin.Door.{row}.{side}.IsOpen" for row in ("Row1", "Row2") for side in ("DriverSide", "PassengerSide")
)
WHEELS = tuple(f"Vehicle.Chassis.Axle.{row}.Wheel.{side}" for row in ("Row1", "Row2") for side in ("Left", "Right"))
FAULTS = {
    CarFault.ENGINE: ("Vehicle.Diagnostics.DTCCount",),
    CarFault.BRAKES: tuple(f"{wheel}.Brake.{what}" for wheel in WHEELS for what in ("IsFluidLevelLow", "IsBrakesWorn")),
    CarFault.STABILITY: ("Vehicle.ADAS.ABS.IsError", "Vehicle.ADAS.ESC.IsError"),
    CarFault.TYRES: tuple(f"{wheel}.Tire.IsPressureLow" for wheel in WHEELS),
    CarFault.LAMPS: ("Vehicle.Body.Lights.Beam.Low.IsDefect", "Vehicle.Body.Lights.Brake.IsDefect"),
    CarFault.FUEL: ("Vehicle.Powertrain.FuelSystem.IsFuelLevelLow",),
}
"""Each is there while one of its signals is true or counts something."""

KMH_PER_MPS = 3.6
NEVER_NS = -(2**62)

Known = tuple[SignalValue, int]
"""A value and the monotonic time at which it came."""


class Vehicle(Struct, frozen=True):
    """The newest value of every signal; `edges` are lightbar, siren and ignition as last told, and `told_by` whom.

    They are told when they change and so do not grow old; but once their source is down nobody knows them.
    `has_park`: the selector was seen in Park or Drive, which a manual gearbox has not.
    """

    signals: dict[str, Known] = {}
    edges: dict[str, bool] = {}
    told_by: dict[str, str] = {}
    down: frozenset[str] = frozenset()
    has_park: bool = False


def apply(vehicle: Vehicle, reading: VehicleSignals | LightbarState | PowerState) -> Vehicle:
    """The car after this reading."""
    if isinstance(reading, VehicleSignals):
        fresh = {path: (value, reading.mono_ns) for path, value in reading.signals.items()}
        has_park = vehicle.has_park or reading.signals.get(SELECTED_GEAR) in (PARK, DRIVE)
        vehicle = replace(vehicle, signals=vehicle.signals | fresh, has_park=has_park)
    edges = _edges(reading)
    told_by = dict.fromkeys(edges, reading.source)
    if edges.items() <= vehicle.edges.items() and told_by.items() <= vehicle.told_by.items():
        return vehicle
    return replace(vehicle, edges=vehicle.edges | edges, told_by=vehicle.told_by | told_by)


def source_changed(vehicle: Vehicle, source: str, *, up: bool) -> Vehicle:
    """The car after one of its sources went down or came back."""
    down = vehicle.down - {source} if up else vehicle.down | {source}
    return replace(vehicle, down=down) if down != vehicle.down else vehicle


def edge(vehicle: Vehicle, what: str) -> bool | None:
    """Whether lightbar, siren or ignition is on; None while whoever told it last is down."""
    return None if vehicle.told_by.get(what) in vehicle.down else vehicle.edges.get(what)


def changes(before: Vehicle, after: Vehicle) -> dict[str, bool]:
    """Lightbar, siren or ignition as they are now, where they are not what they were."""
    return {what: on for what, on in after.edges.items() if before.edges.get(what) is not on}


def _edges(reading: VehicleSignals | LightbarState | PowerState) -> dict[str, bool]:
    told: dict[str, bool | None]
    if isinstance(reading, LightbarState):
        told = {"lightbar": reading.lights_on, "siren": reading.siren_on}
    elif isinstance(reading, PowerState):
        told = {"ignition": reading.ignition_on}
    else:
        told = {
            "lightbar": _flag(reading.signals.get(LIGHTBAR)),
            "siren": _flag(reading.signals.get(SIREN)),
            "ignition": _ignition(reading.signals.get(LOW_VOLTAGE)),
        }
    return {what: on for what, on in told.items() if on is not None}


def _flag(value: SignalValue | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _ignition(state: SignalValue | None) -> bool | None:
    return None if state in (None, "UNDEFINED") else state in ("ON", "START")


def fresh(vehicle: Vehicle, path: str, now_ns: int) -> SignalValue | None:
    """A signal's value, or None when it is unknown or too old."""
    value, at_ns = vehicle.signals.get(path, (None, NEVER_NS))
    return value if now_ns - at_ns <= stale_after_ns(VehicleSignals) else None


def number(vehicle: Vehicle, path: str, now_ns: int) -> float | None:
    """A signal's fresh value as a number, else None."""
    value = fresh(vehicle, path, now_ns)
    return float(value) if isinstance(value, int | float) else None


def speed_mps(vehicle: Vehicle, fix: Fix | None, now_ns: int) -> tuple[float | None, str]:
    """The car's speed and where it comes from: its own bus first, else the receiver."""
    kmh = number(vehicle, SPEED, now_ns)
    if kmh is not None:
        return kmh / KMH_PER_MPS, "can"
    if fix is not None and fix.speed_mps is not None and now_ns - fix.mono_ns <= stale_after_ns(Fix):
        return fix.speed_mps, "gnss"
    return None, ""


def door_open(vehicle: Vehicle, now_ns: int) -> bool | None:
    """Whether any door is open; None while none of them is known."""
    doors = [door for path in DOORS if (door := fresh(vehicle, path, now_ns)) is not None]
    return any(doors) if doors else None


def faults(vehicle: Vehicle, now_ns: int) -> tuple[CarFault, ...] | None:
    """What is wrong with the car; None while no signal of it is known."""
    told = {fault: [fresh(vehicle, path, now_ns) for path in paths] for fault, paths in FAULTS.items()}
    if all(value is None for values in told.values() for value in values):
        return None
    return tuple(fault for fault, values in told.items() if any(values))


def in_park(vehicle: Vehicle, now_ns: int) -> bool | None:
    """Whether the selector is in Park; None while that is not known, and in a car that has none."""
    selected = number(vehicle, SELECTED_GEAR, now_ns)
    return None if selected is None or not vehicle.has_park else selected == PARK


def gear(vehicle: Vehicle, now_ns: int) -> str | None:
    """What the crew has selected, and in Drive the gear that the car has; a car without a selector has that alone."""
    selected, current = number(vehicle, SELECTED_GEAR, now_ns), number(vehicle, CURRENT_GEAR, now_ns)
    if selected == PARK:
        return "P"
    if selected == DRIVE:
        return f"D{current:.0f}" if current is not None and current > 0 else "D"
    number_of = current if selected is None else selected
    return None if number_of is None else _gear_name(round(number_of))


def view(vehicle: Vehicle, fix: Fix | None, now_ns: int) -> VehicleView:
    """What the screen may show."""
    speed, speed_source = speed_mps(vehicle, fix, now_ns)
    distance_m = number(vehicle, DISTANCE, now_ns)
    return VehicleView(
        speed_mps=speed,
        speed_source=speed_source,
        engine_rpm=number(vehicle, ENGINE_SPEED, now_ns),
        ignition_on=edge(vehicle, "ignition"),
        lights_on=edge(vehicle, "lightbar"),
        siren_on=edge(vehicle, "siren"),
        headlights_on=_flag(fresh(vehicle, LOW_BEAM, now_ns)),
        odometer_km=None if distance_m is None else distance_m / 1000,
        fuel_percent=number(vehicle, FUEL, now_ns),
        door_open=door_open(vehicle, now_ns),
        gear=gear(vehicle, now_ns),
        in_park=in_park(vehicle, now_ns),
        faults=faults(vehicle, now_ns),
    )


def _gear_name(gear: int) -> str:
    if gear == 0:
        return "N"
    return str(gear) if gear > 0 else "R"
