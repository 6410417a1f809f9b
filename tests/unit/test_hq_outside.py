"""Programs and servers outside headquarters, as far as they could be told what they must not be."""

import asyncio
from pathlib import Path

import pytest

from hal.errors import PatrolaError
from hq import outside, sms
from hq.gateways import sms_web
from tests.system.outside_servers import web

TOKEN, NUMBER = "0123456789abcdef", "+38640111222"


def test_what_a_program_says_is_logged_without_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    command = (outside.TRAMPOLINE, "sh", "-c", "echo take care >&2", TOKEN)
    asyncio.run(outside.run(command, b"", 30.0))
    assert "sh: take care" in caplog.text
    assert TOKEN not in caplog.text


async def nothing(_data: bytes, _to: str) -> None:
    """Nothing comes."""


def test_an_answer_by_sms_goes_where_it_was_sent_and_a_redirection_is_no_yes(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)

    async def story(url: str) -> None:
        settings = sms_web.Settings(token=token, sending=sms_web.Sending(url=url, token=token))
        gateway, to = sms_web.build("sms", settings, nothing, lambda *_: None), sms.address(NUMBER, is_text=False)
        with pytest.raises(PatrolaError, match="302"):
            await gateway.send(to, b"receipt")
        await gateway.send(to, b"receipt")

    with web() as gateway:
        gateway.answers.append(302)
        asyncio.run(story(f"http://127.0.0.1:{gateway.port}/send"))
    assert gateway.posts == [(f"Bearer {TOKEN}", b'{"to":"+38640111222","data":"cmVjZWlwdA=="}')]
