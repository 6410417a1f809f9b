"""The contract on paper is the contract in code."""

import json
from pathlib import Path

import pytest

from terminal.contract import asyncapi, topics

WRITTEN = Path(__file__).parents[2] / "docs" / "contract.json"


@pytest.mark.promise("P-FLOW-05")
def test_the_written_contract_is_that_of_the_code() -> None:
    assert WRITTEN.read_text() == asyncapi.text(), "renew it: python -m terminal.contract.asyncapi > docs/contract.json"


def test_every_topic_that_the_code_uses_is_in_it() -> None:
    ends = {channel["address"].rsplit("/", 1)[-1] for channel in asyncapi.document()["channels"].values()}
    down = {topics.RECEIPT, topics.STATE, topics.HEARTBEAT, topics.PICTURE, topics.CERTIFICATE}
    assert ends == {*topics.Lane, topics.PRESENCE, *down}


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()

    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return here + [one for value in part.values() for one in references(value)]
        return [one for value in part for one in references(value)] if isinstance(part, list) else []

    found = references(json.loads(asyncapi.text()))
    assert found
    for reference in found:
        target: object = document
        for key in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            assert key in target, reference
            target = target[key]
