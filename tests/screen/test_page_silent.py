"""Cell by cell and colour by colour: the page with a silent alarm is the page without one, from raising to closing."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from gallery import NOON, SIZES, UNTRIED
from msgspec.structs import replace
from page_bench import GOOD, SECOND_NS, page, run
from page_bench import Page as Opened

from terminal.asked import RaiseAlarm
from terminal.examination import Item
from terminal.link import Role, Snapshot
from terminal.screen import frame
from terminal.screen.bench import Bench
from terminal.screen.cells import painted
from terminal.screen.feed import Seen
from terminal.screen.language import Language, Say
from terminal.screen.state import Page, ScreenState
from terminal.screen.view import View
from tests.unit.silent_scene import SHIFTS, Told, twins


async def drawn(seen: Opened, snapshot: Snapshot) -> str:
    """Every cell with the tone of its colours, once the page has this snapshot and has drawn it."""
    seen.core.publish(snapshot)
    await seen.until(lambda: seen.app._feed.seen.snapshot == replace(snapshot, role=Role.CREW))
    seen.app._refresh()
    sheet = seen.app.sheet
    return "\n".join(map(repr, painted(sheet.boxes, sheet.size.height, sheet.size.width)))


async def all_drawn(folder: Path, snapshots: Sequence[tuple[float, Snapshot]]) -> list[str]:
    async with page(folder) as seen:
        pages = []
        for at_s, snapshot in snapshots:
            seen.clock.now_ns = round(at_s * SECOND_NS)
            pages.append(await drawn(seen, snapshot))
        return pages


@pytest.mark.promise("P-KIND-05")
@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS.keys())
def test_no_cell_of_the_page_changes_because_of_a_silent_alarm(tmp_path: Path, shift: list[Told]) -> None:
    steps = list(zip(shift, twins(shift), strict=True))
    steps = [steps[0], *(step for before, step in pairwise(steps) if before[1][:2] != step[1][:2])]
    for name in ("with", "without"):
        (tmp_path / name).mkdir()

    async def promise() -> None:
        with_it = await all_drawn(tmp_path / "with", [(told.at_s, seen.with_it) for told, seen in steps])
        without_it = await all_drawn(tmp_path / "without", [(told.at_s, seen.without_it) for told, seen in steps])
        for number, (told, _) in enumerate(steps):
            assert with_it[number] == without_it[number], told
        assert len(set(without_it)) > 2, "the page is alive"

    run(promise)


@pytest.mark.promise("P-KIND-05")
@pytest.mark.parametrize("page_shown", Page)
def test_no_cell_of_any_other_page_does_either(page_shown: Page) -> None:
    for shift in SHIFTS.values():
        for told, seen in zip(shift, twins(shift), strict=True):
            shown = [cells(one, ScreenState(page=page_shown), told.at_s) for one in (seen.with_it, seen.without_it)]
            assert shown[0] == shown[1], told


@pytest.mark.promise("P-KIND-05")
@pytest.mark.parametrize("item", [None, *Item])
def test_no_cell_of_an_open_self_test_does_either(item: Item | None) -> None:
    bench, state = replace(UNTRIED, opened_mono_ns=1), ScreenState(page=Page.WORKSHOP, bench=Bench(item=item))
    for shift in SHIFTS.values():
        for told, seen in zip(shift, twins(shift), strict=True):
            snapshots = [replace(one, workshop=bench) for one in (seen.with_it, seen.without_it)]
            shown = [cells(one, state, told.at_s) for one in snapshots]
            assert shown[0] == shown[1], told


def cells(snapshot: Snapshot, state: ScreenState, at_s: float) -> object:
    view = View(
        seen=Seen(snapshot=snapshot),
        state=state,
        say=Say(Language.ENGLISH),
        now_ns=round(at_s * SECOND_NS),
        local=NOON,
        height=SIZES[0][0],
        width=SIZES[0][1],
    )
    return painted(frame.boxes(view), view.height, view.width)


def test_a_silent_alarm_that_core_does_not_show_yet_is_not_shown_either(tmp_path: Path) -> None:
    async def promise() -> None:
        async with page(tmp_path) as seen:
            before = await drawn(seen, GOOD)
            seen.app._feed.send(RaiseAlarm(silent=True))
            await seen.until(lambda: seen.core.calls() == [RaiseAlarm(silent=True)])
            assert seen.app._feed.seen.held == seen.core.taken[-1]
            assert await drawn(seen, GOOD) == before

    run(promise)
