"""From the frames of a car's bus to an alarm at headquarters: an airbag that deploys, and no glitch."""

from pathlib import Path

import pytest

from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import Car

DBC = """\
VERSION ""

NS_ :

BS_:

BU_: CAR

BO_ 1360 RESTRAINTS: 8 CAR
 SG_ DriverAirbag : 3|1@1+ (1,0) [0|1] "" CAR
 SG_ RolledOver : 6|1@1+ (1,0) [0|1] "" CAR

CM_ "Made by hand for Patrola's tests; describes no real car.";
"""
AIRBAG = "Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed"
ROLLOVER = "Vehicle.Police.Rollover.IsDetected"
VEHICLE = f"""\
name = "a car with airbags"
dbc = "restraints.dbc"

[signals]
"{AIRBAG}" = {{ dbc = "RESTRAINTS.DriverAirbag", values = {{ "0" = false, "1" = true }} }}
"{ROLLOVER}" = {{ dbc = "RESTRAINTS.RolledOver", values = {{ "0" = false, "1" = true }} }}
"""
MORE = f"""
[sources.can]
driver = "can_file"
path = "crash.log"
vehicle = "car.toml"
speed = 1

[alarms]
vehicle_events = ["{AIRBAG}", "{ROLLOVER}"]
vehicle_event_for_s = 0.3
"""
QUIET, ROLLED, DEPLOYED = "0000000000000000", "4000000000000000", "0800000000000000"
FRAMES = [QUIET] * 3 + [ROLLED] * 2 + [QUIET] * 3 + [DEPLOYED] * 6
"""One every 0.1 s: a sensor that says for a moment that the car lies on its roof, and an airbag that stays deployed."""


@pytest.fixture
def car(tmp_path: Path, mosquitto_server: Mosquitto) -> Car:
    car = Car(tmp_path / "car-1", mosquitto_server.broker.port, MORE)
    (car.folder / "restraints.dbc").write_text(DBC)
    (car.folder / "car.toml").write_text(VEHICLE)
    lines = [f"({1_700_000_000 + number / 10:.6f}) can0 550#{data}\n" for number, data in enumerate(FRAMES)]
    (car.folder / "crash.log").write_text("".join(lines))
    return car


@pytest.mark.promise("P-PRESS-16")
def test_an_airbag_that_deploys_is_an_alarm_at_headquarters_from_its_frames_on(
    car: Car, tmp_path: Path, mosquitto_server: Mosquitto
) -> None:
    hq = Headquarters(tmp_path / "hq", mosquitto_server.broker.port)
    with hq.serving(), car.core() as core, car.screen(core) as screen:
        alarm = screen.until_alarm(lambda alarm: alarm.received)
        assert (alarm.trigger, alarm.vehicle_event, alarm.kind, alarm.signals) == ("vehicle", AIRBAG, "real", 1)
        (incident,) = hq.incidents(car.unit)
        assert (incident["incident"], incident["vehicle_event"]) == (alarm.incident, AIRBAG)
        assert core.end() == 0
