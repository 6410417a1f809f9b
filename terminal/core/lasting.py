"""Keeps the works of core's process going: what a defect ends is named on the log and begun again.

None of them ends the process: it holds alarms that a failing disk has not taken, and its other works go on sending
them. Only the loop itself does, which systemd then starts again while the board keeps its presses latched.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
GOOD_AFTER_S = 60.0
"""What went well for so long fails for a first time again."""

Begin = Callable[[], Coroutine[Any, Any, None]]


async def lasting(name: str, work: Begin, tell: Callable[[str, str], None]) -> None:
    """Run this work until it ends of its own accord; `tell` hears of each failure, with the name and the problem."""
    loop, pause_s, known = asyncio.get_running_loop(), FIRST_PAUSE_S, ""
    while True:
        began_s = loop.time()
        problem = await _failure(work)
        if problem is None:
            return
        if loop.time() - began_s > GOOD_AFTER_S:
            pause_s, known = FIRST_PAUSE_S, ""
        trace = problem if repr(problem) != known else None
        log.error("core: %s has failed: %r; begun again in %g s; report this", name, problem, pause_s, exc_info=trace)
        known = repr(problem)
        tell(name, known)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _failure(work: Begin) -> BaseException | None:
    """How it failed; None for its own end."""
    try:
        await work()
    except asyncio.CancelledError as error:
        # Something that it waited for was cancelled, and not this work: that is a failure like any other.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error
    except Exception as error:  # noqa: BLE001 - told, and begun again
        return error
    return None


class apart:  # noqa: N801 - read as a word after `with`
    """What breaks in here is logged, and takes nothing else with it."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> bool:
        if not isinstance(error, Exception):
            return False
        log.error("core: %s; report this as a defect", self._what, exc_info=error)
        return True
