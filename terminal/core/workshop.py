"""The technician's self-test: opened by a PIN, what the car told since, what its disk and its boards said. Pure."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import SelfTestItem
from terminal.core import tries
from terminal.core.channels import WORKSHOP_OPEN_FOR_S
from terminal.core.tries import Tries
from terminal.shown import BoardTestView, DiskView, LogInProblem, WorkshopView

SILENT = "silent"
"""What a board with the hidden button says of lamp and sounder instead of trying them."""

VERDICT = "all"
"""The item that sums up the others (firmware/selftest.py)."""


class WorkshopRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pin` is the verifier of the technician's PIN; without one there is no self-test."""

    pin: str = ""


class Workshop(Struct, frozen=True):
    """What is shown of it, and the wrong PINs."""

    view: WorkshopView = WorkshopView()
    tries: Tries = Tries()

    @property
    def is_open(self) -> bool:
        """Whether a technician has proved to be one."""
        return self.view.opened_mono_ns is not None


class BoardTest(Struct, frozen=True, kw_only=True):
    """One board's self-test: what it found, or why it could not be asked."""

    name: str
    items: tuple[SelfTestItem, ...] = ()
    problem: str = ""
    remedy: str = ""


def tried(workshop: Workshop, now_ns: int) -> Workshop:
    """Somebody typed a PIN: it is `checking`, one at a time, unless there were too many wrong ones."""
    if tries.are_paused(workshop.tries, now_ns):
        return _showing(workshop, problem=LogInProblem.PAUSED)
    return _showing(workshop, checking=True, problem=LogInProblem.NONE)


def checked(workshop: Workshop, now_ns: int, *, fits: bool) -> Workshop:
    """After its check: open, unless it was closed meanwhile; or one wrong PIN more."""
    if fits:
        return Workshop(WorkshopView(opened_mono_ns=now_ns if workshop.view.checking else None))
    wrong, problem = tries.missed(workshop.tries, now_ns)
    return Workshop(WorkshopView(problem=problem), wrong)


def closed(workshop: Workshop) -> Workshop:
    """Nobody is a technician any more; wrong PINs count on."""
    return Workshop(tries=workshop.tries)


def ticked(workshop: Workshop, now_ns: int) -> Workshop:
    """A technician who forgot to close it has left it open for long enough."""
    opened_ns = workshop.view.opened_mono_ns
    if opened_ns is None or now_ns - opened_ns <= WORKSHOP_OPEN_FOR_S * 1e9:
        return workshop
    return closed(workshop)


def told(workshop: Workshop) -> Workshop:
    """One more reading of the car's own bus since it was opened."""
    return _showing(workshop, signals=workshop.view.signals + 1)


def edges_seen(workshop: Workshop, *, lights_on: bool | None, siren_on: bool | None) -> Workshop:
    """Blue lights and siren, once they were on."""
    view = workshop.view
    return _showing(workshop, lights_on=view.lights_on or lights_on is True, siren_on=view.siren_on or siren_on is True)


def disk_asked(workshop: Workshop, now_ns: int) -> Workshop:
    """The disk is being tried."""
    return _showing(workshop, disk=DiskView(asked_mono_ns=now_ns))


def disk_told(workshop: Workshop, sync_ms: float | None, problem: str) -> Workshop:
    """What became of it; nothing, if nobody waits for it any more."""
    disk = workshop.view.disk
    return workshop if disk is None else _showing(workshop, disk=replace(disk, sync_ms=sync_ms, problem=problem))


def boards_asked(workshop: Workshop, now_ns: int) -> Workshop:
    """The boards test themselves."""
    return _showing(workshop, boards_asked_mono_ns=now_ns, boards=None)


def boards_told(workshop: Workshop, tests: Collection[BoardTest]) -> Workshop:
    """What they found; nothing, if nobody waits for it any more."""
    if workshop.view.boards_asked_mono_ns is None:
        return workshop
    return _showing(workshop, boards=tuple(_shown(test) for test in tests))


def _shown(test: BoardTest) -> BoardTestView:
    """A hidden button that is held down is being pressed, which nobody beside the officer may see."""
    hidden = any(item.value == SILENT for item in test.items)
    failed = [item for item in test.items if item.result == "fail" and item.item != VERDICT]
    return BoardTestView(
        name=test.name,
        failed=tuple(item.item for item in failed if not (hidden and (item.item, item.value) == ("button", "stuck"))),
        problem=test.problem,
        remedy=test.remedy,
    )


def is_waiting(workshop: Workshop, what: str) -> bool:
    """Whether this has been asked for and is still under way."""
    view = workshop.view
    if what == "disk":
        return view.disk is not None and view.disk.sync_ms is None and not view.disk.problem
    return view.boards_asked_mono_ns is not None and view.boards is None


def _showing(workshop: Workshop, **facts: object) -> Workshop:
    return replace(workshop, view=replace(workshop.view, **facts))
