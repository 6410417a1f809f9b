"""The page with a real socket behind it, read as a person reads it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace
from textual.pilot import Pilot

from hal.readings import Fix, FixMode
from terminal.asked import Command, RaiseAlarm
from terminal.contract.identity import message_of_call
from terminal.contract.profile import Choice, Label, Profile
from terminal.core.link_server import LinkServer
from terminal.link import Role, Snapshot
from terminal.screen.app import TerminalScreen
from terminal.screen.cells import Box
from terminal.screen.settling import TOLD_SETTLED_NS
from terminal.screen.sheet import Sheet
from terminal.shown import AlarmView, DutyView, LineView, PositionView, PressView, UnitView, VehicleView

DEADLINE_S = 20
LOST = "THE TERMINAL DOES NOT WORK"
SECOND_NS = 1_000_000_000
SMALL, LARGE = (50, 15), (100, 30)


def profile(words: str, count: int) -> Profile:
    """A role with statuses code-0, code-1 ... of these words and their number."""
    labels = [Label(en=f"{words}{n}", sl=f"{words}{n}", sr=f"{words}{n}") for n in range(count)]
    statuses = tuple(Choice(code=f"code-{n}", label=label) for n, label in enumerate(labels))
    return Profile(label=labels[0], initial="code-0", statuses=statuses)


NOW_NS = time.monotonic_ns()
NOON = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)
FIX = Fix(source="gnss", mono_ns=NOW_NS, mode=FixMode.FIX_3D, lat_deg=45.267136, lon_deg=-19.833549)
GOOD = Snapshot(
    unit=UnitView("NS-21", "P-21", "Octavia", "NS"),
    position=PositionView(fix=FIX, last_good=FIX, stale=False),
    vehicle=VehicleView(speed_mps=20.0, speed_source="can"),
    profile=profile("Status ", 6),
    duty=DutyView(status="code-1", received=True),
    line=LineView(connected=True, storing=True, attended=True, hq_silent=False, hq_heard_mono_ns=NOW_NS),
)
PRESSED = AlarmView(
    incident="I", kind="real", trigger="button", silent=False, signals=1, pressed_mono_ns=NOW_NS - SECOND_NS
)


def alarmed(**facts: object) -> Snapshot:
    return replace(GOOD, alarms=(replace(PRESSED, **facts),))


class HandClock:
    """Time that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ns = NOW_NS + SECOND_NS

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, span_s: float) -> None:
        self.now_ns += round(span_s * SECOND_NS)


class Core:
    """Core as the page knows it: a socket, what is published there, and what came."""

    def __init__(self, path: Path) -> None:
        self.taken: list[Command] = []
        self.answer: Callable[[Command], str | None] = lambda _: None
        self._path = path
        self._server: LinkServer | None = None
        self._snapshot: Snapshot | None = None
        self._turning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._server = LinkServer(self._path, lambda _: Role.CREW, self._take)
        await self._server.start()
        self._turning = asyncio.create_task(self._turn())

    def calls(self) -> list[RaiseAlarm]:
        """The alarms among what came, without the names that the screen gave them."""
        return [replace(one, incident="") for one in self.taken if isinstance(one, RaiseAlarm)]

    def press(self, *, kept: bool = False) -> PressView:
        """The newest call as core shows it."""
        *_, call = [one for one in self.taken if isinstance(one, RaiseAlarm)]
        return PressView(message_of_call(call.incident, call.kind), kept=kept)

    def publish(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._server is not None:
            self._server.publish(snapshot)

    async def stop(self) -> None:
        if self._turning is not None and self._server is not None:
            self._turning.cancel()
            await asyncio.gather(self._turning, return_exceptions=True)
            await self._server.close()
        self._turning = self._server = None

    def _take(self, command: Command, _: Role) -> str | None:
        self.taken.append(command)
        return self.answer(command)

    async def _turn(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if self._snapshot is not None:
                self.publish(self._snapshot)


class Page:
    """The page, and a finger on it."""

    def __init__(self, app: TerminalScreen, pilot: Pilot[None], core: Core, clock: HandClock) -> None:
        self.app = app
        self.core = core
        self.clock = clock
        self.pilot = pilot

    def text(self) -> str:
        """All that can be read now, a box a line."""
        return "\n".join(" ".join(box.words.split()) for box in self.app.sheet.boxes)

    def targets(self) -> list[Box]:
        return [box for box in self.app.sheet.boxes if box.code]

    def target(self, code: str) -> Box:
        *_, box = [box for box in self.targets() if box.code == code]
        return box

    async def says(self, *words: str) -> None:
        try:
            await self.until(lambda: all(word in self.text() for word in words))
        except TimeoutError:
            raise AssertionError(f"{words} not in:\n{self.text()}") from None

    async def painted(self, *words: str) -> str:
        """The picture in which these words stand, cell by cell and colour by colour."""
        as_svg = [word.replace(" ", "&#160;") for word in words]
        await self.until(lambda: all(word in self.app.export_screenshot() for word in as_svg))
        return self.app.export_screenshot()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                await self.pilot.pause(0.02)

    async def tap(self, code: str) -> None:
        """As one does who has seen what stands there."""
        if not self.app._takes(self.target(code)):
            self.clock.pass_s(TOLD_SETTLED_NS / SECOND_NS)
        await self.tap_blindly(code)

    async def tap_blindly(self, code: str) -> None:
        """Where it stands, whether it takes a tap or not."""
        area = self.target(code).area
        await self.pilot.click(Sheet, offset=(area.left + area.width // 2, area.top + area.height // 2))
        await self.pilot.pause()


@asynccontextmanager
async def page(
    folder: Path,
    size: tuple[int, int] = SMALL,
    *,
    snapshot: Snapshot | None = GOOD,
    on_button: Callable[[], None] | None = None,
    lights: Path | None = None,
    remembered: Path | None = None,
    clock: HandClock | None = None,
) -> AsyncIterator[Page]:
    core, clock = Core(folder / "core.sock"), clock or HandClock()
    app = TerminalScreen(folder / "core.sock", on_button, clock, lambda: NOON, lights=lights, remembered=remembered)
    if snapshot is not None:
        await core.start()
        core.publish(snapshot)
    try:
        async with app.run_test(size=size) as pilot:
            opened = Page(app, pilot, core, clock)
            if snapshot is not None:
                await opened.until(lambda: "P-21" in opened.text())
            yield opened
    finally:
        await core.stop()


def run(promise: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(2 * DEADLINE_S):
            await promise()
            while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110 - a task left behind tells nobody
                await asyncio.sleep(0.01)

    asyncio.run(limited())


CORE_PROGRAM = """
import asyncio, sys
from pathlib import Path
from page_bench import GOOD, Core
async def main():
    core = Core(Path(sys.argv[1]))
    core.publish(GOOD)
    await core.start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


def core_process(path: Path) -> "subprocess.Popen[bytes]":
    """A core of its own process, which can be killed and stopped."""
    folders = {"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[2]}"}
    return subprocess.Popen([sys.executable, "-c", CORE_PROGRAM, str(path)], env=folders)


def driving(snapshot: Snapshot, speed_mps: float) -> Snapshot:
    """The same at this speed."""
    return replace(snapshot, vehicle=VehicleView(speed_mps=speed_mps))


async def call(seen: Page) -> None:
    """Both taps of SOS."""
    await seen.tap("arm")
    await seen.tap("send")
