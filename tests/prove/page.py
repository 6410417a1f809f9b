"""docs/promises.md, made of the table, the marks and the figures that were last written down."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from tests.prove.marks import Mark
from tests.prove.table import Figure, Promise, Section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "promises.md"
MEASURED = ROOT / "docs" / "measured.json"

HEAD = """\
# Promises

What Patrola promises, numbered; each with the tests that hold it and the figures that measure it. A number is
never given to another promise. `./scripts/prove` runs them all and prints what came out; `./scripts/prove --long`
runs the slow proofs too.

This page is made of `tests/promises.toml` and of the tests' `@pytest.mark.promise`; `./scripts/prove --page` makes it
anew. A promise that nothing holds yet says so.
"""


class Measured(Struct, frozen=True, kw_only=True):
    """What the benchmarks gave, by bench and row, when each was last written down; `runs` has its day and machine."""

    runs: dict[str, str] = {}
    values: dict[str, dict[str, float]] = {}

    def value(self, figure: Figure) -> float | None:
        """None where it was never measured."""
        return self.values.get(figure.bench, {}).get(figure.row)


def read_measured(path: Path = MEASURED) -> Measured:
    """Nothing measured where the file is not there."""
    return Measured(**json.loads(path.read_text())) if path.exists() else Measured()


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def made(sections: Sequence[Section], held: Mapping[str, Sequence[Mark]], measured: Measured) -> str:
    """The page's text."""
    parts = [HEAD]
    if measured.runs:
        runs = "\n".join(f"* `./scripts/bench {bench}`: {run}" for bench, run in sorted(measured.runs.items()))
        parts.append(f"The figures below are of these runs, each with the load that it began under:\n\n{runs}\n")
    for section in sections:
        parts += [f"## {section.area}: {section.title}\n"]
        parts += [_paragraph(promise, held.get(promise.id, ()), measured) for promise in section.promises]
    return "\n".join(parts)


def _paragraph(promise: Promise, tests: Sequence[Mark], measured: Measured) -> str:
    lines = [f"**{promise.id}** {promise.text}\n"]
    if promise.open:
        lines.append(f"* **not held**: {promise.open}")
    lines += [f"* {_figure(figure, measured.value(figure))}" for figure in promise.figures]
    lines += [f"* `{mark.test}`{' (`--long`)' if mark.slow else ''}" for mark in tests]
    return "\n".join(lines) + "\n"


def _figure(figure: Figure, value: float | None) -> str:
    text = f"{figure.row} {figure.bound()} (`./scripts/bench {figure.bench}`)"
    if value is None:
        return text
    measured = f"{number(value)} {figure.unit}".strip()
    return f"{text}: {measured}, {'held' if figure.holds(value) else '**missed**'}"
