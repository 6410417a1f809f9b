"""A car, brokers, a mobile network and headquarters in one loop of virtual time, and what was done to them so far."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine

from hal.readings import Press
from hq.incidents import Incident
from terminal.asked import RaiseAlarm
from terminal.contract.identity import incident_of_press, message_of_call
from tests.model.chain_car import Car
from tests.model.chain_disk import Disk
from tests.model.chain_hq import Headquarters
from tests.model.chain_line import REALM, UNIT, Network
from tests.model.chain_mobile import Mobile
from tests.model.virtual_time import VirtualLoop

SETTLES_S = 0.005


class World(RuleBasedStateMachine):
    """Both ends, what is between them, and what people have really done: `real` and `tried` presses, names, orders."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="chain-", dir=_memory()))
        self.loop = VirtualLoop()
        self.disk = Disk(f"chain-{self.folder.name}")
        self.hq_disk = Disk(f"hq-{self.folder.name}")
        self.network = Network(self.loop)
        self.mobile = Mobile(self.loop)
        self.hq = Headquarters(self.folder / "hq", self.network, self.mobile.hq, self.hq_disk, self.loop)
        self.car = Car(self.folder / "car", self.network, self.mobile.car, self.disk, self.loop)
        self.real: dict[Press, None] = {}
        self.tried: dict[Press, None] = {}
        self.window_is_unused = False
        self.raised = 0
        self.held: RaiseAlarm | None = None
        """The tap that the screen gives to a core which comes back without it."""
        self.taken: set[tuple[str, str]] = set()
        self.cleared: set[tuple[str, str]] = set()
        self.seen: dict[str, set[str]] = {}
        self.counted: dict[str, int] = {}
        self.knew: dict[str, int] = {}
        self.said: dict[str, list[tuple[str, str]]] = {}
        self.restores = 0
        self.car_disk_failed = False
        self.let_pass(1.0)
        self.backup = (self.hq.back_up(), dict(self.knew))

    @property
    def is_restored(self) -> bool:
        """Whether headquarters has been put back to a backup."""
        return self.restores > 0

    def let_pass(self, seconds: float) -> None:
        """Time passes, for everybody."""
        self.loop.run_until_complete(_sleep(seconds))
        self._screen_looks()

    def does(self, act: Callable[[], object]) -> None:
        """In the loop, as everything that happens in a program does."""
        self.loop.run_until_complete(_done(act))
        self._screen_looks()

    def _screen_looks(self) -> None:
        """It holds its newest alarm until it has seen that this is kept, and not longer."""
        if self.held is not None:
            named = message_of_call(self.held.incident, self.held.kind)
            presses = (press for alarm in self.car.snapshot().alarms for press in alarm.presses)
            if any(press.id == named and press.kept for press in presses):
                self.held = None

    def fail_the_cars_disk(self, after: int | None) -> None:
        """From its so many next operation on; with None it is mended."""
        self.disk.left = after
        self.car_disk_failed = self.car_disk_failed or after is not None

    def known(self, incident: str) -> Incident | None:
        """The incident as headquarters shows it, or, if it has ended long ago, as it is on the disk."""
        key = (REALM, UNIT, incident)
        return self.hq.service._receiver.incidents.get(key) or self.hq.service._store.incident(key)

    def is_seen_by_a_person(self, shown: Incident) -> None:
        """Somebody acts on it, and knows its presses that have names and how many there were."""
        self.seen.setdefault(shown.incident, set()).update(shown.presses)
        self.counted[shown.incident] = max(self.counted.get(shown.incident, 0), shown.signals)

    def note_what_is_said(self) -> None:
        """What headquarters says of each incident from now on."""
        for one in self.hq.desk.incidents():
            said = self.said.setdefault(one.incident, [])
            if not said or said[-1] != (one.acknowledged_by, one.cleared_by):
                said.append((one.acknowledged_by, one.cleared_by))

    def close_everything(self) -> None:
        """Both programs and all that they had."""
        for side in (self.car, self.hq):
            side._running.cancel()
        self.let_pass(10.0)
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        self.disk.unregister()
        self.hq_disk.unregister()
        shutil.rmtree(self.folder)


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _done(act: Callable[[], object]) -> None:
    act()


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def incident_of(press: Press) -> str:
    """The incident that a press makes."""
    return incident_of_press(press.board_id, press.boot_nonce, press.number)
