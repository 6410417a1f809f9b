"""The simulated car as its devices tell of it, tick by tick: CAN frames, GNSS epochs, lightbar; pure."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from drivers.road_network import RoadNetwork
from drivers.simulated_bus import BusFrame, body, motion, trip
from drivers.simulated_drive import DriveState, SimulatedDrive
from drivers.simulated_receiver import Epoch, Receiver

RATE_HZ = 10
DEFAULT_MAP = Path(__file__).parent.parent / "config" / "maps" / "ravno.json"


class Lightbar(NamedTuple):
    """What the lightbar's control unit says."""

    lights_on: bool
    siren_on: bool


class Moment(NamedTuple):
    """What one tick brings; `epoch` once a second, `lightbar` when it changed."""

    t_s: float
    state: DriveState
    frames: list[BusFrame]
    epoch: Epoch | None
    lightbar: Lightbar | None


def drive(network: RoadNetwork, seed: int, rate_hz: int = RATE_HZ) -> Iterator[Moment]:
    """The drive of this seed from its beginning, `rate_hz` moments a second; endless."""
    car, receiver = SimulatedDrive(network, seed), Receiver(seed)
    lightbar, body_data, number = None, b"", 0
    while True:
        state = car.step(1 / rate_hz) if number else car.state()
        each_second = number % rate_hz == 0
        before, lightbar = lightbar, Lightbar(state.lights_on, state.siren_on)
        body_frame = body(state)
        frames = [motion(state)]
        if each_second or body_frame.data != body_data:
            frames.append(body_frame)
        if each_second:
            frames.append(trip(state))
        body_data = body_frame.data
        epoch = receiver.epoch(state) if each_second else None
        yield Moment(number / rate_hz, state, frames, epoch, lightbar if lightbar != before else None)
        number += 1
