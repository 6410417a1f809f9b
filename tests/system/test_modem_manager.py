"""The modem's driver against a D-Bus of its own, on which python-dbusmock plays ModemManager."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from drivers import registry
from hal.clock import SystemClock
from hal.errors import SourceError, SourceLost, SourceMissing, SourceRefused, SourceStale
from hal.ports import Messaging, ShortMessage
from hal.readings import AnyReading, LinkQuality, SourceHealth
from hal.supervision import Supervisor
from tests.system.modem_bench import ModemBench, modem_bench

WITHIN_S = 30.0
HQ = "+38640111222"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ModemBench]:
    with modem_bench(tmp_path) as running:
        yield running


def modem(bench: ModemBench, **settings: object) -> Messaging:
    # So far apart that only ModemManager's own word brings news in time.
    settings = {"bus": bench.address, "look_every_s": 50.0} | settings
    built = registry.build("modem_manager", "modem", registry.settings_type("modem_manager")(**settings), SystemClock())
    assert isinstance(built, Messaging)
    return built


async def until(readings: AsyncIterator[AnyReading], is_it: Callable[[LinkQuality], bool]) -> LinkQuality:
    async with asyncio.timeout(WITHIN_S):
        async for reading in readings:
            assert isinstance(reading, LinkQuality)
            if is_it(reading):
                return reading
    raise AssertionError("the readings ended")


@asynccontextmanager
async def opened(source: Messaging) -> AsyncIterator[AsyncIterator[AnyReading]]:
    """The source's readings, of which the first has come; what is done with them takes no longer than it may."""
    async with asyncio.timeout(WITHIN_S), aclosing(source.readings()) as readings:
        await until(readings, lambda _reading: True)
        yield readings


@asynccontextmanager
async def read_on(source: Messaging) -> AsyncIterator[None]:
    """The source is read in the background, as core does it."""
    async with opened(source) as readings:
        reading = asyncio.create_task(until(readings, lambda _reading: False))
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def test_the_network_is_told_in_modem_managers_words_and_a_dead_zone_is_no_failure(bench: ModemBench) -> None:
    async def story() -> None:
        async with aclosing(modem(bench).readings()) as readings:
            first = await until(readings, lambda _reading: True)
            assert (first.registered, first.state, first.operator) == (True, "registered", "TheOperator")
            assert (first.access_technology, first.signal_percent) == ("lte", 70)
            bench.become("State", 7, "i")
            assert (await until(readings, lambda one: not one.registered)).state == "searching"
            bench.become("AccessTechnologies", 1 << 3, "u")
            bench.become("State", 11, "i")
            back = await until(readings, lambda one: one.registered)
            assert (back.state, back.access_technology) == ("connected", "gprs")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"State": (2, "i"), "UnlockRequired": (2, "u")}, SourceRefused, "the SIM wants its PIN; switch the PIN off"),
        ({"State": (-1, "i"), "StateFailedReason": (2, "u")}, SourceMissing, "there is no SIM; insert one"),
        ({"State": (-1, "i")}, SourceMissing, "the modem has failed; take its power away"),
        ({"State": (3, "i")}, SourceRefused, "the modem is disabled; `nmcli radio wwan on`"),
    ],
)
def test_a_modem_that_can_do_nothing_says_why_and_what_to_do(
    bench: ModemBench, changes: dict[str, tuple[int, str]], error: type[SourceError], says: str
) -> None:
    for name, (value, kind) in changes.items():
        bench.become(name, value, kind)
    with pytest.raises(error, match=says):
        asyncio.run(_opened_and_closed(modem(bench)))


async def _opened_and_closed(source: Messaging) -> None:
    async with opened(source):
        pass


def test_a_modem_that_is_not_there_says_so_and_the_one_with_the_imei_is_taken(bench: ModemBench) -> None:
    asyncio.run(_opened_and_closed(modem(bench, modem="490154203237518")))
    with pytest.raises(SourceMissing, match="no modem has the IMEI 35; check its plug"):
        asyncio.run(_opened_and_closed(modem(bench, modem="35")))
    bench.ask("PullOut")
    with pytest.raises(SourceMissing, match="ModemManager knows no modem; check its plug"):
        asyncio.run(_opened_and_closed(modem(bench)))
    bench.kill_manager()
    with pytest.raises(SourceMissing, match="ModemManager does not run; `systemctl enable"):
        asyncio.run(_opened_and_closed(modem(bench)))
    bench.kill_bus()
    with pytest.raises(SourceMissing, match=r"no D-Bus answers .*; see `systemctl status dbus`"):
        asyncio.run(_opened_and_closed(modem(bench)))


def test_an_address_that_is_none_is_an_error_of_the_source() -> None:
    for address in ("nonsense", "unix:nothing=1"):
        built = registry.build(
            "modem_manager", "modem", registry.settings_type("modem_manager")(bus=address), SystemClock()
        )
        assert isinstance(built, Messaging)
        with pytest.raises(SourceMissing, match=r"expected unix:path=|no D-Bus answers"):
            asyncio.run(_opened_and_closed(built))


def test_manager_and_bus_that_end_are_told_down_and_found_again(bench: ModemBench) -> None:
    told: list[AnyReading] = []

    async def until_up(*, up: bool) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not told or [one.up for one in told if isinstance(one, SourceHealth)][-1:] != [up]:  # noqa: ASYNC110 - told by another task
                await asyncio.sleep(0.01)

    async def story() -> None:
        supervised = asyncio.create_task(Supervisor(modem(bench), told.append, SystemClock()).run())
        try:
            await until_up(up=True)
            bench.kill_manager()
            await until_up(up=False)
            bench.start_manager()
            await until_up(up=True)
            bench.kill_bus()
            await until_up(up=False)
            bench.start_bus()
            bench.start_manager()
            await until_up(up=True)
        finally:
            supervised.cancel()
            await asyncio.gather(supervised, return_exceptions=True)

    asyncio.run(story())
    problems = [one.problem for one in told if isinstance(one, SourceHealth) and not one.up]
    assert any("ModemManager" in problem for problem in problems)
    assert any("D-Bus" in problem for problem in problems)


def test_a_manager_that_hangs_is_told_and_holds_nobody_up(bench: ModemBench) -> None:
    async def story() -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        turning = asyncio.create_task(turn())
        source = modem(bench, answers_within_s=2.0, look_every_s=0.1)
        try:
            async with opened(source) as readings:
                bench.pause(signal.SIGSTOP)
                before = turns
                sending = source.send_message(HQ, b"help")
                ends = await asyncio.gather(sending, until(readings, lambda _reading: False), return_exceptions=True)
                assert [type(end) for end in ends] == [SourceStale] * 2
                assert ["Create" in str(ends[0]), "GetManagedObjects" in str(ends[1])] == [True, True]
                return turns - before
        finally:
            bench.pause(signal.SIGCONT)
            turning.cancel()
            await asyncio.gather(turning, return_exceptions=True)

    assert asyncio.run(story()) > 100


def test_data_and_text_are_sent_and_nothing_of_them_stays_in_the_modem(bench: ModemBench) -> None:
    async def story() -> None:
        source = modem(bench)
        async with opened(source):
            await source.send_message(HQ, bytes(range(140)))
            await source.send_message(HQ, "help")

    asyncio.run(story())
    assert bench.sent() == [(HQ, bytes(range(140)), ""), (HQ, b"", "help")]
    assert bench.ask("Held") == []


def test_a_message_that_the_network_refuses_is_an_error_and_stays_nowhere(bench: ModemBench) -> None:
    async def story() -> None:
        source = modem(bench)
        async with opened(source):
            bench.ask("Answer", "no credit left", False, signature="sb")
            with pytest.raises(SourceError, match="ModemManager refused Send: no credit left; see"):
                await source.send_message(HQ, b"help")

    asyncio.run(story())
    assert bench.sent() == []
    assert bench.ask("Held") == []


def test_a_network_that_never_answers_ends_the_sending_in_time(bench: ModemBench) -> None:
    async def story() -> None:
        source = modem(bench, answers_within_s=2.0, sends_within_s=0.5)
        async with opened(source):
            bench.ask("Answer", "", True, signature="sb")
            with pytest.raises(SourceStale, match="did not answer Send within"):
                await source.send_message(HQ, b"help")

    asyncio.run(story())


def test_before_it_is_read_nothing_can_be_sent(bench: ModemBench) -> None:
    with pytest.raises(SourceLost, match="cannot be used now"):
        asyncio.run(modem(bench).send_message(HQ, b"help"))


def test_who_may_not_use_messages_still_knows_the_network_and_is_told_what_to_do(
    bench: ModemBench, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        source = modem(bench)
        bench.ask("Forbid", True, signature="b")
        bench.deliver(HQ, b"\x01")
        async with opened(source) as readings:
            with pytest.raises(SourceRefused, match=r"does not let this user call Create; install config/polkit"):
                await source.send_message(HQ, b"help")
            bench.ask("Forbid", False, signature="b")
            bench.become("State", 11, "i")
            await until(readings, lambda one: one.state == "connected")
            assert (await _next(source)).data == b"\x01"

    asyncio.run(story())
    assert [line for line in caplog.messages if "install config/polkit/60-patrola.rules" in line]


async def _next(source: Messaging) -> ShortMessage:
    async with asyncio.timeout(WITHIN_S):
        return await source.next_message()


def test_what_came_while_nobody_looked_is_there_and_stays_until_it_is_let_go(bench: ModemBench) -> None:
    async def story() -> None:
        bench.deliver(HQ, b"\x01\x02")
        async with read_on(modem(bench)):
            pass
        source = modem(bench)
        async with read_on(source):
            first = await _next(source)
            assert (first.number, first.data, first.text) == (HQ, b"\x01\x02", "")
            bench.deliver("+1", text="hello")
            second = await _next(source)
            assert (second.number, second.data, second.text) == ("+1", b"", "hello")
            assert len(bench.ask("Held")) == 2
            await source.let_go(first)
            await source.let_go(first)
            assert bench.ask("Held") == [second.place]

    asyncio.run(story())


def test_another_message_under_the_same_name_is_told_and_not_let_go_in_its_stead(bench: ModemBench) -> None:
    async def story() -> None:
        source = modem(bench)
        async with read_on(source):
            bench.deliver(HQ, b"\x01")
            first = await _next(source)
        bench.kill_manager()
        bench.start_manager()
        async with read_on(source):
            bench.deliver(HQ, b"\x02")
            second = await _next(source)
            assert (second.place, second.data) == (first.place, b"\x02")
            await source.let_go(first)
            assert bench.ask("Held") == [second.place]

    asyncio.run(story())
