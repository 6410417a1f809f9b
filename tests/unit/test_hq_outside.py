"""Programs and servers outside headquarters, as far as they could be told what they must not be."""

import asyncio
from pathlib import Path

import pytest

from hal.errors import PatrolaError
from hq import mail, outside, sms
from hq.gateways import sms_web
from hq.incidents import Incident
from hq.notice import notice
from hq.ways import Mail
from terminal.contract.messages import Who
from tests.system.outside_servers import web

TOKEN, NUMBER = "0123456789abcdef", "+38640111222"


@pytest.mark.promise("P-HQ-04")
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\x0b", "\x1c", "\x85", "\u2028"])
def test_a_name_with_a_break_in_it_keeps_no_mail_back_and_makes_no_field(line_break: str) -> None:
    name = f"Sava{line_break}silent: True"
    incident = Incident(incident="I", realm="LJ", unit="LJ-101", who=Who(unit="LJ-101", call_sign=name), signals=1)
    told = mail.message(
        Mail(host="h", sender="p@police.example", to=("d@police.example",)), notice(incident, "mail", 60)
    )
    assert str(told["Subject"]).startswith("Alarm of LJ-101 (Sava silent: True): nobody has taken it")
    lines = told.get_content().splitlines()
    assert "call_sign: Sava silent: True" in lines
    assert [line for line in lines if line.startswith("silent")] == ["silent: False"]


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
