"""What `patrola doctor` says beside a running core: what that knows, judged and worded as on the screen."""

import asyncio
from pathlib import Path

from hal.clock import Clock
from terminal import examination
from terminal.examination import Found
from terminal.link import LONGEST_LINE, Snapshot, decode_server_line
from terminal.screen import examined
from terminal.screen.language import Language, Say
from terminal.shown import TROUBLES, LineView, SourceView, Trouble
from terminal.tools.finding import Finding

CORE_WITHIN_S = 3.0


async def running_core(path: Path) -> Snapshot | None:
    """What a running core knows: it holds the devices, which nobody can open beside it. None when none runs."""
    try:
        async with asyncio.timeout(CORE_WITHIN_S):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
            try:
                told = decode_server_line(await reader.readline())
            finally:
                writer.transport.abort()
    except (OSError, ValueError, TimeoutError):
        return None
    return told if isinstance(told, Snapshot) else None


def as_core_has_it(core: Snapshot, clock: Clock) -> list[Finding]:
    """Its devices, what they tell, and the line."""
    found = [
        Finding(what=f"source {one.name}", result="ok" if one.up else "fail", found=_said(one), remedy=one.remedy)
        for one in core.sources
    ]
    remedy = "for the devices' self-tests stop it first (systemctl stop patrola-core), or open the screen's own"
    running = Finding(what="core", result="ok", found="it runs, and holds the devices", remedy=remedy)
    seen = in_words("position", examination.position(core.position))
    beside = in_words("clock beside GNSS", examination.clock(core.position.last_good, clock.mono_ns(), clock.wall()))
    return [*found, running, seen, beside, _line_as_core_has_it(core.line)]


def _line_as_core_has_it(line: LineView) -> Finding:
    words, _ = TROUBLES[line.trouble]
    if line.trouble is Trouble.NONE:
        return Finding(what="line", result="ok", found=f"headquarters hears and is heard through {line.broker}")
    found = f"{words} ({line.problem})" if line.problem else words
    result = "warn" if line.trouble in (Trouble.CONNECTING, Trouble.DEAD_ZONE) else "fail"
    return Finding(what="line", result=result, found=found, remedy=line.remedy)


def _said(source: SourceView) -> str:
    return source.problem or "core hears it"


def in_words(what: str, found: Found) -> Finding:
    """As the screen's self-test says it."""
    say = Say(Language.ENGLISH)
    return Finding(
        what=what, result=str(found.verdict), found=examined.seen(say, found), remedy=examined.remedy(say, found)
    )
