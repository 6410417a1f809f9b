"""What a dispatcher's terminal says when headquarters says no."""

import pytest

from hq import command


@pytest.mark.parametrize("what", ["units", "incidents", "gaps"])
def test_a_list_that_headquarters_could_not_read_is_a_reason_and_an_exit_code(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {"ok": False, "error": "store.db: the disk failed; replace it"}
    assert command._show(refused, what, as_json=False) == command.SAID_NO
    assert capsys.readouterr().err == "patrola hq: store.db: the disk failed; replace it\n"
