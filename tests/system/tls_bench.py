"""A Mosquitto with TLS, a CA of the test's own, and a car and headquarters as processes that prove themselves to it."""

import os
from pathlib import Path

from terminal.tools.certificates import Authority
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import Car, Wrap

LISTENER = """\
{user}listener {{port}} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
{more}require_certificate true
use_identity_as_username true
set_tcp_nodelay true
"""
PLAIN = 'host = "127.0.0.1"\n'


class TlsBench:
    """Certificates for broker, HQ-1 and LJ-101 that are good today, unless they are issued anew."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.authority = Authority.at(folder)
        self.authority.issue(folder, "broker", "127.0.0.1", days=300, hosts=("127.0.0.1",))
        for name in ("HQ-1", "LJ-101"):
            self.authority.issue(folder, name, name, days=300)
        user = "user root\n" if os.getuid() == 0 else ""
        self.server = Mosquitto(folder, LISTENER.format(user=user, folder=folder, more=more))

    def car(self) -> Car:
        """The car's folder, with its certificate in unit.toml."""
        car = Car(self.folder / "car", self.server.broker.port)
        self._prove(car.config, "LJ-101")
        return car

    def headquarters(self) -> Headquarters:
        """Headquarters' folder, with its certificate in hq.toml."""
        hq = Headquarters(self.folder / "hq", self.server.broker.port)
        self._prove(hq.config, "HQ-1")
        return hq

    def _prove(self, config: Path, name: str) -> None:
        files = {"ca": "ca.pem", "certificate": f"{name}.pem", "key": f"{name}.key"}
        keys = "".join(f'{key} = "{self.folder / file}"\n' for key, file in files.items())
        text = config.read_text()
        assert text.count(PLAIN) == 1
        config.write_text(text.replace(PLAIN, PLAIN + keys))


def years_off(years: int) -> Wrap:
    """Runs a command under a wall clock that is so far wrong; the time that only counts on is left alone."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    faked = [f"FAKETIME={years:+d}y", "FAKETIME_DONT_FAKE_MONOTONIC=1", f"LD_PRELOAD={library}"]
    return lambda command: ["env", *faked, *command]
