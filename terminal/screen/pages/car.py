"""The car as its own signals tell it. Pure."""

from terminal.screen.cells import Area, Box
from terminal.screen.language import Say
from terminal.screen.view import View
from terminal.screen.words import KMH_PER_MPS
from terminal.shown import CarFault, VehicleView

UNKNOWN = "--"
FAULT_ROWS = 2


def boxes(view: View, area: Area) -> list[Box]:
    """Name and value in two columns, faults beneath; what is not known says so."""
    if view.snapshot is None:
        return []
    lines = facts(view.say, view.snapshot.vehicle)
    field, foot = area.rows(0, FAULT_ROWS)
    fields = field.grid(-(-len(lines) // 2), 2, gap=2)
    found = [faults(view.say, view.snapshot.vehicle, foot)]
    for (name, value), field in zip(lines, fields, strict=False):
        left, right = Area(field.top, field.left, 1, field.width).columns(field.width * 3 // 5, 0, gap=1)
        found += [
            Box(area=left, words=name, tone="dim"),
            Box(area=right, words=value, tone="dim" if value == UNKNOWN else "title"),
        ]
    return found


def facts(say: Say, car: VehicleView) -> list[tuple[str, str]]:
    """(name, value) of everything that a car can tell us."""
    return [
        (say("Speed"), _number(car.speed_mps, "km/h", KMH_PER_MPS)),
        (say("Engine"), _number(car.engine_rpm, "rpm")),
        (say("Gear"), car.gear or UNKNOWN),
        (say("Fuel"), _number(car.fuel_percent, "%")),
        (say("Distance"), _number(car.odometer_km, "km")),
        (say("Doors"), _word(car.door_open, say("open"), say("closed"))),
        (say("Ignition"), _word(car.ignition_on, say("on"), say("off"))),
        (say("Blue lights"), _word(car.lights_on, say("on"), say("off"))),
        (say("Siren"), _word(car.siren_on, say("on"), say("off"))),
    ]


def faults(say: Say, car: VehicleView, area: Area) -> Box:
    """What the car finds wrong with itself."""
    names = {
        CarFault.ENGINE: say("engine"),
        CarFault.BRAKES: say("brakes"),
        CarFault.STABILITY: "ABS/ESC",
        CarFault.TYRES: say("tyres"),
        CarFault.LAMPS: say("lamps"),
        CarFault.FUEL: say("fuel low"),
    }
    if car.faults is None:
        return Box(area=area, words=say("Faults: {names}", names=UNKNOWN), tone="dim")
    words = ", ".join(names[one] for one in car.faults) or say("none told")
    return Box(area=area, words=say("Faults: {names}", names=words), tone="warn" if car.faults else "title")


def _number(value: float | None, unit: str, factor: float = 1.0) -> str:
    return UNKNOWN if value is None else f"{value * factor:.0f} {unit}"


def _word(value: bool | None, yes: str, no: str) -> str:
    return UNKNOWN if value is None else (yes if value else no)
