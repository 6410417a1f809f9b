"""A Mosquitto that keeps what it is given and hands it on to another one: what one would use instead of an outbox."""

from pathlib import Path

from tests.bench.processes import Command, broker

CONFIG = """\
listener {local} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 0
user root
persistence true
persistence_location {folder}/
{saving}
connection up
address {address}:{port}
{ways}
bridge_protocol_version mqttv50
cleansession false
notifications false
restart_timeout 1
"""
AS_SHIPPED = ""
EACH_CHANGE = "autosave_on_changes true\nautosave_interval 1\n"
"""The file is written anew within a second of any change."""


def bridge(
    folder: Path,
    local: int,
    port: int,
    *,
    address: str = "127.0.0.1",
    saving: str = AS_SHIPPED,
    out: str = "#",
    back: str = "",
) -> Command:
    """One that listens at the port `local` and hands on to `port` what goes `out`, and what comes `back`: topics."""
    (folder / "bridge").mkdir()
    # What comes back must not be sent out again.
    ways = f"topic {out} out 1\ntopic {back} in 1" if back else f"topic {out} out 1"
    config = CONFIG.format(local=local, folder=folder / "bridge", address=address, port=port, saving=saving, ways=ways)
    (folder / "bridge.conf").write_text(config)
    return (*broker(folder)[:-1], folder / "bridge.conf")
