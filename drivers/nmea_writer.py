"""NMEA 0183 sentences of the simulated receiver: RMC, GSA and GGA with their checksums; pure.

A sentence with a time stands first and last, so that a reader sees where a second ends.
"""

from datetime import datetime
from functools import reduce
from operator import xor

from drivers.simulated_receiver import HDOP, MPS_PER_KNOT, SATELLITES, Epoch
from hal.readings import FixMode

GEOID_SEPARATION_M = 42.0
PDOP, VDOP = 1.6, 1.3
GSA_PLACES = 12


def sentences(epoch: Epoch, utc: datetime) -> str:
    """One second's three sentences, each ending in CR LF."""
    return "".join(map(_sentence, (_rmc(epoch, utc), _gsa(epoch), _gga(epoch, utc))))


def _sentence(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode(), 0):02X}\r\n"


def _rmc(epoch: Epoch, utc: datetime) -> str:
    valid, mode = ("A", "A") if _has_fix(epoch) else ("V", "N")
    speed = "" if epoch.speed_mps is None else f"{epoch.speed_mps / MPS_PER_KNOT:.2f}"
    track = "" if epoch.track_deg is None else f"{epoch.track_deg:.1f}"
    return f"GPRMC,{_time(utc)},{valid},{_position(epoch)},{speed},{track},{utc:%d%m%y},,,{mode}"


def _gga(epoch: Epoch, utc: datetime) -> str:
    if epoch.altitude_msl_m is None:
        return f"GPGGA,{_time(utc)},{_position(epoch)},0,00,99.99,,,,,,"
    altitude = f"{epoch.altitude_msl_m:.1f},M,{GEOID_SEPARATION_M:.1f},M"
    return f"GPGGA,{_time(utc)},{_position(epoch)},1,{SATELLITES:02d},{HDOP:.2f},{altitude},,"


def _gsa(epoch: Epoch) -> str:
    used = SATELLITES if _has_fix(epoch) else 0
    places = ",".join(f"{number:02d}" if number <= used else "" for number in range(1, GSA_PLACES + 1))
    dops = f"{PDOP:.2f},{HDOP:.2f},{VDOP:.2f}" if used else "99.99,99.99,99.99"
    return f"GPGSA,A,{epoch.mode.value},{places},{dops}"


def _has_fix(epoch: Epoch) -> bool:
    return epoch.mode >= FixMode.FIX_2D


def _time(utc: datetime) -> str:
    return f"{utc:%H%M%S}.{utc.microsecond // 10_000:02d}"


def _position(epoch: Epoch) -> str:
    if epoch.lat_deg is None or epoch.lon_deg is None:
        return ",,,"
    return f"{_degrees(epoch.lat_deg, 2, 'NS')},{_degrees(epoch.lon_deg, 3, 'EW')}"


def _degrees(value_deg: float, width: int, sides: str) -> str:
    """Degrees and minutes as NMEA writes them; counted in 1e-5 minutes, so that 60.00000 minutes cannot come out."""
    whole, part = divmod(round(abs(value_deg) * 60 * 100_000), 60 * 100_000)
    return f"{whole:0{width}d}{part / 100_000:08.5f},{sides[value_deg < 0]}"
