"""What every test may use: recordings made by others where they are present, and the `--long` switch."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.prove.table import load, promises

# A busy machine is no counterexample.
settings.register_profile("patrola", deadline=None)
settings.load_profile("patrola")

# The terminal that the tests are run on is not the one that a tested screen is on; readline exports its size.
for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the slow proofs too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = promises(load())
    for item in items:
        for mark in item.iter_markers("promise"):
            if unknown := set(mark.args) - known.keys():
                raise pytest.UsageError(f"{item.nodeid}: tests/promises.toml has no {', '.join(sorted(unknown))}")
    if not config.getoption("--long"):
        reason = pytest.mark.skip(reason="a slow proof; ./scripts/test --long runs it")
        for item in items:
            if "long" in item.keywords:
                item.add_marker(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings made by others; no part of the project, so a clone without them skips."""
    folder = Path(os.environ.get("PATROLA_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared recordings, which are not at {folder.name} beside this checkout")
    return folder
