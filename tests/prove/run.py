"""Runs the tests and the benchmarks that hold the promises, and prints the table of what came out."""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, to_builtins

from tests.prove import page
from tests.prove.marks import Mark, by_promise, faults, marks
from tests.prove.outcomes import Outcome, run_tests
from tests.prove.page import Measured
from tests.prove.table import Figure, Promise, load, promises

LONGEST_BENCHES_S = 3600


class Line(Struct, frozen=True):
    """One line of the table."""

    promise: str
    verdict: str
    asked: str
    measured: str
    how: str


HELD, PARTLY, MISSED, NOT_HELD, NOT_RUN = "PASS", "PARTLY", "MISSED", "NOT HELD", "not run"
"""PARTLY: nothing failed, and of some test that holds it no case was run here; `--long` runs the slow ones."""


def main() -> int:
    args = _arguments()
    sections, found = load(), marks()
    known, held = promises(sections), by_promise(found)
    if trouble := faults(known, found):
        print("\n".join(trouble), file=sys.stderr)
        return 2
    if args.page:
        page.PAGE.write_text(page.made(sections, held, page.read_measured()))
        return 0
    chosen = {name: one for name, one in known.items() if not args.ids or name.startswith(tuple(args.ids))}
    if not chosen:
        print(f"no promise begins with {' or '.join(args.ids)}", file=sys.stderr)
        return 2
    measured = (
        Measured() if args.no_figures else measure({figure.bench for one in chosen.values() for figure in one.figures})
    )
    outcomes = {} if args.no_tests else run_tests([mark.test for mark in found if mark.promise in chosen], args.long)
    lines = [line for one in chosen.values() for line in lines_of(one, held.get(one.id, ()), outcomes, measured)]
    _print(lines, known)
    if args.write:
        _write_down(measured)
        page.PAGE.write_text(page.made(sections, held, page.read_measured()))
    if args.json:
        args.json.write_text(json.dumps(to_builtins(lines), indent=2) + "\n")
    return int(any(line.verdict == MISSED for line in lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/prove", description="Prove the promises; all, or those that begin so."
    )
    parser.add_argument("ids", nargs="*", metavar="P-AREA", help="the beginning of an id, as P-DISK or P-DISK-08")
    parser.add_argument("--long", action="store_true", help="the slow proofs too: the nightly version")
    parser.add_argument("--no-tests", action="store_true", help="measure the figures alone")
    parser.add_argument("--no-figures", action="store_true", help="run the tests alone")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/measured.json and the page")
    parser.add_argument("--page", action="store_true", help="make docs/promises.md anew, and nothing else")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table here too")
    return parser.parse_args()


def measure(benches: Collection[str]) -> Measured:
    """Run these benchmarks, one after the other; one that fails leaves its figures out and says so itself."""
    measured, today = Measured(), datetime.datetime.now(datetime.UTC).date().isoformat()
    for name in sorted(benches):
        with tempfile.TemporaryDirectory(prefix="patrola-prove-") as folder:
            told = Path(folder) / "figures.json"
            command = [sys.executable, "-m", "tests.bench.run", name, "--json", str(told)]
            done = subprocess.run(command, cwd=page.ROOT, check=False, timeout=LONGEST_BENCHES_S)
            if done.returncode == 0:
                figures = json.loads(told.read_text())
                rows = {row["name"]: row["value"] for row in figures[name]}
                measured = Measured(
                    runs=measured.runs | {name: f"{today}, {figures['machine']}"},
                    values=measured.values | {name: rows},
                )
    return measured


def lines_of(
    promise: Promise, tests: Sequence[Mark], outcomes: Mapping[str, Outcome], measured: Measured
) -> list[Line]:
    """Its figures, a line each, and one for all its tests together."""
    lines = [_of_figure(promise, figure, measured) for figure in promise.figures]
    if promise.open:
        lines.append(Line(promise.id, NOT_HELD, promise.text, "", promise.open))
    if tests:
        lines.append(_of_tests(promise, tests, outcomes))
    return lines


def _of_figure(promise: Promise, figure: Figure, measured: Measured) -> Line:
    value, how = measured.value(figure), f"bench {figure.bench}"
    asked = f"{figure.row}: {figure.bound()}"
    if value is None:
        ran = figure.bench in measured.values
        return Line(promise.id, MISSED if ran else NOT_RUN, asked, "no such row" if ran else "", how)
    verdict = HELD if figure.holds(value) else MISSED
    return Line(promise.id, verdict, asked, f"{page.number(value)} {figure.unit}".strip(), how)


def _of_tests(promise: Promise, tests: Sequence[Mark], outcomes: Mapping[str, Outcome]) -> Line:
    ran = [outcomes[mark.test] for mark in tests if mark.test in outcomes]
    passed, failed, skipped = (sum(counts) for counts in zip(*((0, 0, 0), *map(_counts, ran)), strict=True))
    how = ", ".join(mark.test.rpartition("/")[2] for mark in tests)
    every = len(ran) == len(tests) and all(one.passed for one in ran)
    verdict = MISSED if failed else NOT_RUN if not passed else HELD if every else PARTLY
    counts = ((passed, "passed"), (skipped, "skipped"), (failed, "FAILED"))
    measured = ", ".join(f"{count} {what}" for count, what in counts if count)
    return Line(promise.id, verdict, promise.text, measured if ran else "", how)


def _counts(one: Outcome) -> tuple[int, int, int]:
    return one.passed, one.failed, one.skipped


def _print(lines: Sequence[Line], known: Mapping[str, Promise]) -> None:
    shown = ""
    for line in lines:
        if line.promise != shown:
            shown = line.promise
            print(f"\n{shown}  {known[shown].text}")
        asked = "" if line.asked == known[shown].text else f"{line.asked}  "
        print(f"  {line.verdict:8} {asked}{line.measured}  [{line.how}]")
    verdicts = [line.verdict for line in lines]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in (HELD, PARTLY, MISSED, NOT_HELD, NOT_RUN))
    print(f"\n{len({line.promise for line in lines})} promises: {counts}")


def _write_down(measured: Measured) -> None:
    before = page.read_measured()
    merged = Measured(runs=before.runs | measured.runs, values=before.values | measured.values)
    page.MEASURED.write_text(json.dumps(to_builtins(merged), indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main())
