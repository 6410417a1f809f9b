"""Which tests hold which promise: the `@pytest.mark.promise("P-...")` of all test files, without importing them."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from tests.parsing import tree_of
from tests.prove.table import Promise

TESTS = Path(__file__).parent.parent


class Mark(Struct, frozen=True, order=True):
    """One test function that holds one promise; `slow` is one that only `--long` runs."""

    promise: str
    test: str
    slow: bool = False


def marks(folder: Path = TESTS) -> list[Mark]:
    """Those of all files below the folder; raises ValueError for one that names no promise in so many letters."""
    found = [mark for path in sorted(folder.rglob("test_*.py")) for mark in _of_file(path, folder.parent)]
    return sorted(found)


def _of_file(path: Path, root: Path) -> Iterator[Mark]:
    tree, where = tree_of(path.read_text()), path.relative_to(root).as_posix()
    decorators = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators |= dict.fromkeys(node.decorator_list, node)
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise"):
            continue
        function = decorators.get(node)
        if function is None or not node.args or node.keywords:
            raise ValueError(f"{where}:{node.lineno}: a promise is marked on a test function, by its id alone")
        slow = any(ast.unparse(decorator) == "pytest.mark.long" for decorator in function.decorator_list)
        for argument in node.args:
            yield Mark(str(ast.literal_eval(argument)), f"{where}::{function.name}", slow)


def by_promise(found: Iterable[Mark]) -> dict[str, list[Mark]]:
    """The tests of each promise."""
    held: dict[str, list[Mark]] = {}
    for mark in found:
        held.setdefault(mark.promise, []).append(mark)
    return held


def faults(known: Mapping[str, Promise], found: Iterable[Mark]) -> list[str]:
    """What does not fit between the table and the marks, a sentence each."""
    held = by_promise(found)
    unknown = [
        f"{mark.test}: tests/promises.toml has no {mark.promise}"
        for name in held.keys() - known.keys()
        for mark in held[name]
    ]
    return sorted(unknown) + [fault for promise in known.values() if (fault := _fault(promise, promise.id in held))]


def _fault(promise: Promise, tested: bool) -> str:
    if promise.open and (tested or promise.figures):
        return f"{promise.id}: something holds it now; take its `open` out of tests/promises.toml"
    if not promise.open and not tested and not promise.figures:
        return f"{promise.id}: no test is marked with it, no figure measures it, and no `open` says what is missing"
    return ""
