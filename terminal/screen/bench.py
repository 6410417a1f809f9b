"""Where a technician is in the self-test, and what a tap there does. Pure."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from terminal.asked import ArmButton, CloseWorkshop, Examine
from terminal.examination import CORNERS, Item, Trial
from terminal.screen.sound import Sound
from terminal.screen.wanted import Wanted


class Bench(Struct, frozen=True, kw_only=True):
    """The thing that is looked at, what the person said of things, how many corners were hit while they are tapped."""

    item: Item | None = None
    trial: Trial = Trial()
    touching: int | None = None


Tapped = tuple[Bench, tuple[Wanted, ...]]


def tapped(bench: Bench, code: str, now_ns: int) -> Tapped:
    """The self-test after a tap on this code, and what is wanted because of it."""
    verb, _, rest = code.partition(":")
    return VERBS[verb](bench, rest, now_ns)


def _overview(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return replace(bench, item=None, touching=None), ()


def _item(bench: Bench, rest: str, _now_ns: int) -> Tapped:
    return replace(bench, item=Item(rest)), ()


def _disk(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return bench, (Examine(what="disk"),)


def _boards(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return bench, (Examine(what="boards"),)


def _hidden(bench: Bench, _rest: str, now_ns: int) -> Tapped:
    return bench, (ArmButton(asked_mono_ns=now_ns, silent=True),)


def _tone(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return bench, (Sound.TRIAL,)


def _heard(bench: Bench, rest: str, _now_ns: int) -> Tapped:
    return replace(bench, trial=replace(bench.trial, heard=rest == "yes")), ()


def _touch(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return replace(bench, touching=0), ()


def _corner(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    hit = (bench.touching or 0) + 1
    return (_touched(bench, hit) if hit == CORNERS else replace(bench, touching=hit)), ()


def _stop(bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return _touched(bench, bench.touching or 0), ()


def _touched(bench: Bench, corners: int) -> Bench:
    return replace(bench, touching=None, trial=replace(bench.trial, corners=corners))


def _close(_bench: Bench, _rest: str, _now_ns: int) -> Tapped:
    return Bench(), (CloseWorkshop(),)


VERBS: dict[str, Callable[[Bench, str, int], Tapped]] = {
    "": _overview,
    "item": _item,
    "disk": _disk,
    "boards": _boards,
    "hidden": _hidden,
    "tone": _tone,
    "heard": _heard,
    "touch": _touch,
    "corner": _corner,
    "stop": _stop,
    "close": _close,
}
"""Every second word of a code whose first is `bench`."""
