"""`patrola demo`: a broker, headquarters, a simulated car and its screen on one machine, and one alarm all the way.

Everything that runs is the product's own command as a process of its own, started again when it dies, as systemd
would. `--headless` prints the story as JSON lines and ends with a summary.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hal.errors import SourceMissing
from terminal.contract.topics import Lane
from terminal.link import LONGEST_LINE, Snapshot, decode_server_line
from terminal.shown import AlarmView
from terminal.tools.demo_accounts import Account, compare
from terminal.tools.demo_files import Ways, write_files
from terminal.tools.demo_processes import Process, free_port

DISPATCHER = "Demo dispatcher"
WORK = (
    ("job", "DEMO-1", "--title", "Tree on the road", "--text", "A caller waits at the shop.", "--by", DISPATCHER),
    ("message", "DEMO-1", "--text", "Good evening; quiet so far.", "--by", DISPATCHER),
    ("roster", "DEMO", "--add", "1001", "--name", "First Officer"),
)
"""What the dispatcher sends to a car whose screen is looked at."""
READY_WITHIN_S = 60.0
RUNG_WITHIN_S = 120.0
SETTLED_WITHIN_S = 120.0
CUT_SHORT = 1
BAD_USE = 2
"""What every patrola command ends with for a configuration or file that cannot be used (terminal.tools.command)."""
LOOK_S = 0.1
LIVE_LEAD_S = 3.0
"""How long a spectator sees each rung before the next."""
NO_LONGER_TO_DO = (b"already", b"pressed again")
"""How headquarters says no to what need not be tried again."""


class Failed(Exception):
    """The story did not end as it must; says what was waited for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola demo`."""
    parser.add_argument("--headless", action="store_true", help="no screen: print the story as JSON lines")
    parser.add_argument("--gnss", type=Path, metavar="FILE", help="drive from this receiver recording")
    parser.add_argument("--can", type=Path, metavar="FILE", help="and from this CAN recording")
    parser.add_argument("--vehicle", type=Path, metavar="MAP", help="what the CAN recording's frames mean")
    parser.add_argument("--speed", type=float, default=1.0, metavar="N", help="times as fast as real (default 1)")
    parser.add_argument("--duration", type=float, default=20.0, metavar="S", help="at least so long (default 20 s)")
    parser.add_argument(
        "--broker", choices=("auto", "embedded"), default="auto", help="auto: Mosquitto where it is installed"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep everything here instead of a folder in /tmp")


def run(args: argparse.Namespace) -> int:
    """0 only if the alarm was received, acknowledged and cleared and no message was lost; 1 otherwise."""
    for recording in (args.gnss, args.can, args.vehicle):
        if recording is not None and not recording.is_file():
            raise SourceMissing(str(recording), "there is no such file", "check the path")
    if args.can is not None and args.vehicle is None:
        args.vehicle = Path(__file__).parents[2] / "config" / "vehicles" / "obd2.toml"
    with contextlib.ExitStack() as stack:
        if args.folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patrola-")))
        else:
            folder = args.folder.absolute()
            folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_until_told_to_end(Demo(args, folder)))


async def _until_told_to_end(demo: "Demo") -> int:
    """What a closed terminal or a `timeout` would leave running is stopped first."""
    playing = asyncio.create_task(demo.run())
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    try:
        return await playing
    except asyncio.CancelledError:
        return CUT_SHORT


class Demo:
    """One run; `tell` is its only output."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self._args = args
        self._folder = folder
        self._story = None if args.headless else (folder / "story.jsonl").open("a", encoding="utf-8")
        self._began_s = time.monotonic()
        self._ways = Ways(
            port=free_port(),
            gnss=args.gnss and args.gnss.absolute(),
            can=args.can and args.can.absolute(),
            vehicle=args.vehicle and args.vehicle.absolute(),
            speed=args.speed,
        )
        self._ended: set[str] = set()
        self._watching = False
        self._unusable = ""

    def tell(self, where: str, event: str, **fields: object) -> None:
        """One line of the story."""
        self._line({"t": round(time.time(), 3), "where": where, "event": event, **fields})

    def _line(self, line: dict[str, Any]) -> None:
        if line.get("event") == "source-changed" and "has ended" in str(line.get("problem")):
            self._ended.add(str(line.get("source")))
        text = json.dumps(line, ensure_ascii=False)
        if self._story is None:
            print(text, flush=True)
        else:
            self._story.write(text + "\n")

    async def run(self) -> int:
        """Start, play, stop, count."""
        problem = ""
        for note in write_files(self._folder, self._ways):
            self.tell("demo", "note", text=note)
        await self._check()
        async with self._processes():
            try:
                if self._args.headless:
                    await self._play()
                else:
                    await self._watch_and_play()
                await self._settle()
            except Failed as error:
                problem = str(error)
        accounts = compare(self._folder / "car" / "outbox.db", self._folder / "hq.db")
        return self._summary(problem, accounts)

    async def _check(self) -> None:
        """Core drives on without a source that cannot be used; the story has nothing to tell without it."""
        command = _patrola(["config", "check", str(self._folder / "unit.toml")])
        checking = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, said = await checking.communicate()
        if checking.returncode:
            self._unusable = said.decode(errors="replace").strip()

    @contextlib.asynccontextmanager
    async def _processes(self) -> AsyncIterator[None]:
        broker = self._broker()
        hq = ["hq", "serve", "--config", str(self._folder / "hq.toml")]
        watch = ["hq", "watch", "--json", "--config", str(self._folder / "hq.toml")]
        board = ["simulate-board", "--link", str(self._folder / "board")]
        core = ["core", "--config", str(self._folder / "unit.toml"), "--echo"]
        self._board = Process("board", _patrola(board), self._heard, self._told, self._log("board"), feed=True)
        children = [
            Process("broker", broker, None, self._told, self._log("broker")),
            Process("hq", _patrola(hq), None, self._told, self._log("hq")),
            Process("watch", _patrola(watch), self._heard, self._told, self._log("watch"), quiet=True),
            self._board,
            Process("core", _patrola(core), self._heard, self._told, self._log("core")),
        ]
        async with contextlib.AsyncExitStack() as stack:
            for child in children:
                await stack.enter_async_context(child)
            yield

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _told(self, where: str, event: str, **fields: object) -> None:
        """What became of a process; one that cannot use what it was given would only fail again."""
        self.tell(where, event, **fields)
        if event == "process-ended" and fields["code"] == BAD_USE:
            self._unusable = str(fields["complaint"])

    def _broker(self) -> list[str]:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is not None and self._args.broker == "auto":
            self.tell("demo", "note", text=f"the broker is Mosquitto ({program})")
            return [program, "-c", str(self._folder / "mosquitto.conf")]
        self.tell(
            "demo", "note", text="the broker is iotcore's rumqttd, since Mosquitto is not installed or not wanted"
        )
        return [sys.executable, "-m", "terminal.tools.embedded_broker", "--port", str(self._ways.port)]

    def _heard(self, line: str) -> None:
        """A line of the story that one of the processes tells itself."""
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            self._watching = self._watching or (isinstance(told, dict) and told.get("ok") is True)
            if isinstance(told, dict) and "event" in told:
                self._line({"t": round(time.time(), 3), "where": "board"} | told)

    async def _play(self) -> None:
        await self._until("the line to headquarters", lambda seen: seen.line.connected and not seen.line.hq_silent)
        await self._until(
            "a first reading", lambda seen: seen.position.fix is not None or seen.vehicle.speed_mps is not None
        )
        await self._until("somebody watching at headquarters", lambda _seen: self._watching)
        self._board.feed_line("press")
        self.tell("demo", "button-pressed")
        alarm = await self._alarm("received", lambda alarm: alarm.received)
        await self._dispatch("ack", alarm.incident)
        await self._alarm("acknowledged", lambda alarm: bool(alarm.acknowledged_by))
        self._board.feed_line("release")
        await self._dispatch("clear", alarm.incident, "--reason", "the demonstration is over")
        await self._alarm("cleared", lambda alarm: bool(alarm.cleared_by))
        await self._drive_on()

    async def _drive_on(self) -> None:
        """Until the recordings have ended, or the asked time is over."""
        recordings = {name for name in ("gnss", "can") if getattr(self._args, name) is not None}
        while not (recordings and recordings <= self._ended):
            if not recordings and time.monotonic() - self._began_s > self._args.duration:
                return
            await asyncio.sleep(LOOK_S)

    async def _settle(self) -> None:
        # What is committed after this, a last batch of points say, is still in the car and so not lost.
        await self._until("headquarters' receipt for everything", lambda seen: seen.line.pending == 0, SETTLED_WITHIN_S)

    async def _watch_and_play(self) -> None:
        """The screen in this terminal, and a dispatcher who answers what it raises, until the screen is left."""
        answering = asyncio.create_task(self._answer_all())
        screen = ["screen", "--socket", str(self._folder / "core.sock"), "--button", str(self._folder / "button")]
        pressing = asyncio.create_task(self._board.feed_from(self._folder / "button"))
        process = await asyncio.create_subprocess_exec(*_patrola(screen))
        await process.wait()
        for task in (answering, pressing):
            task.cancel()
        await asyncio.gather(answering, pressing, return_exceptions=True)

    async def _answer_all(self) -> None:
        await self._until("the line to headquarters", lambda seen: seen.line.connected and not seen.line.hq_silent)
        for order in WORK:
            await self._hq(*order)
        while True:
            seen = await self._seen()
            for alarm in seen.alarms if seen is not None else ():
                if alarm.cleared_by:
                    continue
                if alarm.received and not alarm.taken:
                    await asyncio.sleep(LIVE_LEAD_S)
                    await self._dispatch("ack", alarm.incident)
                elif alarm.taken:
                    await asyncio.sleep(2 * LIVE_LEAD_S)
                    await self._dispatch("clear", alarm.incident, "--reason", "answered by the demonstration")
                    self._board.feed_line("release")
            await asyncio.sleep(LOOK_S)

    async def _dispatch(self, action: str, incident: str, *more: str) -> None:
        """What a dispatcher does, tried again while headquarters is being started again."""
        await self._hq(action, incident, "--by", DISPATCHER, *more)

    async def _hq(self, *words: str) -> None:
        command = ["hq", *words, "--config", str(self._folder / "hq.toml")]
        deadline_s = time.monotonic() + RUNG_WITHIN_S
        while time.monotonic() < deadline_s:
            process = await asyncio.create_subprocess_exec(
                *_patrola(command), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
            _, said = await process.communicate()
            if process.returncode == 0 or any(why in said for why in NO_LONGER_TO_DO):
                return
            await asyncio.sleep(LOOK_S)
        raise Failed(f"hq {words[0]}: {said.decode().strip()}")

    async def _alarm(self, rung: str, reached: Any) -> AlarmView:
        def found(seen: Snapshot) -> bool:
            return any(reached(alarm) for alarm in seen.alarms)

        seen = await self._until(f"the alarm being {rung}", found, RUNG_WITHIN_S)
        return next(alarm for alarm in seen.alarms if reached(alarm))

    async def _until(self, what: str, there: Any, within_s: float = READY_WITHIN_S) -> Snapshot:
        """Look at what core's clients see until it is so; looked at anew each time, since core may be started again."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s and not self._unusable:
            seen = await self._seen()
            if seen is not None and there(seen):
                return seen
            await asyncio.sleep(LOOK_S)
        raise Failed(self._unusable or f"waited {within_s:g} s for {what}")

    async def _seen(self) -> Snapshot | None:
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._folder / "core.sock"), limit=LONGEST_LINE)
        except OSError:
            return None
        try:
            async with asyncio.timeout(LOOK_S * 20):
                told = decode_server_line(await reader.readline())
            return told if isinstance(told, Snapshot) else None
        except (OSError, ValueError, TimeoutError):
            return None
        finally:
            writer.close()

    def _summary(self, problem: str, accounts: dict[Lane, Account]) -> int:
        lost = sum(account.lost for account in accounts.values())
        twice = sum(account.twice for account in accounts.values())
        good = not problem and not lost and not twice
        summary = {
            "event": "summary",
            "ok": good,
            "seconds": round(time.monotonic() - self._began_s, 1),
            "sent": {str(lane): account.sent for lane, account in accounts.items()},
            "stored": {str(lane): account.stored for lane, account in accounts.items()},
            "waiting": {str(lane): account.waiting for lane, account in accounts.items()},
            "lost": lost,
            "twice": twice,
            **({"problem": problem} if problem else {}),
        }
        print(json.dumps({"t": round(time.time(), 3), "where": "demo"} | summary, ensure_ascii=False), flush=True)
        return 0 if good or (not self._args.headless and not lost and not twice) else 1


def _patrola(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "terminal.tools.command", *arguments]
