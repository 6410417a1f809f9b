"""A car far away: a network namespace of its own at the end of a slow line, or of one that delays and loses packets.

For a program in a network namespace of its own (`APART`). Delay and loss are netem's, in a User-mode Linux machine
that stands as a router between here and there: not every kernel has netem.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.system.uml import Machine, boot_command, inserting, start_script

APART = ("unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
WITHIN_S = 60.0
DISCARD = 9
"""A port at which nobody listens there."""
HERE, NEAR, FAR, THERE = "10.78.1.1", "10.78.1.2", "10.78.2.2", "10.78.2.1"
ROUTER = """\
{netem}
ip addr add {near}/24 dev vec0
ip addr add {far}/24 dev vec1
echo 1 >/proc/sys/net/ipv4/ip_forward
for end in vec0 vec1; do
    ip link set $end up
    tc qdisc add dev $end root netem limit 100000 delay {delay_ms}ms loss {loss_percent}%
done
sleep 100000
"""


class Far:
    """A place with a network of its own; `wrap` makes a command run there."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        here = Path("/proc/self/ns/net").readlink()
        while self._network().readlink() == here:
            time.sleep(0.01)
        run(*self.wrap(["ip", "link", "set", "lo", "up"]))

    def _network(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/ns/net")

    def wrap(self, command: Sequence[str]) -> list[str]:
        """The command, there."""
        return ["nsenter", f"--net={self._network()}", *command]

    def put(self, interface: str, address: str) -> None:
        """Take an interface there, under an address."""
        run("ip", "link", "set", interface, "netns", str(self._holder.pid))
        run(*self.wrap(["ip", "addr", "add", address, "dev", interface]))
        run(*self.wrap(["ip", "link", "set", interface, "up"]))

    def __enter__(self) -> "Far":
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.wait()


def run(*command: str) -> None:
    """One command that must succeed."""
    subprocess.run(command, check=True, timeout=WITHIN_S)


def cable(one: str, other: str) -> None:
    """Two ends of a cable, both up."""
    run("ip", "link", "add", one, "type", "veth", "peer", "name", other)
    for end in (one, other):
        # A kernel that leaves several segments to the network card in one frame would have a machine drop them all.
        run("ip", "link", "set", end, "gso_max_segs", "1", "up")


@contextlib.contextmanager
def lossy_line(folder: Path, delay_ms: int, loss_percent: float) -> Iterator[Far]:
    """A far place behind a router that delays each packet by so much, and loses this share, in either direction."""
    cable("near", "router0")
    cable("far", "router1")
    run("ip", "addr", "add", f"{HERE}/24", "dev", "near")
    run("ip", "route", "add", f"{THERE}/32", "via", NEAR)
    netem = inserting("net/sched/sch_netem")
    lines = ROUTER.format(netem=netem, near=NEAR, far=FAR, delay_ms=delay_ms, loss_percent=loss_percent)
    ports = [f"vec{end}:transport=raw,ifname=router{end},depth=128,gro=0" for end in (0, 1)]
    command = boot_command(start_script(folder / "router", lines), *ports, memory="64M")
    with Far() as far, (folder / "console").open("wb") as console, Machine(command, console) as machine:
        far.put("far", f"{THERE}/24")
        run(*far.wrap(["ip", "route", "add", "default", "via", FAR]))
        wait_for_answer(machine, folder / "console")
        yield far


def wait_for_answer(machine: Machine, console: Path) -> None:
    """Until a packet has been there and back: the port is refused."""
    ends_s = time.monotonic() + WITHIN_S
    while True:
        assert machine.runs(), console.read_text(errors="replace")[-3000:]
        assert time.monotonic() < ends_s, console.read_text(errors="replace")[-3000:]
        try:
            socket.create_connection((THERE, DISCARD), 1.0).close()
        except ConnectionRefusedError:
            return
        except OSError:
            time.sleep(0.05)


@contextlib.contextmanager
def narrow_line(bits_per_s: int) -> Iterator[Far]:
    """A far place at the end of a line of so many bits a second in either direction."""
    bucket = ["root", "tbf", "rate", f"{bits_per_s}bit", "burst", "1600", "limit", "200000"]
    cable("near", "far")
    run("ip", "addr", "add", f"{HERE}/24", "dev", "near")
    with Far() as far:
        far.put("far", f"{NEAR}/24")
        run("tc", "qdisc", "add", "dev", "near", *bucket)
        run(*far.wrap(["tc", "qdisc", "add", "dev", "far", *bucket]))
        yield far
