"""The AsyncAPI project's own parser finds nothing wrong with the contract; `./scripts/test` installs it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from terminal.contract import asyncapi

HERE = Path(__file__).parent
PARSER = HERE / "node_modules" / "@asyncapi" / "parser"


def parsed(document: dict[str, Any]) -> dict[str, Any]:
    node = shutil.which("node")
    assert node is not None, "node is not installed; ./scripts/test installs it"
    assert PARSER.exists(), "the parser is not installed; ./scripts/test installs it"
    told = subprocess.run(
        [node, str(HERE / "check.cjs")], input=json.dumps(document), capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.mark.promise("P-FLOW-05")
def test_the_parser_finds_nothing_wrong() -> None:
    assert parsed(asyncapi.document()) == {"parsed": True, "found": []}


def _without_a_schema(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["AlarmRaised"]


def _with_an_unknown_action(document: dict[str, Any]) -> None:
    document["operations"]["alarm"]["action"] = "shout"


def _with_a_channel_that_is_not_there(document: dict[str, Any]) -> None:
    document["operations"]["alarm"]["channel"]["$ref"] = "#/channels/nowhere"


@pytest.mark.parametrize("spoil", [_without_a_schema, _with_an_unknown_action, _with_a_channel_that_is_not_there])
def test_the_parser_finds_what_is_wrong(spoil: Any) -> None:
    document = asyncapi.document()
    spoil(document)
    assert parsed(document)["found"] != []
