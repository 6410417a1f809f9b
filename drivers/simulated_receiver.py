"""The simulated car's GNSS receiver: what it makes of the true position, in the steps that NMEA can carry; pure."""

from math import cos, radians
from random import Random
from typing import NamedTuple

from drivers.road_network import EARTH_RADIUS_M
from drivers.simulated_drive import DriveState
from hal.readings import FixMode

FIRST_FIX_S = 3.0
"""From switching on to the first fix, as a receiver with fresh ephemerides needs."""

TRACK_FROM_MPS = 0.5
"""Below this speed a receiver gives no course."""

WANDER_M, WANDER_KEPT = 0.2, 0.98
"""Each second the error keeps that share and gains that much at random: 1 m in all, one sigma."""

EPH_M = 2.5
HDOP = 0.9
ALTITUDE_MSL_M = 78.0
SATELLITES = 9
MPS_PER_KNOT = 1852 / 3600


class Epoch(NamedTuple):
    """One second's solution; without a fix everything but the mode is None."""

    mode: FixMode
    lat_deg: float | None = None
    lon_deg: float | None = None
    speed_mps: float | None = None
    track_deg: float | None = None
    altitude_msl_m: float | None = None


class Receiver:
    """A receiver that is switched on when the drive begins; ask it once a second."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"receiver {seed}")  # noqa: S311 - an error of position, not a secret
        self._east_m = self._north_m = 0.0

    def epoch(self, state: DriveState) -> Epoch:
        """What it says of the car now."""
        self._east_m, self._north_m = self._wandered(self._east_m), self._wandered(self._north_m)
        if state.t_s < FIRST_FIX_S:
            return Epoch(FixMode.NO_FIX)
        m_per_deg = radians(EARTH_RADIUS_M)
        lat_deg = state.lat_deg + self._north_m / m_per_deg
        lon_deg = state.lon_deg + self._east_m / m_per_deg / cos(radians(state.lat_deg))
        return Epoch(
            FixMode.FIX_3D,
            round(lat_deg * 60, 5) / 60,
            round(lon_deg * 60, 5) / 60,
            round(state.speed_mps / MPS_PER_KNOT, 2) * MPS_PER_KNOT,
            round(state.track_deg, 1) % 360 if state.speed_mps >= TRACK_FROM_MPS else None,
            ALTITUDE_MSL_M,
        )

    def _wandered(self, error_m: float) -> float:
        return WANDER_KEPT * error_m + self._random.gauss(0, WANDER_M)
