"""gpsd's JSON reports (gpsd_json(5)) as fixes; pure."""

from datetime import datetime

import msgspec

from hal.errors import BadInput
from hal.readings import Fix, FixMode


class Report(msgspec.Struct, frozen=True):
    """The parts of TPV, SKY, DEVICE, DEVICES and ERROR that matter, with gpsd's own names."""

    class_: str = msgspec.field(name="class")
    device: str | None = None
    path: str | None = None
    activated: float | str | None = None
    message: str | None = None
    mode: int = 0
    time: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    altMSL: float | None = None  # noqa: N815 - gpsd's name
    speed: float | None = None
    track: float | None = None
    climb: float | None = None
    eph: float | None = None
    hdop: float | None = None
    uSat: int | None = None  # noqa: N815 - gpsd's name


class GpsdReports:
    """Makes one gpsd's reports into readings; the sky view's figures go into the next fix of the same device."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sky: dict[str | None, Report] = {}

    def fix(self, report: Report, mono_ns: int) -> Fix | None:
        """The fix of a TPV, None for any other report."""
        if report.class_ == "SKY":
            self._sky[report.device] = report
        if report.class_ != "TPV":
            return None
        mode = FixMode(report.mode) if report.mode in tuple(FixMode) else FixMode.UNKNOWN
        t = None if report.time is None else report.time.timestamp()
        if mode < FixMode.FIX_2D or report.lat is None or report.lon is None:
            unlocated = min(mode, FixMode.NO_FIX)
            return Fix(source=self._source, mono_ns=mono_ns, t=t, utc=report.time, mode=unlocated)
        sky = self._sky.get(report.device)
        return Fix(
            source=self._source,
            mono_ns=mono_ns,
            t=t,
            utc=report.time,
            mode=mode,
            lat_deg=report.lat,
            lon_deg=report.lon,
            altitude_msl_m=report.altMSL,
            speed_mps=report.speed,
            track_deg=report.track,
            climb_mps=report.climb,
            eph_m=report.eph,
            hdop=sky.hdop if sky else None,
            satellites_used=sky.uSat if sky else None,
        )


_decoder = msgspec.json.Decoder(Report)


def decode(line: bytes) -> Report:
    """One line of gpsd's; BadInput when it is none."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            "gpsd", f"{len(line)} bytes that are not a report of gpsd", "is it a gpsd that answers there?"
        ) from error


def watch(device: str | None = None) -> bytes:
    """The command that makes gpsd report, of one device or of all."""
    wanted = {"enable": True, "json": True} | ({"device": device} if device else {})
    return b"?WATCH=" + msgspec.json.encode(wanted) + b"\n"
