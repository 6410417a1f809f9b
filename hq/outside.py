"""Tells somebody outside headquarters, by a program that is ended when it takes too long.

Whatever may hang (a name that does not resolve, a server that does not answer, a script) hangs in a process of its own.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from hq.config import Escalation
from hq.escalation import Step
from hq.notice import Notice
from hq.ways import handed

log = logging.getLogger(__name__)

LONGEST_COMPLAINT = 300
TRAMPOLINE = "/usr/bin/env"
"""Starting a program holds up whoever starts it until its file is read, which may be on a dead network share."""


class NotTold(Exception):
    """The outside was not told; the text says why."""


class Program(Struct, frozen=True):
    """A program, and what stands on its standard input beside the notice."""

    command: tuple[str, ...]
    settings: Struct | None = None

    def stdin(self, notice: Notice) -> bytes:
        """What the program reads: the notice, or settings and notice."""
        return msgspec.json.encode(notice) if self.settings is None else handed(self.settings, notice)


def programs(config: Escalation) -> Mapping[Step, Program]:
    """What tells the outside, in each configured way."""
    found: dict[Step, Program] = {}
    if config.command:
        found[Step.COMMAND] = Program((TRAMPOLINE, *config.command))
    if config.webhook is not None:
        found[Step.WEBHOOK] = Program((sys.executable, "-m", "hq.webhook"), config.webhook)
    if config.mail is not None:
        found[Step.MAIL] = Program((sys.executable, "-m", "hq.mail"), config.mail)
    return found


async def tell(program: Program, notice: Notice, within_s: float) -> None:
    """Hand the notice to the program; raises NotTold unless it took it in time."""
    await run(program.command, program.stdin(notice), within_s)


async def run(command: Sequence[str], told: bytes, within_s: float) -> None:
    """Run a program that reads this, to its end; raises NotTold unless that is a 0 in time."""
    try:
        with _file(told) as stdin, _file() as stderr:
            code = await _ended(command, stdin, stderr, within_s)
            complaint = _complaint(stderr)
    except (OSError, RuntimeError) as error:
        raise NotTold(f"it cannot be started: {error}") from error
    if code:
        raise NotTold(f"it ended with {code}: {complaint or 'it said nothing'}")
    if complaint:
        # Its arguments may hold what nobody else is to know.
        log.warning("%s: %s", _name(command), complaint)


def _name(command: Sequence[str]) -> str:
    """Ours are modules, others' programs stand behind the trampoline."""
    return command[1] if command[0] == TRAMPOLINE else command[-1]


async def _ended(command: Sequence[str], stdin: int, stderr: int, within_s: float) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=stdin, stdout=asyncio.subprocess.DEVNULL, stderr=stderr, start_new_session=True
    )
    try:
        async with asyncio.timeout(within_s):
            return await process.wait()
    except TimeoutError:
        raise NotTold(f"it did not end within {within_s:g} s") from None
    finally:
        if process.returncode is None:
            # With all that it has started; what the kernel itself holds is not waited for.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 1.0)


@contextlib.contextmanager
def _file(content: bytes = b"") -> Iterator[int]:
    """A file without a disk; unlike a pipe it keeps nobody waiting."""
    descriptor = os.memfd_create("patrola")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _complaint(stderr: int) -> str:
    """The end of what the program complained of, on one line."""
    size = os.fstat(stderr).st_size
    told = os.pread(stderr, LONGEST_COMPLAINT, max(size - LONGEST_COMPLAINT, 0)).decode(errors="replace")
    return " ".join(told.split())
