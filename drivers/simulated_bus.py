"""The simulated car's CAN frames as config/vehicles/simulator.dbc lays them out, and what they say; pure."""

import struct
from typing import NamedTuple

from drivers.road_network import KPH_PER_MPS
from drivers.simulated_drive import DriveState
from drivers.simulated_powertrain import TANK_L
from hal.readings import SignalValue

MOTION, BODY, TRIP = 0x110, 0x210, 0x310
IGNITION = {"OFF": 0, "ACC": 1, "ON": 2, "START": 3}
PARK, DRIVE = 126, 127
"""VSS's numbers for the selector's positions."""

BRAKE_FULL_MPS2, PEDAL_FULL_MPS2 = 8.0, 3.5
RUNNING_V, STARTER_V, RESTING_V = 14.2, 10.8, 12.6


class BusFrame(NamedTuple):
    """One frame, and the values that it decodes to."""

    arbitration_id: int
    data: bytes
    signals: dict[str, SignalValue]


def motion(state: DriveState) -> BusFrame:
    """Speed, engine and pedals, ten times a second."""
    speed, rpm = round(state.speed_mps * KPH_PER_MPS / 0.01), round(state.rpm / 0.25)
    accelerator = _percent(state.acceleration_mps2 / PEDAL_FULL_MPS2)
    brake = _percent(-state.acceleration_mps2 / BRAKE_FULL_MPS2)
    moving, running, braking = speed > 0, state.engine_running, brake > 0
    bits = state.gear | moving << 4 | running << 5 | braking << 6
    return BusFrame(
        MOTION,
        struct.pack("<HHBBBx", speed, rpm, accelerator, brake, bits),
        {
            "Vehicle.Speed": speed * 0.01,
            "Vehicle.Powertrain.CombustionEngine.Speed": rpm * 0.25,
            "Vehicle.Chassis.Accelerator.PedalPosition": accelerator,
            "Vehicle.Chassis.Brake.PedalPosition": brake,
            "Vehicle.Powertrain.Transmission.CurrentGear": state.gear,
            "Vehicle.IsMoving": moving,
            "Vehicle.Powertrain.CombustionEngine.IsRunning": running,
            "Vehicle.Body.Lights.Brake.IsActive": "ACTIVE" if braking else "INACTIVE",
        },
    )


def body(state: DriveState) -> BusFrame:
    """Ignition, selector, doors, lightbar and siren, every second and when one of them changes."""
    driving = state.engine_running and not state.door_open and not (state.standing and state.phase != "patrol")
    bits = IGNITION[state.ignition] | state.door_open << 3 | state.door_open << 4
    return BusFrame(
        BODY,
        bytes((bits | state.lights_on << 5 | state.siren_on << 6, driving)),
        {
            "Vehicle.LowVoltageSystemState": state.ignition,
            "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen": state.door_open,
            "Vehicle.Cabin.Door.Row1.PassengerSide.IsOpen": state.door_open,
            "Vehicle.Police.Lightbar.IsActive": state.lights_on,
            "Vehicle.Police.Siren.IsActive": state.siren_on,
            "Vehicle.Powertrain.Transmission.SelectedGear": DRIVE if driving else PARK,
        },
    )


def trip(state: DriveState) -> BusFrame:
    """Odometer, tank and battery, every second."""
    hundreds_m = int(state.odometer_m / 100)
    half_percents, centilitres = round(state.fuel_l / TANK_L * 200), round(state.fuel_l / 0.01)
    decivolts = round(_voltage_v(state) * 10)
    return BusFrame(
        TRIP,
        struct.pack("<IBHB", hundreds_m, half_percents, centilitres, decivolts),
        {
            "Vehicle.TraveledDistance": hundreds_m * 100,
            "Vehicle.Powertrain.FuelSystem.RelativeLevel": round(half_percents * 0.5),
            "Vehicle.Powertrain.FuelSystem.AbsoluteLevel": centilitres * 0.01,
            "Vehicle.LowVoltageBattery.CurrentVoltage": decivolts * 0.1,
        },
    )


def _percent(share: float) -> int:
    return round(100 * min(max(share, 0), 1))


def _voltage_v(state: DriveState) -> float:
    if state.engine_running:
        return RUNNING_V
    return STARTER_V if state.ignition == "START" else RESTING_V
