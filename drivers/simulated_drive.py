"""A patrol car's drive: position, speed, engine, doors, lights and siren that fit together; pure, and seeded."""

from math import sqrt
from random import Random
from typing import NamedTuple

from drivers.road_network import RoadNetwork
from drivers.simulated_powertrain import TANK_L, Powertrain
from drivers.simulated_route import Place, pieces
from drivers.simulated_shift import Shift

TICK_S = 0.1
"""The step that it is made for; a longer one drives less smoothly."""

ACCELERATION_MPS2, URGENT_ACCELERATION_MPS2 = 1.8, 2.8
COMFORTABLE_BRAKING_MPS2, HARDEST_BRAKING_MPS2 = 2.0, 4.0
TOP_MPS = 60.0
CAUTION, URGENCY = 0.96, 1.4
"""Share of the speed limit that is driven, on patrol and with lights and siren."""

URGENT_CROSSING_MPS = 7.0
"""How fast a red light is passed with lights and siren."""

STANDING_M = 0.5
FIRST_FUEL_L, FIRST_ODOMETER_M = 0.7 * TANK_L, 48_210_000.0


class DriveState(NamedTuple):
    """The car at one moment; `t_s` counts from the beginning of the drive, `ignition` is in VSS's words."""

    t_s: float
    phase: str
    road: str
    lat_deg: float
    lon_deg: float
    track_deg: float
    speed_mps: float
    acceleration_mps2: float
    limit_mps: float
    odometer_m: float
    gear: int
    rpm: float
    fuel_l: float
    ignition: str
    engine_running: bool
    door_open: bool
    lights_on: bool
    siren_on: bool

    @property
    def standing(self) -> bool:
        """Whether the car does not move."""
        return self.speed_mps == 0


class SimulatedDrive:
    """A drive that goes on for as long as it is stepped."""

    def __init__(self, network: RoadNetwork, seed: int) -> None:
        self._network = network
        self._place = Place(pieces(network, Random(f"route {seed}")))  # noqa: S311 - a drive, not a secret
        self._shift = Shift(Random(f"shift {seed}"))  # noqa: S311 - a drive, not a secret
        self._powertrain = Powertrain(FIRST_FUEL_L)
        self._ticks_s = 0.0
        self._speed_mps = self._acceleration_mps2 = 0.0
        self._odometer_m = FIRST_ODOMETER_M
        self._waited_s = 0.0

    def step(self, dt_s: float) -> DriveState:
        """The car after `dt_s` more seconds."""
        self._ticks_s += dt_s
        self._shift.step(dt_s, self._speed_mps == 0)
        self._accelerate(dt_s)
        self._move(dt_s)
        self._powertrain.step(
            dt_s,
            self._speed_mps,
            self._acceleration_mps2,
            self._shift.engine_running,
            self._shift.ignition == "START",
        )
        return self.state()

    def state(self) -> DriveState:
        """The car as it is."""
        lat_deg, lon_deg = self._network.position_deg(self._place.point)
        piece, shift, powertrain = self._place.piece, self._shift, self._powertrain
        return DriveState(
            t_s=self._ticks_s,
            phase=shift.name,
            road=piece.road,
            lat_deg=lat_deg,
            lon_deg=lon_deg,
            track_deg=piece.track_deg,
            speed_mps=self._speed_mps,
            acceleration_mps2=self._acceleration_mps2,
            limit_mps=piece.limit_mps,
            odometer_m=self._odometer_m,
            gear=powertrain.gear,
            rpm=powertrain.rpm,
            fuel_l=powertrain.fuel_l,
            ignition=shift.ignition,
            engine_running=shift.engine_running,
            door_open=shift.door_open(self._speed_mps == 0),
            lights_on=shift.phase.lights,
            siren_on=shift.phase.siren,
        )

    def _accelerate(self, dt_s: float) -> None:
        before_mps = self._speed_mps
        strength_mps2 = URGENT_ACCELERATION_MPS2 if self._shift.urgent else ACCELERATION_MPS2
        most_mps = before_mps + strength_mps2 * max(1 - before_mps / TOP_MPS, 0) * dt_s
        least_mps = max(before_mps - HARDEST_BRAKING_MPS2 * dt_s, 0)
        self._speed_mps = max(least_mps, min(most_mps, self._allowed_mps(dt_s)))
        self._acceleration_mps2 = (self._speed_mps - before_mps) / dt_s

    def _allowed_mps(self, dt_s: float) -> float:
        """What crew, speed limit and road ahead allow; a driver brakes so that the limit ahead is met at its sign."""
        speed_mps = self._speed_mps
        if not self._shift.phase.drives:
            return max(speed_mps - COMFORTABLE_BRAKING_MPS2 * dt_s, 0)
        share = URGENCY if self._shift.urgent else CAUTION
        allowed_mps = self._place.piece.limit_mps * share
        sight_m = speed_mps**2 / (2 * COMFORTABLE_BRAKING_MPS2) + speed_mps + 10
        for away_m, piece, after in self._place.ahead(sight_m):
            there_mps = after.limit_mps * share
            if piece.wait_s and not (piece is self._place.piece and self._waited_s >= piece.wait_s):
                there_mps = min(there_mps, URGENT_CROSSING_MPS) if self._shift.urgent else 0
            if there_mps == 0 and away_m < STANDING_M:
                return 0
            room_m = max(away_m - speed_mps * dt_s, 0)
            allowed_mps = min(allowed_mps, sqrt(there_mps**2 + 2 * COMFORTABLE_BRAKING_MPS2 * room_m))
        return allowed_mps

    def _move(self, dt_s: float) -> None:
        moved_m = (self._speed_mps - self._acceleration_mps2 * dt_s / 2) * dt_s
        self._odometer_m += moved_m
        waiting = self._speed_mps == 0 and self._place.left_m < 2 * STANDING_M
        self._waited_s = self._waited_s + dt_s if waiting else self._waited_s
        if self._place.move(moved_m):
            self._waited_s = 0.0
