"""Networks of their own for a broker and whoever has a cable to it; a cable swallows what it carries, either way."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from types import TracebackType

BROKER = "broker"
PROGRAMS = ("unshare", "nsenter", "ip", "nft")
STARTS_WITHIN_S = 20.0
CHAIN = "{ type filter hook input priority 0; }"


def why_not() -> str:
    """What keeps this machine from having networks of a test's own; "" where nothing does."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if missing:
        return f"needs {', '.join(missing)}, which ./scripts/test installs"
    tried = subprocess.run(
        [*apart(), "nft", "list", "ruleset"], capture_output=True, text=True, timeout=STARTS_WITHIN_S
    )
    return (
        "" if tried.returncode == 0 else f"this kernel lets only root have a network of its own: {tried.stderr.strip()}"
    )


class Network:
    """One network for the broker and one for each name, with a cable between; all of it ends with this process."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._holders: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Network":
        self._hold(BROKER, apart())
        self._run(BROKER, "ip", "link", "set", "lo", "up")
        for number, name in enumerate(self._names, 1):
            self._hold(name, [*self.inside(BROKER), "unshare", "--net"])
            self._join(number, name)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for holder in self._holders.values():
            assert holder.stdin is not None
            holder.stdin.close()
            holder.wait(STARTS_WITHIN_S)

    def inside(self, name: str) -> list[str]:
        """What a command begins with to run in this network; it becomes the command's own process."""
        pid = self._holders[name].pid
        user = [] if os.getuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", f"--target={pid}", "--net", *user, "--"]

    def broker_of(self, name: str) -> str:
        """The broker's address, as it is seen from there."""
        return f"10.77.{self._names.index(name) + 1}.1"

    def swallow(self, name: str, *, up: bool = True, down: bool = True) -> None:
        """From now on nothing comes through: to the broker, or from it, or either; nobody is told."""
        if up:
            self._run(BROKER, "nft", f'add rule inet cables to_{name} iifname "to-{name}" drop')
        if down:
            self._run(name, "nft", f'add rule inet cables to_{name} iifname "eth0" drop')

    def mend(self, name: str) -> None:
        """The cable carries again."""
        for place in (BROKER, name):
            self._run(place, "nft", f"flush chain inet cables to_{name}")

    def pull(self, name: str) -> None:
        """Take the cable out at the broker's end."""
        self._run(BROKER, "ip", "link", "set", f"to-{name}", "down")

    def plug(self, name: str) -> None:
        """Put it in again."""
        self._run(BROKER, "ip", "link", "set", f"to-{name}", "up")

    def _hold(self, name: str, apart: Sequence[str]) -> None:
        """A process that does nothing but have the network, until its input ends."""
        command = [*apart, "sh", "-c", "echo; exec cat"]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())
        self._holders[name] = holder
        assert holder.stdout is not None
        assert holder.stdout.readline(), f"no network of its own for {name}"
        holder.stdout.close()
        self._run(name, "nft", "add table inet cables")

    def _join(self, number: int, name: str) -> None:
        peer = ("peer", "name", "eth0", "netns", str(self._holders[name].pid))
        self._run(BROKER, "ip", "link", "add", f"to-{name}", "type", "veth", *peer)
        for place, link, host in ((BROKER, f"to-{name}", 1), (name, "eth0", 2)):
            self._run(place, "ip", "address", "add", f"10.77.{number}.{host}/24", "dev", link)
            self._run(place, "ip", "link", "set", "dev", link, "up")
            self._run(place, "nft", f"add chain inet cables to_{name} {CHAIN}")
        self._run(name, "ip", "link", "set", "lo", "up")

    def _run(self, name: str, *command: str) -> None:
        done = subprocess.run(
            [*self.inside(name), *command],
            capture_output=True,
            text=True,
            timeout=STARTS_WITHIN_S,
            env=_environment(),
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"


def apart(*more: str) -> list[str]:
    """What a command begins with to run in a network of its own, and in more of its own (`unshare`'s options)."""
    return ["unshare", "--net", *([] if os.getuid() == 0 else ["--map-root-user"]), *more]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": _path()}
