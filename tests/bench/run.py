"""Collects the benchmarks beside it, runs them one after the other, and prints a table."""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Run benchmarks; all of them, or those named.")
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    args = parser.parse_args()
    unknown = set(args.names) - set(known)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    results = {}
    for name in args.names or known:
        module = import_module(f"tests.bench.bench_{name}")
        print(f"\n{module.NAME}", flush=True)
        results[name] = module.measure()
        for row in results[name]:
            print(f"  {row['name']:52} {row['value']:>12,.4g} {row['unit']:<14} {row.get('versus', '')}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
