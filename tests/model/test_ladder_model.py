"""The ladder between crew, car and headquarters, searched whole by Spin; and each of its rules broken once.

What is modelled stands in docs/model.md. Run this file as a program to measure: it prints states and times.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.model import checks
from tests.model.pan import NEVER, Found, search

MODEL = Path(__file__).parent / "ladder.pml"

SCENARIOS = {
    "two presses": "PRESSES=2 ACTS=2 CRASHES=1 FAILURES=1",
    "cleared and forgotten": "PRESSES=2 ACTS=2 CRASHES=1 FORGETS",
    "the screen and a press": "PRESSES=1 SCREENS=1 LOUD ACTS=1 CRASHES=1",
    "called a mistake twice": "PRESSES=2 CANCELS=2 CRASHES=1",
    "a window for a test": "PRESSES=2 ARMS=1 ACTS=1 CRASHES=1",
    "a window for a test, a failing disk": "PRESSES=2 ARMS=1 CRASHES=1 FAILURES=1",
    "a test and a person": "PRESSES=2 ARMS=1 ACTS=2",
    "SMS": "PRESSES=2 CAP=1 ACTS=1",
    "SMS and a dead disk": "PRESSES=2 CAP=2 CRASHES=1 DEAD",
    "a silent alarm": "PRESSES=1 SCREENS=1 SILENT CANCELS=1",
    "a silent alarm and a person": "PRESSES=1 SCREENS=1 SILENT ACTS=1",
    "a test on the screen": "PRESSES=1 SCREENS=1 PRACTICE ACTS=2",
    "an exercise": "PRESSES=1 SCREENS=1 PRACTICE EXERCISE ACTS=2",
}
"""What may happen, as the sizes and faults at the top of the model."""

LONG_SCENARIOS = {
    "a mistake, cleared before its press came": "PRESSES=2 CANCELS=1 ACTS=2",
    "called a mistake twice, and cleared": "PRESSES=2 CANCELS=2 ACTS=1 CRASHES=1",
    "the screen and a press, called a mistake twice": "PRESSES=1 SCREENS=1 LOUD CANCELS=2 CRASHES=1",
    "a window for a test, a person, a failing disk": "PRESSES=2 ARMS=1 ACTS=1 CRASHES=1 FAILURES=1",
    "a test and a person, a crash": "PRESSES=2 ARMS=1 ACTS=2 CRASHES=1",
    "SMS and a crash": "PRESSES=2 CAP=1 ACTS=1 CRASHES=1",
    "a silent alarm, a mistake, a person": "PRESSES=1 SCREENS=1 SILENT CANCELS=1 ACTS=1",
    "a window for a test, SMS": "PRESSES=2 ARMS=1 CAP=1 CRASHES=1",
    "a silent alarm beside two presses": "PRESSES=2 SCREENS=1 SILENT ACTS=1",
    "a silent alarm by SMS": "PRESSES=1 SCREENS=1 SILENT CAP=1 ACTS=2",
    "a silent alarm, a test, a crash": "PRESSES=1 SCREENS=1 SILENT PRACTICE CANCELS=1 CRASHES=1 FAILURES=1",
}

FAIR = {
    "two presses": "PRESSES=2 ACTS=1",
    "a crash": "PRESSES=1 ACTS=1 CRASHES=1 FAILURES=1",
    "SMS": "PRESSES=1 CAP=1 ACTS=1 CRASHES=1",
    "a dead disk": "PRESSES=1 CRASHES=1 DEAD",
    "a silent alarm": "PRESSES=1 SCREENS=1 SILENT",
}
"""Small ones, since every run is followed for ever."""

LONG_FAIR = {
    "a window for a test": "PRESSES=2 ARMS=1 CRASHES=1",
    "two presses by SMS": "PRESSES=2 CAP=1 ACTS=1",
}

SEARCHES = SCENARIOS | {f"{name}, fair": f"{defines} FAIR" for name, defines in FAIR.items()}
LONG_SEARCHES = LONG_SCENARIOS | {f"{name}, larger and fair": f"{defines} FAIR" for name, defines in LONG_FAIR.items()}

MUTANTS = {
    "HANDED_OVER_IS_RECEIVED": ("two presses", "received_is_stored"),
    "UNSIGNED_RECEIPT_COUNTS": ("two presses", "received_is_stored"),
    "RECEIPT_OF_ANYTHING": ("a test on the screen", "received_is_stored"),
    "RECEIPT_BEFORE_COMMIT": ("two presses", "received_is_stored"),
    "RECEIPTS_NOT_LOOKED_UP": ("two presses", "alarm_received"),
    "ALARM_WAITS_FOR_COMMIT": ("SMS and a dead disk", "alarm_received"),
    "TOLD_STORED_BEFORE_COMMIT": ("two presses", "stored_is_on_disk"),
    "SAVED_WITHOUT_UNSTORED": ("two presses", "stored_is_on_disk"),
    "NEVER_STORED_AGAIN": ("two presses", "stored_in_the_end"),
    "CAP_ENDS_EVERYTHING": ("SMS and a dead disk", "alarm_received"),
    "SMS_WITHOUT_CAP": ("SMS", "sms_is_capped"),
    "SMS_RECEIPT_EMPTIES": ("SMS", "told_in_full"),
    "CAPSULE_IS_NEWS": ("SMS", "opened_again_by_a_press"),
    "CAPSULE_MAKES_ITS_OWN": ("SMS", "one_press_one_incident"),
    "PRACTICE_ABSORBS": ("a window for a test", "no_press_absorbed"),
    "WINDOW_STAYS_OPEN": ("a window for a test", "no_press_absorbed"),
    "OLD_PRESS_IN_THE_WINDOW": ("a window for a test", "no_press_absorbed"),
    "LAST_WORD_IS_THE_KIND": ("a window for a test", "real_is_never_practice"),
    "SILENT_ABSORBS": ("a silent alarm", "no_press_absorbed"),
    "SILENT_IS_SHOWN": ("a silent alarm", "silent_moves_nothing"),
    "SILENT_SAID_BY_THE_RAISE_ONLY": ("a silent alarm", "silent_moves_nothing"),
    "CANCELLING_CLOSES": ("a silent alarm", "only_a_person_closes_real"),
    "LATE_PRESS_STAYS_CLOSED": ("two presses", "no_press_absorbed"),
    "CLEARED_WITHOUT_THE_PRESS": ("two presses", "cleared_with_every_press"),
    "OLD_ANSWER_TAKEN": ("two presses", "shown_is_said"),
    "ANSWER_FORGOTTEN": ("two presses", "shown_is_said"),
    "SAME_ANSWER_NOT_TAKEN": ("two presses", "shown_in_the_end"),
    "OPENED_AGAIN_NOT_SHOWN": ("two presses", "shown_is_said"),
    "GIVEN_BACK_WITH_EVERY_PRESS_ONLY": ("a mistake, cleared before its press came", "shown_is_said"),
    "UNSIGNED_ANSWER_COUNTS": ("two presses", "shown_is_said"),
    "TOLD_AGAIN_IS_NEWS": ("two presses", "one_press_one_incident"),
    "PRESSES_NOT_FOLLOWED": ("two presses", "shown_in_the_end"),
    "UNKNOWN_NOT_SHOWN": ("cleared and forgotten", "shown_is_said"),
    "BEGUN_NOT_SAID": ("the screen and a press", "shown_in_the_end"),
    "CANCEL_OUTLIVES_PRESS": ("called a mistake twice", "cancelled_as_said"),
    "CANCEL_SPEAKS_OF_ALL": ("called a mistake twice", "cancelled_as_said"),
}
"""The rule that is broken, where, and the promise that falls with it."""

FAIR_MUTANTS = {
    "ALARM_WAITS_FOR_COMMIT": "a dead disk",
    "RECEIPTS_NOT_LOOKED_UP": "a crash",
    "NEVER_STORED_AGAIN": "a crash",
    "CAP_ENDS_EVERYTHING": "SMS",
    "SMS_RECEIPT_EMPTIES": "SMS",
    "LATE_PRESS_STAYS_CLOSED": "two presses",
}
"""Those without which something may wait for ever, in a run that leaves nobody out."""

SWITCHES = {"SILENT", "PRACTICE", "LOUD", "EXERCISE", "DEAD", "FORGETS", "FAIR"}
"""Of the model, beside its mutants."""

needs_spin = pytest.mark.skipif(
    shutil.which("spin") is None or shutil.which("gcc") is None, reason="needs spin and gcc: ./scripts/test brings them"
)


@pytest.fixture(scope="module")
def searches() -> dict[str, Found]:
    return {}


@pytest.mark.promise("P-RECEIPT-16")
@needs_spin
@pytest.mark.parametrize("name", SEARCHES)
def test_the_ladder_keeps_its_promises(name: str, tmp_path: Path, searches: dict[str, Found]) -> None:
    searches[name] = checks.look_at(MODEL, name, SEARCHES[name], tmp_path)


@pytest.mark.promise("P-RECEIPT-16")
@needs_spin
@pytest.mark.long
@pytest.mark.parametrize("name", LONG_SEARCHES)
def test_it_keeps_them_where_more_happens_at_once(name: str, tmp_path: Path) -> None:
    checks.look_at(MODEL, name, LONG_SEARCHES[name], tmp_path)


@pytest.mark.promise("P-RECEIPT-16")
@needs_spin
@pytest.mark.parametrize("rule", MUTANTS)
def test_a_ladder_without_this_rule_is_found_out(rule: str, tmp_path: Path) -> None:
    scenario, promise = MUTANTS[rule]
    found = search(MODEL, [*(SCENARIOS | LONG_SCENARIOS)[scenario].split(), rule], tmp_path, mutant=True)
    assert (found.broken, found.errors) == (promise, 1), found.output


@pytest.mark.promise("P-RECEIPT-16")
@needs_spin
@pytest.mark.parametrize("rule", FAIR_MUTANTS)
def test_without_this_rule_some_fair_run_never_does(rule: str, tmp_path: Path) -> None:
    found = search(MODEL, [*FAIR[FAIR_MUTANTS[rule]].split(), rule, "FAIR"], tmp_path, mutant=True)
    assert (found.broken, found.errors) == (NEVER, 1), found.output


@needs_spin
def test_every_step_of_the_ladder_is_taken_somewhere(tmp_path: Path, searches: dict[str, Found]) -> None:
    for number, name in enumerate(sorted(SEARCHES.keys() - searches.keys())):
        folder = tmp_path / str(number)
        folder.mkdir()
        searches[name] = checks.look_at(MODEL, name, SEARCHES[name], folder)
    assert checks.untaken(searches.values()) == set()
    assert len(checks.lines_with_steps(searches.values())) == checks.steps_written(MODEL)


@pytest.mark.promise("P-RECEIPT-16")
def test_every_promise_is_broken_by_some_mutant_and_every_mutant_is_tried() -> None:
    assert {promise for _, promise in MUTANTS.values()} == checks.promised(MODEL)
    assert set(MUTANTS) == checks.switches(MODEL) - SWITCHES


def test_the_page_about_the_ladder_names_every_mutant_and_the_promise_that_falls() -> None:
    assert checks.mutants_on_page("The model of the ladder") == {
        rule: promise for rule, (_, promise) in MUTANTS.items()
    }


def main() -> None:
    """Measure every search, for docs/model.md."""
    for name, defines in (SEARCHES | (LONG_SEARCHES if "--long" in sys.argv else {})).items():
        with tempfile.TemporaryDirectory() as folder:
            found = checks.look_at(MODEL, name, defines, Path(folder))
        print(f"| {name} | `{defines}` | {found.states} | {found.seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
