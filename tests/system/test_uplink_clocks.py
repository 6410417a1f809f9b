"""Wrong clocks and bad certificates, at either side: an alarm arrives all the same, or the crew reads why not."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from terminal.shown import Trouble
from tests.system.faulty_core import with_fault
from tests.system.patrol_car import PATROLA, ROOT, WITHIN_S, Board, Car
from tests.system.tls_bench import TlsBench, years_off

LONG_AGO = datetime.now(UTC) - timedelta(days=30)


@pytest.mark.promise("P-TIME-01")
@pytest.mark.parametrize(
    ("car_years", "hq_years", "broker_days"),
    [
        pytest.param(-20, 0, 300, id="car -20"),
        pytest.param(20, -20, 300, id="car +20, HQ -20", marks=pytest.mark.long),
        pytest.param(0, 20, 9000, id="HQ +20", marks=pytest.mark.long),
    ],
)
def test_an_alarm_arrives_and_is_answered_whatever_the_clocks_say(
    tmp_path: Path, car_years: int, hq_years: int, broker_days: int
) -> None:
    """Over TLS: the broker's certificate is good today, and at the car's time it has not begun or has long expired."""
    bench = TlsBench(tmp_path)
    bench.authority.issue(tmp_path, "broker", "127.0.0.1", days=broker_days, hosts=("127.0.0.1",))
    bench.server.start()
    car, hq = bench.car(), bench.headquarters()
    try:
        with (
            hq.serving(years_off(hq_years)),
            Board(car.folder) as board,
            car.core(years_off(car_years)) as core,
            car.screen(core) as screen,
        ):
            incident = board.press()
            assert screen.until_alarm(lambda alarm: alarm.received).incident == incident
            hq.ask("ack", alarm=incident, by="Dispatcher 7")
            screen.until_alarm(lambda alarm: alarm.acknowledged_by == "Dispatcher 7")
            hq.ask("clear", alarm=incident, by="Dispatcher 7", reason="found well")
            screen.until_alarm(lambda alarm: alarm.cleared_by)
            again = board.press()
            screen.until(lambda seen: any(one.incident == again and one.received for one in seen.alarms))
            assert [one["incident"] for one in hq.incidents("LJ-101")] == [incident, again]
            assert core.end() == 0
    finally:
        bench.server.kill()


@pytest.mark.promise("P-TIME-01")
def test_a_core_that_believes_the_walls_clock_would_be_noticed(tmp_path: Path) -> None:
    bench, ahead, faulty = TlsBench(tmp_path), years_off(20), with_fault("believes_the_walls_clock")
    bench.server.start()
    car = bench.car()
    try:
        with car.core(lambda command: ahead(list(faulty(command)))) as core, car.screen(core) as screen:
            line = screen.until(lambda seen: seen.line.trouble is Trouble.REFUSED).line
            assert "its certificate has expired" in line.problem
            assert core.end() == 0
    finally:
        bench.server.kill()


def refused(tmp_path: Path, bench: TlsBench) -> tuple[str, dict[str, str]]:
    """What the crew reads of the line, and what doctor finds of the broker."""
    bench.server.start()
    car = bench.car()
    try:
        with car.core() as core, car.screen(core) as screen:
            line = screen.until(lambda seen: seen.line.trouble is Trouble.REFUSED).line
            assert core.end() == 0
        return line.problem, examined(car)
    finally:
        bench.server.kill()


def examined(car: Car) -> dict[str, str]:
    command = [*PATROLA, "doctor", "--json", "--config", str(car.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, cwd=ROOT)
    found: list[dict[str, str]] = [json.loads(line) for line in done.stdout.splitlines()]
    (broker,) = (one for one in found if one["what"].startswith("broker "))
    assert broker["result"] == "fail", found
    return broker


@pytest.mark.promise("P-SIGN-04")
def test_a_broker_whose_certificate_has_expired_is_refused_in_words(tmp_path: Path) -> None:
    bench = TlsBench(tmp_path)
    bench.authority.issue(tmp_path, "broker", "127.0.0.1", days=1, begins=LONG_AGO, hosts=("127.0.0.1",))
    problem, found = refused(tmp_path, bench)
    assert "its certificate has expired; renew it, or check this terminal's clock" in problem
    assert (found["found"], "renew it" in found["remedy"]) == ("its certificate has expired", True)


@pytest.mark.promise("P-SIGN-04")
def test_a_car_whose_certificate_has_been_revoked_is_refused_in_words(tmp_path: Path) -> None:
    bench = TlsBench(tmp_path, more=f"crlfile {tmp_path}/revoked.pem\n")
    bench.authority.revoke(tmp_path / "revoked.pem", tmp_path / "LJ-101.pem")
    problem, found = refused(tmp_path, bench)
    assert "our certificate has been revoked; provision this unit again" in problem
    assert found["found"] == "our certificate has been revoked"


@pytest.mark.promise("P-SIGN-04")
def test_a_broker_whose_certificate_has_been_revoked_is_not_believed(tmp_path: Path) -> None:
    bench = TlsBench(tmp_path)
    bench.authority.revoke(tmp_path / "revoked.pem", tmp_path / "broker.pem")
    believing = bench.car
    bench.car = lambda: with_list(believing(), tmp_path / "revoked.pem")  # type: ignore[method-assign]
    problem, found = refused(tmp_path, bench)
    assert "its certificate has been revoked; is this our broker?" in problem
    assert found["found"] == "its certificate has been revoked"


@pytest.mark.promise("P-SIGN-04")
@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_headquarters_whose_certificate_the_broker_refuses_is_deaf_and_says_why(tmp_path: Path, how: str) -> None:
    bench = TlsBench(tmp_path, more=f"crlfile {tmp_path}/revoked.pem\n" if how == "revoked" else "")
    if how == "revoked":
        bench.authority.revoke(tmp_path / "revoked.pem", tmp_path / "HQ-1.pem")
    else:
        bench.authority.issue(tmp_path, "HQ-1", "HQ-1", days=1, begins=LONG_AGO)
    bench.server.start()
    hq = bench.headquarters()
    try:
        with hq.serving() as serving:
            serving.err.until_told(f"our certificate has {'been ' if how == 'revoked' else ''}{how}")
            assert hq.ask("units")["deaf_since_ms"] is not None
            assert serving.end() == 0
    finally:
        bench.server.kill()


def with_list(car: Car, revoked: Path) -> Car:
    text = car.config.read_text()
    car.config.write_text(text.replace("[[brokers]]\n", f'[[brokers]]\nrevoked = "{revoked}"\n'))
    return car
