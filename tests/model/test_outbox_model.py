"""The protocol of outbox, line and headquarters, searched whole by Spin; and each of its rules broken once.

A mutant proves that the promise it breaks can be broken, and that the rule is needed. What is modelled stands in
docs/model.md. Run this file as a program to measure: it prints states and times of every search.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.model import checks
from tests.model.pan import NEVER, Found, search

MODEL = Path(__file__).parent / "outbox.pml"

SCENARIOS = {
    "a press": "ALARMS=3 EVENTS=1 CRASHES=2 DEAD",
    "a full outbox": "TRACKS=3 ACCOUNTS=2 CAPACITY=1 CRASHES=1",
    "a restored backup": "ALARMS=1 EVENTS=1 TRACKS=1 RESTORES=1 CRASHES=1",
    "a restored backup and a dead disk": "ALARMS=2 EVENTS=1 RESTORES=1 CRASHES=1 DEAD",
    "a cloned card": "EVENTS=2 CLONE",
    "a cloned card and a restored backup": "EVENTS=1 RESTORES=1 CLONE",
    "a card put back": "EVENTS=1 TRACKS=2 ACCOUNTS=1 CAPACITY=1 ROLLBACK",
}
"""What may happen, as the sizes and faults at the top of the model."""

LONG_SCENARIOS = {
    "a press, crashes and a full outbox": "ALARMS=2 EVENTS=1 TRACKS=2 ACCOUNTS=1 CAPACITY=1 CRASHES=2",
    "two restored backups": "ALARMS=1 EVENTS=1 TRACKS=1 RESTORES=2",
    "a full outbox and a restored backup": "EVENTS=1 TRACKS=2 ACCOUNTS=1 CAPACITY=1 RESTORES=1 CRASHES=1",
    "a card put back that holds more": "EVENTS=2 TRACKS=2 ACCOUNTS=1 CAPACITY=1 ROLLBACK",
    "a full cloned card": "EVENTS=1 TRACKS=1 ACCOUNTS=1 CAPACITY=0 CLONE",
    "a cloned card, a press and a crash": "ALARMS=1 EVENTS=1 CRASHES=1 CLONE",
}

FAIR = {
    "a press": "ALARMS=2 EVENTS=1 CRASHES=1 DEAD",
    "a full outbox": "TRACKS=2 ACCOUNTS=1 CAPACITY=1 CRASHES=1",
    "a restored backup": "ALARMS=1 EVENTS=1 RESTORES=1",
    "a cloned card": "EVENTS=1 CLONE",
    "a card put back": "EVENTS=1 TRACKS=1 ACCOUNTS=1 CAPACITY=0 ROLLBACK",
}
"""Small ones, since every run is followed for ever."""

LONG_FAIR = {
    name: SCENARIOS[name]
    for name in ("a full outbox", "a restored backup and a dead disk", "a cloned card and a restored backup")
}

SEARCHES = SCENARIOS | {f"{name}, fair": f"{defines} FAIR" for name, defines in FAIR.items()}
LONG_SEARCHES = LONG_SCENARIOS | {f"{name}, larger and fair": f"{defines} FAIR" for name, defines in LONG_FAIR.items()}

MUTANTS = {
    "PUBACK_EMPTIES": ("a press", "receipted_is_stored"),
    "RECEIPT_BEFORE_COMMIT": ("a full outbox", "receipted_is_stored"),
    "NO_DIGEST": ("a cloned card", "receipt_settles_its_own"),
    "ID_EMPTIES": ("a press", "places_complete"),
    "ALARM_WAITS_FOR_COMMIT": ("a press", "alarm_received"),
    "TOLD_STORED_BEFORE_COMMIT": ("a press", "alarm_received"),
    "INCIDENT_OF_MESSAGE": ("a press", "one_press_one_incident"),
    "STORED_ON_PLACE": ("a press", "no_id_twice"),
    "REPEAT_IS_NOT_LOOKED_AT": ("a press", "receipted_place_is_noted"),
    "COMMIT_AGAIN_ANOTHER_PLACE": ("a press", "places_complete"),
    "PLACES_GIVEN_AGAIN": ("a full outbox", "clash_needs_two_cards"),
    "NEVER_LOOKS_AGAIN": ("a press", "stored_or_accounted_for"),
    "THINNING_NOT_TOLD": ("a full outbox", "stored_or_accounted_for"),
    "ACCOUNT_NOTED_AFTER_RECEIPT": ("a full outbox", "stored_or_accounted_for"),
    "OLD_EPOCH_RECEIPTS": ("a restored backup", "receipted_is_stored"),
    "OLD_EPOCH_IDS": ("a restored backup", "shown_is_stored"),
    "RECEIPT_BRINGS_EPOCH": ("a restored backup", "outbox_emptied"),
    "NEW_EPOCH_SENDS_NOTHING": ("a restored backup", "stored_or_accounted_for"),
    "NEW_EPOCH_FORGETS_MEMORY": ("a restored backup and a dead disk", "alarm_received"),
    "BACKUP_NOT_ANNOUNCED": ("a restored backup", "receipted_is_stored"),
    "CLASH_IGNORED": ("a cloned card", "outbox_emptied"),
    "STALE_CLASH_TAKEN": ("a cloned card", "renewed_once"),
    "PLACE_WITHOUT_ITS_OUTBOX": ("a card put back", "noted_place_was_given"),
    "RENEWAL_KEEPS_PLACES": ("a card put back", "places_complete"),
    "RENEWAL_DROPS_ACCOUNTS": ("a card put back", "stored_or_accounted_for"),
    "RENEWAL_DROPS_RECEIPTED": ("a cloned card and a restored backup", "stored_or_accounted_for"),
    "ACCOUNT_SPEAKS_OF_ITS_OWN_OUTBOX": ("a card put back", "stored_or_accounted_for"),
}
"""The rule that is broken, where, and the promise that falls with it."""

FAIR_MUTANTS = {
    "ALARM_WAITS_FOR_COMMIT": "a press",
    "TOLD_STORED_BEFORE_COMMIT": "a press",
    "ID_EMPTIES": "a press",
    "NEVER_LOOKS_AGAIN": "a press",
    "THINNING_NOT_TOLD": "a full outbox",
    "RECEIPT_BRINGS_EPOCH": "a restored backup",
    "NEW_EPOCH_SENDS_NOTHING": "a restored backup",
    "CLASH_IGNORED": "a cloned card",
}
"""Those without which something may wait for ever, in a run that leaves nobody out."""

needs_spin = pytest.mark.skipif(
    shutil.which("spin") is None or shutil.which("gcc") is None, reason="needs spin and gcc: ./scripts/test brings them"
)


@pytest.fixture(scope="module")
def searches() -> dict[str, Found]:
    return {}


@pytest.mark.promise("P-RECEIPT-11")
@needs_spin
@pytest.mark.parametrize("name", SEARCHES)
def test_the_protocol_keeps_its_promises(name: str, tmp_path: Path, searches: dict[str, Found]) -> None:
    searches[name] = checks.look_at(MODEL, name, SEARCHES[name], tmp_path)


@pytest.mark.promise("P-RECEIPT-11")
@needs_spin
@pytest.mark.long
@pytest.mark.parametrize("name", LONG_SEARCHES)
def test_it_keeps_them_where_more_happens_at_once(name: str, tmp_path: Path) -> None:
    checks.look_at(MODEL, name, LONG_SEARCHES[name], tmp_path)


@pytest.mark.promise("P-RECEIPT-11")
@needs_spin
@pytest.mark.parametrize("rule", MUTANTS)
def test_a_protocol_without_this_rule_is_found_out(rule: str, tmp_path: Path) -> None:
    scenario, promise = MUTANTS[rule]
    found = search(MODEL, [*SCENARIOS[scenario].split(), rule], tmp_path, mutant=True)
    assert (found.broken, found.errors) == (promise, 1), found.output


@pytest.mark.promise("P-RECEIPT-11")
@needs_spin
@pytest.mark.parametrize("rule", FAIR_MUTANTS)
def test_without_this_rule_some_fair_run_never_does(rule: str, tmp_path: Path) -> None:
    found = search(MODEL, [*FAIR[FAIR_MUTANTS[rule]].split(), rule, "FAIR"], tmp_path, mutant=True)
    assert (found.broken, found.errors) == (NEVER, 1), found.output


@needs_spin
def test_every_step_of_the_model_is_taken_somewhere(tmp_path: Path, searches: dict[str, Found]) -> None:
    for number, name in enumerate(sorted(SEARCHES.keys() - searches.keys())):
        folder = tmp_path / str(number)
        folder.mkdir()
        searches[name] = checks.look_at(MODEL, name, SEARCHES[name], folder)
    assert checks.untaken(searches.values()) == set()
    mutants_own = 1
    assert len(checks.lines_with_steps(searches.values())) == checks.steps_written(MODEL) - mutants_own


@pytest.mark.promise("P-RECEIPT-11")
def test_every_promise_is_broken_by_some_mutant_and_every_mutant_is_tried() -> None:
    assert {promise for _, promise in MUTANTS.values()} == checks.promised(MODEL)
    assert set(MUTANTS) == checks.switches(MODEL) - {"RUNNING", "ROLLBACK", "CLONE", "DEAD", "FAIR"}


def test_the_page_about_the_model_names_every_mutant_and_the_promise_that_falls() -> None:
    assert checks.mutants_on_page("The model of outbox") == {rule: promise for rule, (_, promise) in MUTANTS.items()}


def main() -> None:
    """Measure every search, for docs/model.md."""
    for name, defines in (SEARCHES | (LONG_SEARCHES if "--long" in sys.argv else {})).items():
        with tempfile.TemporaryDirectory() as folder:
            found = checks.look_at(MODEL, name, defines, Path(folder))
        print(f"{name:50} {defines:70} {found.states:>9} states {found.seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
