"""A slow line: a network namespace for the car, and a token bucket on both ends of the only way out of it."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from tests.bench.processes import Command

SPACE = f"patrola-bench-{os.getpid()}"
OUTSIDE, INSIDE = f"pb{os.getpid() % 10**6}o", f"pb{os.getpid() % 10**6}i"
HQ_SIDE, CAR_SIDE = "10.231.7.1", "10.231.7.2"
WITHIN: Command = ("ip", "netns", "exec", SPACE)
"""What a program in the car is started with."""


@contextlib.contextmanager
def slow_line(bits_per_s: int) -> Iterator[None]:
    """The namespace and its line, of this rate in both directions."""
    bucket = ["root", "tbf", "rate", f"{bits_per_s}bit", "burst", "1600", "limit", "200000"]
    _run("ip", "netns", "add", SPACE)
    try:
        _run("ip", "link", "add", OUTSIDE, "type", "veth", "peer", "name", INSIDE, "netns", SPACE)
        _run("ip", "addr", "add", f"{HQ_SIDE}/30", "dev", OUTSIDE)
        _run("ip", "link", "set", OUTSIDE, "up")
        _run(*WITHIN, "ip", "link", "set", "lo", "up")
        _run(*WITHIN, "ip", "addr", "add", f"{CAR_SIDE}/30", "dev", INSIDE)
        _run(*WITHIN, "ip", "link", "set", INSIDE, "up")
        _run("tc", "qdisc", "add", "dev", OUTSIDE, *bucket)
        _run(*WITHIN, "tc", "qdisc", "add", "dev", INSIDE, *bucket)
        yield
    finally:
        _run("ip", "netns", "del", SPACE)


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, timeout=20)
