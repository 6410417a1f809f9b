"""`python -m terminal.tools.embedded_broker --port N`: an MQTT 5 broker from PyPI, for where Mosquitto is not.

iotcore is rumqttd in a wheel; it speaks MQTT 5 only on a listener of its `v5` kind, which needs its whole
configuration. For a bench only: no TLS, no access rules, nothing on disk.
"""

import argparse
import sys
import tempfile
from pathlib import Path

CONFIG = """\
id = 0

[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10

[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 65536
max_inflight_count = 100
dynamic_filters = true
"""


def main() -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="An embedded MQTT 5 broker on the loopback.")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    try:
        from iotcore.iotcore import IotCoreBroker
    except ImportError:
        print("embedded broker: iotcore is not installed; run ./scripts/demo, which installs it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="patrola-broker-") as folder:
        config = Path(folder) / "rumqttd.toml"
        config.write_text(CONFIG.format(port=args.port))
        IotCoreBroker(config_path=str(config)).run_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
