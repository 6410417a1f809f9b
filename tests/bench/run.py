"""Collects the benchmarks beside it, runs them one after the other, and prints a table."""

import argparse
import json
import os
import platform
import signal
import sys
from importlib import import_module
from pathlib import Path

LONGEST_S = 600
"""A benchmark that takes longer waits for something that will not come."""


def _end(number: int, _frame: object) -> None:
    sys.exit(f"bench: ended by {signal.strsignal(number)}")


def _machine() -> str:
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}, load {load}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Run benchmarks; all of them, or those named.")
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    args = parser.parse_args()
    unknown = set(args.names) - set(known)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    # By way of an exception, so that the processes of a benchmark end with it.
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _end)
    results: dict[str, object] = {"machine": _machine()}
    print(results["machine"])
    for name in args.names or known:
        module = import_module(f"tests.bench.bench_{name}")
        print(f"\n{module.NAME}", flush=True)
        signal.alarm(LONGEST_S)
        results[name] = rows = module.measure()
        signal.alarm(0)
        for row in rows:
            print(f"  {row['name']:56} {_number(row['value']):>10} {row['unit']:<12} {row['versus']}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
