"""The demonstration's configuration files: one broker on the loopback, one headquarters, one car."""

import json
import shutil
from pathlib import Path

from msgspec import Struct

from terminal.contract import pin

MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
"""

HQ = """\
name = "HQ-1"
store = "hq.db"
socket = "hq.sock"

[[brokers]]
host = "127.0.0.1"
port = {port}

[line]
heartbeat_every_s = 2.0
"""

PIN = "123456"
"""The technician's, for everybody who tries the self-test."""

PROFILE = Path(__file__).parents[2] / "config" / "profiles" / "general.toml"

UNIT = """\
[unit]
realm = "DEMO"
unit = "DEMO-1"
call_sign = "Patrola 1"
vehicle = "DEMO-CAR-1"

[[brokers]]
host = "127.0.0.1"
port = {port}

[storage]
folder = "car"
outbox_megabytes = 64

[link]
socket = "core.sock"

[holding]
first_pause_s = 0.2
longest_pause_s = 2.0

[time]
believe_after = 2000-01-01T00:00:00Z

[sources.board]
driver = "io_board"
device = "board"
"""


class Ways(Struct, frozen=True, kw_only=True):
    """Where the demonstration's parts listen, and what its car drives from."""

    port: int
    gnss: Path | None
    can: Path | None
    vehicle: Path | None
    speed: float


def write_files(folder: Path, ways: Ways) -> list[str]:
    """Write all of them; what a spectator should know about how the car is driven."""
    notes: list[str] = []
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(port=ways.port))
    (folder / "hq.toml").write_text(HQ.format(port=ways.port))
    role = _table("duty", profile=str(PROFILE)) if PROFILE.exists() else ""
    workshop = _table("workshop", pin=pin.verifier(PIN, pin.TECHNICIANS_COST))
    (folder / "unit.toml").write_text(UNIT.format(port=ways.port) + role + workshop + _sources(ways, notes))
    return notes


def _sources(ways: Ways, notes: list[str]) -> str:
    if ways.gnss is None and ways.can is None:
        notes.append("the car is simulated")
        return _table("sources.car", driver="simulator", speed=ways.speed)
    text = ""
    if ways.gnss is not None:
        gpsd = shutil.which("gpsd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        driver = "gpsd_file" if gpsd else "nmea_file"
        notes.append(f"{ways.gnss.name} goes through {f'a real gpsd ({gpsd})' if gpsd else 'our NMEA driver: no gpsd'}")
        text += _table("sources.gnss", driver=driver, path=str(ways.gnss), speed=ways.speed)
    if ways.can is not None:
        notes.append(f"{ways.can.name} goes through our CAN replay")
        text += _table(
            "sources.can", driver="can_file", path=str(ways.can), vehicle=str(ways.vehicle), speed=ways.speed
        )
    return text


def _table(name: str, **values: object) -> str:
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join([f"\n[{name}]", *lines, ""])
