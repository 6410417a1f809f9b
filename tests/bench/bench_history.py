"""What headquarters does every second and for every alarm, with all the incidents of half a year beside none."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from hq import acts, incidents, picture
from hq.archive import Archive
from hq.arrivals import Publication, read
from hq.receiver import Receiver
from hq.store import Store
from hq.units import LastKnown, Unit
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmKind, AlarmRaised, Position, Who, encode
from terminal.contract.topics import Lane, UpTopic
from tests.bench.processes import folder_on_disk
from tests.bench.rows import Row, row, share

NAME = "Headquarters with 60,000 incidents of 400 cars that ended long ago, beside one with none"
REALM = "LJ"
CARS, ENDED, TIMES, ALARMS = 400, 60_000, 20, 200
NOW_MS = 1_800_000_000_000


def measure() -> list[Row]:
    found = {ended: _with(ended) for ended in (0, ENDED)}
    rows = []
    for name, none in found[0].items():
        many = found[ENDED][name]
        rows.append(
            row(f"{name}, 60,000 ended", many * 1000, "ms", f"{many / none:.2f} of none ({none * 1000:.3g} ms)")
        )
    return rows


def _with(ended: int) -> dict[str, float]:
    with folder_on_disk() as folder:
        _fill(folder / "hq.db", ended)
        return asyncio.run(_works(folder / "hq.db"))


def _fill(path: Path, ended: int) -> None:
    store = Store.open(path)
    with store.transaction():
        for number in range(ended):
            one = acts.closed_test(_pressed(number), NOW_MS + number)
            store.put_incident(replace(one, told_revision=number))
        for number in range(CARS):
            store.put_unit(_last(number))
            store.advance_revision((REALM, f"LJ-{number}"))
    store.close()


def _pressed(number: int) -> incidents.Incident:
    unit = f"LJ-{number % CARS}"
    where = Position(lat_deg=46.05, lon_deg=14.5, utc_ms=NOW_MS)
    track = tuple((120 - second, 46.05, 14.5) for second in range(0, 120, 4))
    press = AlarmRaised(
        id=new_id(), who=Who(unit=unit), incident=new_incident(), kind=AlarmKind.TEST, position=where, track=track
    )
    one = incidents.told(None, REALM, unit, press, NOW_MS + number)
    assert one is not None
    return one


def _last(number: int) -> LastKnown:
    where = Position(lat_deg=46 + number / 1000, lon_deg=14.5)
    return LastKnown(realm=REALM, unit=f"LJ-{number}", who=Who(unit=f"LJ-{number}"), position=where, position_ms=NOW_MS)


async def _works(path: Path) -> dict[str, float]:
    began = time.perf_counter()
    store = Store.open(path)
    came = asyncio.Event()
    receiver = Receiver(store, lambda *_: None, lambda *_: came.set())
    found = {"start": time.perf_counter() - began}
    for number in range(CARS):
        last = _last(number)
        parked = number % 2 == 1
        silence = "planned" if parked else ""
        receiver.units[last.key] = Unit(
            last=last, online=not parked, heard_s=time.monotonic(), goodbye=parked, silence=silence
        )
    found["a look at 400 cars, every 0.5 s"] = _took(lambda: receiver.look_for_silence(time.monotonic(), 18.0))
    found["a picture for a car"] = _took(
        lambda: picture.of((REALM, "LJ-0"), receiver.units.values(), receiver.incidents.open(), NOW_MS)
    )
    running = asyncio.create_task(receiver.run())
    found["an alarm stored and receipted, p50"] = share([await _stored(receiver, came) for _ in range(ALARMS)], 0.5)
    archive = Archive(path)
    began = time.perf_counter()
    await archive.incidents(None, 100)
    found["the 100 newest incidents, asked for"] = time.perf_counter() - began
    running.cancel()
    archive.close()
    receiver.close()
    return found


def _took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        work()
    return (time.perf_counter() - began) / TIMES


async def _stored(receiver: Receiver, came: asyncio.Event) -> float:
    came.clear()
    began = time.perf_counter()
    receiver._lane(_alarm())
    await came.wait()
    return time.perf_counter() - began


def _alarm() -> Publication:
    press = AlarmRaised(id=new_id(), who=Who(unit="LJ-0"), incident=new_incident())
    return read(UpTopic(REALM, "LJ-0", Lane.ALARM), encode(press))
