"""What the tests of every model ask of a search, of the whole model, and of the page about it."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.model.pan import Found, Step, search

PAGE = Path(__file__).parents[2] / "docs" / "model.md"


def look_at(model: Path, name: str, defines: str, folder: Path) -> Found:
    """A whole search in which no promise may fall."""
    found = search(model, defines.split(), folder)
    assert found.errors == 0, f"{name}: {found.broken} is broken\n{found.output}"
    assert found.complete, found.output
    return found


def untaken(searches: Iterable[Found]) -> set[Step]:
    """The steps that no search took."""
    known = list(searches)
    taken = {step for found in known for step in found.steps - found.untaken}
    return {step for found in known for step in found.steps} - taken


def lines_with_steps(searches: Iterable[Found]) -> set[int]:
    """The lines of the model on which the searches knew of a step."""
    return {line for found in searches for _, line in found.steps}


def steps_written(model: Path) -> int:
    """How many indivisible steps stand in the model's text."""
    return sum("d_step {" in line for line in model.read_text().splitlines())


def promised(model: Path) -> set[str]:
    """Every promise in the model's text."""
    return set(re.findall(r"(?:PROMISE|FINALLY)\((\w+), ", model.read_text())) - {"name"}


def switches(model: Path) -> set[str]:
    """All that can be switched on in the model's text and is no size."""
    text = model.read_text()
    every = set(re.findall(r"#ifn?def (\w+)", text)) | set(re.findall(r"defined\((\w+)\)", text))
    return every - set(re.findall(r"#ifndef (\w+)\n#define", text))


def mutants_on_page(part: str) -> dict[str, str]:
    """Each mutant in this part of docs/model.md, with the promise that falls."""
    (text,) = (text for text in PAGE.read_text().split("\n# ") if text.removeprefix("# ").startswith(part))
    return dict(re.findall(r"^\| `(\w+)`: [^|]*\| `(\w+)` \|", text, re.MULTILINE))
