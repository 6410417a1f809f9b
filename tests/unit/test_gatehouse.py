"""Gateways that fail, each alone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hal.errors import PatrolaError
from hq.gatehouse import Gatehouse
from hq.gateway import KINDS

WITHIN_S = 30.0
GATEWAY = """\
import asyncio
from hal.errors import PatrolaError
from hq.gateway import GatewaySettings

class Settings(GatewaySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fails: str = ""

def build(name, settings, take, emit):
    if settings.fails == "early":
        raise KeyError("x")
    return Gateway(name, settings, take)

class Gateway:
    def __init__(self, name, settings, take):
        self.name, self.fails, self.take, self.runs = name, settings.fails, take, 0

    async def open(self):
        if self.fails == "late":
            raise KeyError("x")
        self.is_open = True

    async def run(self):
        self.runs += 1
        if self.fails == "late":
            raise PatrolaError(self.name, "it is not open")
        if self.fails and self.runs <= 2:
            raise {"ours": PatrolaError(self.name, "no network"), "defect": KeyError("x")}[self.fails]
        await self.take(self.name.encode(), "there")
        await asyncio.Event().wait()

    async def send(self, to, capsule):
        raise {"ours": PatrolaError(self.name, "no network"), "defect": KeyError("x"), "": OSError("e")}[self.fails]
"""


@pytest.fixture(autouse=True)
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "patrola_gateway_pigeon.py").write_text(GATEWAY)
    monkeypatch.syspath_prepend(str(tmp_path))


class Hall:
    """What comes through, and what is told."""

    def __init__(self, *fails: str) -> None:
        settings = KINDS.settings_type("pigeon")
        gateways = {fail or "good": ("pigeon", msgspec.convert({"fails": fail}, settings)) for fail in fails}
        self.came: asyncio.Queue[tuple[str, bytes, str]] = asyncio.Queue()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.house = Gatehouse(gateways, self._took, lambda *told: self.events.append(told), again_after_s=0.01)

    async def _took(self, name: str, data: bytes, to: str) -> None:
        self.came.put_nowait((name, data, to))


def played(story: Callable[[Hall], Awaitable[None]], *fails: str) -> None:
    async def play() -> None:
        hall = Hall(*fails)
        await hall.house.open()
        running = [asyncio.create_task(work) for work in hall.house.works()]
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(hall)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(play())


def test_one_that_fails_is_run_again_and_told_of_once_and_the_others_go_on() -> None:
    async def story(hall: Hall) -> None:
        came = [await hall.came.get() for _ in range(3)]
        assert {name for name, data, to in came if (data, to) == (name.encode(), "there")} == {"good", "ours", "defect"}
        told = [(event, fields["gateway"]) for event, fields in hall.events]
        assert sorted(told) == [(f"gateway-{way}", name) for way in ("down", "up") for name in ("defect", "ours")]

    played(story, "ours", "", "defect")


def test_a_defect_in_ones_file_is_no_reason_not_to_start(caplog: pytest.LogCaptureFixture) -> None:
    async def story(hall: Hall) -> None:
        assert await hall.came.get() == ("good", b"good", "there")
        assert all(f"gateway {name} is not used" in caplog.text for name in ("early", "late"))
        with pytest.raises(PatrolaError):
            await hall.house.send("early", "there", b"capsule")

    played(story, "early", "late", "")


@pytest.mark.parametrize(("fails", "said"), [("ours", "no network"), ("defect", "KeyError"), ("", "OSError")])
def test_what_could_not_be_sent_is_said_whatever_the_gateway_raises(fails: str, said: str) -> None:
    async def story(hall: Hall) -> None:
        with pytest.raises(PatrolaError, match=said):
            await hall.house.send(fails or "good", "there", b"capsule")

    played(story, fails)
