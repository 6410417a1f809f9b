"""Gear, engine speed and fuel of a simulated petrol estate with a six-speed automatic; pure.

The figures are those of no particular car: round numbers of a 1.7 t estate.
"""

from math import pi

RATIOS = (14.0, 9.0, 6.0, 4.6, 3.6, 2.9)
"""Engine revolutions per wheel revolution, first gear to sixth."""

UP_MPS = (5.0, 9.0, 13.5, 19.0, 26.5)
"""Above which speed the next gear is taken; down again `HYSTERESIS_MPS` below."""

HYSTERESIS_MPS = 1.5
WHEEL_M = pi * 0.63
IDLE_RPM, STARTER_RPM = 800.0, 250.0
TANK_L = 60.0
RESERVE_L = 8.0

MASS_KG = 1700.0
ROLLING = 0.012
DRAG_AREA_M2 = 0.70
AIR_KGPM3 = 1.2
GRAVITY_MPS2 = 9.81
IDLE_L_PER_S = 0.9 / 3600
L_PER_J = 0.3 / 3.6e6
"""0.3 l for each kWh at the wheels."""


class Powertrain:
    """Follows speed and acceleration; `fuel_l` is what is left in the tank."""

    def __init__(self, fuel_l: float) -> None:
        self.fuel_l = fuel_l
        self.gear = 0
        self.rpm = 0.0

    def step(self, dt_s: float, speed_mps: float, acceleration_mps2: float, running: bool, starter: bool) -> None:
        """Take the car's motion of the last `dt_s`."""
        self.gear = self._gear(speed_mps) if running and speed_mps > 0 else 0
        if running:
            turning_rpm = speed_mps / WHEEL_M * 60 * RATIOS[self.gear - 1] if self.gear else 0
            self.rpm = max(IDLE_RPM, turning_rpm)
            self.fuel_l -= dt_s * (IDLE_L_PER_S + L_PER_J * power_w(speed_mps, acceleration_mps2))
        else:
            self.rpm = STARTER_RPM if starter else 0
            if self.fuel_l < RESERVE_L:
                self.fuel_l = TANK_L

    def _gear(self, speed_mps: float) -> int:
        gear = max(self.gear, 1)
        while gear < len(RATIOS) and speed_mps > UP_MPS[gear - 1]:
            gear += 1
        while gear > 1 and speed_mps < UP_MPS[gear - 2] - HYSTERESIS_MPS:
            gear -= 1
        return gear


def power_w(speed_mps: float, acceleration_mps2: float) -> float:
    """Power at the wheels against inertia, rolling and air; never negative, since braking gives nothing back."""
    force_n = MASS_KG * (acceleration_mps2 + ROLLING * GRAVITY_MPS2) + AIR_KGPM3 / 2 * DRAG_AREA_M2 * speed_mps**2
    return max(force_n * speed_mps, 0)
