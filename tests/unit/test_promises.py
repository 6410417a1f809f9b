"""The table of promises, the tests' marks and docs/promises.md fit together; and each misfit is found."""

from pathlib import Path

import pytest

from tests.prove.marks import Mark, by_promise, faults, marks
from tests.prove.outcomes import Outcome
from tests.prove.page import PAGE, Measured, made, read_measured
from tests.prove.run import HELD, MISSED, NOT_HELD, NOT_RUN, PARTLY, lines_of
from tests.prove.table import Figure, Promise, load, promises

SECTIONS = load()
BENCHES = Path(__file__).parents[1] / "bench"
FIGURE = Figure(bench="b", row="r", unit="ms", at_most=5)
TABLE = '[[section]]\narea = "X"\ntitle = "t"\npromises = [{}]\n'


def test_every_promise_has_a_test_or_a_figure_or_says_that_it_has_none() -> None:
    assert faults(promises(SECTIONS), marks()) == []


def test_the_page_of_promises_is_that_of_the_table_and_the_marks() -> None:
    assert PAGE.read_text() == made(SECTIONS, by_promise(marks()), read_measured()), "run ./scripts/prove --page"


def test_every_figure_is_of_a_benchmark_that_there_is_and_has_a_bound() -> None:
    for promise in promises(SECTIONS).values():
        for figure in promise.figures:
            assert (BENCHES / f"bench_{figure.bench}.py").exists(), promise.id
            assert figure.bound(), promise.id


@pytest.mark.parametrize(
    ("promise", "marked", "said"),
    [
        (Promise(id="P-X-01", text="."), "P-X-02", ["tests/promises.toml has no P-X-02", "P-X-01: no test is marked"]),
        (Promise(id="P-X-01", text=".", open="soon"), "P-X-01", ["P-X-01: something holds it now"]),
        (Promise(id="P-X-01", text=".", figures=(FIGURE,)), "", []),
        (Promise(id="P-X-01", text=".", open="soon"), "", []),
    ],
)
def test_what_does_not_fit_is_said(promise: Promise, marked: str, said: list[str]) -> None:
    found = faults({promise.id: promise}, [Mark(marked, "tests/test_x.py::test_x")] if marked else [])
    assert len(found) == len(said)
    assert all(part in one for part, one in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{ id = "P-X-02", text = "." }', "expected P-X-01, found P-X-02"),
        ('{ id = "P-X-01", text = ".", figure = 3 }', "unknown field `figure`"),
        ("{", "promises.toml: "),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "promises.toml").write_text(TABLE.format(row))
    with pytest.raises(ValueError, match=said):
        load(tmp_path / "promises.toml")


def test_marks_are_read_off_the_tests_functions_and_from_nowhere_else(tmp_path: Path) -> None:
    mark = "@pytest.mark." + "promise"
    text = f'{mark}("P-X-01", "P-X-02")\n@pytest.mark.long\ndef test_a():\n    pass\n'
    (tmp_path / "test_x.py").write_text(text)
    name = f"{tmp_path.name}/test_x.py::test_a"
    assert marks(tmp_path) == [Mark("P-X-01", name, True), Mark("P-X-02", name, True)]
    (tmp_path / "test_x.py").write_text(f"pytestmark = {mark[1:]}('P-X-01')\n")
    with pytest.raises(ValueError, match=r"test_x.py:1: a promise is marked on a test function"):
        marks(tmp_path)


@pytest.mark.parametrize(
    ("value", "outcome", "verdicts"),
    [
        (4.0, Outcome(passed=2), [HELD, HELD]),
        (6.0, Outcome(passed=2, failed=1), [MISSED, MISSED]),
        (None, None, [NOT_RUN, NOT_RUN]),
        (4.0, Outcome(), [HELD, NOT_RUN]),
    ],
)
def test_a_figure_beyond_its_bound_and_a_test_that_fails_are_missed(
    value: float | None, outcome: Outcome | None, verdicts: list[str]
) -> None:
    promise, mark = Promise(id="P-X-01", text=".", figures=(FIGURE,)), Mark("P-X-01", "t.py::test")
    measured = Measured() if value is None else Measured(values={"b": {"r": value}})
    outcomes = {} if outcome is None else {mark.test: outcome}
    assert [line.verdict for line in lines_of(promise, [mark], outcomes, measured)] == verdicts


def test_a_promise_of_which_a_test_was_only_skipped_is_held_partly() -> None:
    promise, tests = Promise(id="P-X-01", text="."), [Mark("P-X-01", "a"), Mark("P-X-01", "b")]
    ran = {"a": Outcome(passed=3, skipped=1), "b": Outcome(skipped=1)}
    (line,) = lines_of(promise, tests, ran, Measured())
    assert (line.verdict, line.measured) == (PARTLY, "3 passed, 2 skipped")
    (line,) = lines_of(promise, tests, ran | {"b": Outcome(passed=1)}, Measured())
    assert line.verdict == HELD


def test_a_benchmark_that_has_not_the_row_has_missed_and_what_is_open_is_not_held() -> None:
    promise = Promise(id="P-X-01", text=".", figures=(FIGURE,))
    assert [line.verdict for line in lines_of(promise, [], {}, Measured(values={"b": {}}))] == [MISSED]
    assert [line.verdict for line in lines_of(Promise(id="P-X-01", text=".", open="soon"), [], {}, Measured())] == [
        NOT_HELD
    ]
