"""A simulated patrol car as a source: GNSS, vehicle signals and lightbar of one plausible drive."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.road_network import RoadNetwork, load
from drivers.simulated_car import DEFAULT_MAP, RATE_HZ, Moment, drive
from drivers.simulated_receiver import EPH_M, HDOP, SATELLITES, Epoch
from hal.clock import Clock
from hal.ports import Source
from hal.readings import AnyReading, Fix, FixMode, LightbarState, VehicleSignals

LATEST_NS = 1_000_000_000
"""Further behind than this, after a suspend or on a busy machine, the drive goes on from now and hurries no more."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which drive, how often the car speaks, and how many times as fast as real it drives; UTC goes its own pace."""

    seed: int = 1
    map: Path | None = None
    rate_hz: Annotated[int, Meta(ge=1, le=50)] = RATE_HZ
    speed: Annotated[float, Meta(gt=0, le=1000)] = 1.0


def build(name: str, settings: Settings, clock: Clock) -> Source:
    """A car that drives for as long as it is read; ConfigError for a map that is none."""
    return Simulator(name, settings, clock, load(settings.map or DEFAULT_MAP))


class Simulator:
    """Starts the same drive again at each opening."""

    def __init__(self, name: str, settings: Settings, clock: Clock, network: RoadNetwork) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._network = network

    async def readings(self) -> AsyncIterator[AnyReading]:
        """A fix each second of the drive, a `VehicleSignals` for each CAN frame, the lightbar when it changes."""
        start_ns, start_utc = self._clock.mono_ns(), self._clock.wall()
        opened_ns, begun_s = start_ns, 0.0
        for moment in drive(self._network, self._settings.seed, self._settings.rate_hz):
            due_ns = start_ns + round((moment.t_s - begun_s) / self._settings.speed * 1e9)
            late_ns = self._clock.mono_ns() - due_ns
            await asyncio.sleep(max(-late_ns / 1e9, 0))
            if late_ns > LATEST_NS:
                due_ns = start_ns = due_ns + late_ns
                begun_s = moment.t_s
            t = (start_utc + timedelta(microseconds=(due_ns - opened_ns) // 1000)).timestamp()
            for reading in readings_of(moment, self.name, due_ns, t):
                yield reading


def readings_of(moment: Moment, source: str, mono_ns: int, t: float) -> Iterator[AnyReading]:
    """What one moment of the drive tells, at this time."""
    if moment.epoch is not None:
        yield _fix(moment.epoch, source, mono_ns, t)
    for frame in moment.frames:
        yield VehicleSignals(source=source, mono_ns=mono_ns, t=t, signals=frame.signals)
    if moment.lightbar is not None:
        yield LightbarState(source=source, mono_ns=mono_ns, t=t, **moment.lightbar._asdict())


def _fix(epoch: Epoch, source: str, mono_ns: int, t: float) -> Fix:
    if epoch.mode == FixMode.NO_FIX:
        return Fix(source=source, mono_ns=mono_ns, t=t, mode=epoch.mode)
    return Fix(
        source=source,
        mono_ns=mono_ns,
        t=t,
        utc=datetime.fromtimestamp(t, UTC),
        climb_mps=0.0,
        eph_m=EPH_M,
        hdop=HDOP,
        satellites_used=SATELLITES,
        **epoch._asdict(),
    )
