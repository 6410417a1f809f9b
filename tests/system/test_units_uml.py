"""systemd itself with the units as they are shipped, inside User-mode Linux: core and screen come back."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.uml import ROOT, boot_command, inserting, must_boot, start_script

BOOT_DEADLINE_S = 400
UNIT = """\
[unit]
realm = "LJ"
unit = "LJ-1"
[[brokers]]
host = "127.0.0.1"
port = 1
[storage]
folder = "/var/lib/patrola"
outbox_megabytes = 8
reserve_megabytes = 1
[link]
socket = "/run/patrola/core.sock"
crew = ["root", "patrola-screen"]
"""
WITHOUT_A_PANEL = """\
[Service]
ExecStart=
ExecStart=/opt/patrola/bin/patrola screen --socket /run/patrola/core.sock --backlight /etc/patrola/lights
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/tty1
Environment=TERM=linux
DeviceAllow=/dev/tty1 rw
"""
"""This kernel has no graphics: the screen is on a console, all else is as the unit says. A panel has no light either:
what stands for it is another number below /sys/devices, which the group video may set as udev's rule would have it."""
PROOF = f"""\
[Unit]
Wants={{core}}
[Service]
StandardOutput=tty
StandardError=tty
TTYPath=/dev/tty0
Environment=PYTHONPATH=/opt/patrola/src:/opt/patrola/site LD_LIBRARY_PATH=/opt/patrola/python/lib
ExecStart=/opt/patrola/python/bin/{Path(sys.executable).resolve().name} -m tests.system.units_inside
WorkingDirectory=/opt/patrola/src
ExecStopPost=/bin/systemctl poweroff --force --force
"""
PATROLA = f"""\
#!/bin/sh
export PYTHONPATH=/opt/patrola/src:/opt/patrola/site LD_LIBRARY_PATH=/opt/patrola/python/lib
exec /opt/patrola/python/bin/{Path(sys.executable).resolve().name} -m terminal.tools.command "$@"
"""
BOOT = """\
mount -t tmpfs layer /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay root -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || exit 1
cd /mnt/root
rm -rf etc/systemd/system etc/fstab var/lib/patrola
mkdir -p etc/systemd/system etc/patrola/lights/panel opt/patrola/bin opt/patrola/src opt/patrola/site opt/patrola/python
cp -r {folder}/units/* etc/systemd/system/
cp {folder}/unit.toml etc/patrola/
cp {folder}/patrola opt/patrola/bin/
mount --bind {root} opt/patrola/src
mount --bind {site} opt/patrola/site
mount --bind {python} opt/patrola/python
echo 'patrola:x:61990:61990::/:/bin/false' >>etc/passwd
echo 'patrola-screen:x:61991:61990::/:/bin/false' >>etc/passwd
echo 'patrola:x:61990:' >>etc/group
umount /run /sys /proc
exec switch_root /mnt/root /lib/systemd/systemd --unit=proof.service --show-status=0
"""

pytestmark = [pytest.mark.uml, pytest.mark.long]


def make_files(folder: Path) -> None:
    """What is put over the host's own files inside."""
    shutil.copytree(ROOT / "systemd", folder / "units")
    without = folder / "units" / "patrola-screen.service.d" / "without-a-panel.conf"
    without.parent.mkdir()
    without.write_text(WITHOUT_A_PANEL)
    (folder / "units" / "proof.service").write_text(PROOF.format(core="patrola-core.service"))
    (folder / "unit.toml").write_text(UNIT)
    (folder / "patrola").write_text(PATROLA)
    (folder / "patrola").chmod(0o755)


def found_inside(folder: Path) -> dict:
    """What `units_inside.py` found."""
    site = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    lines = BOOT.format(folder=folder, root=ROOT, site=site, python=sys.base_prefix)
    script = start_script(folder / "init", inserting("fs/overlayfs/overlay") + lines)
    run = subprocess.run(
        boot_command(script, memory="768M"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOOT_DEADLINE_S,
        check=False,
    )
    told = [line for line in run.stdout.splitlines() if line.startswith("FOUND ")]
    assert told, run.stdout[-6000:]
    return json.loads(told[0].removeprefix("FOUND "))


@pytest.mark.promise("P-WATCH-06", "P-HARD-03", "P-HARD-04")
def test_core_and_screen_come_back_from_hanging_starving_and_crashing_with_the_open_alarm(tmp_path: Path) -> None:
    must_boot()
    make_files(tmp_path)
    found = found_inside(tmp_path)
    assert found["hang"] == found["starve"] == found["crash_screens"]["alarm"] == found["raised"]
    assert found["crash_screens"]["core_restarts"] == 0
    assert found["light"]["by_screen"] != found["light"]["before"]
    assert found["foremost"]["patrola-core.service"] < found["foremost"]["patrola-screen.service"]
