"""Alarms by SMS, end to end: a car whose broker is gone, a modem on D-Bus, and headquarters' gateway."""

import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from terminal.asked import CancelAlarm
from terminal.contract.capsule import AnswerCapsule, ReceiptCapsule, alarm_body, read, receipt_body, split, tail_of
from terminal.contract.identity import new_id, new_incident
from terminal.contract.messages import AlarmRaised, Who
from terminal.contract.signed import CAPSULE, SIGNATURE_BYTES
from terminal.contract.signing import Signer
from terminal.shown import AlarmView
from tests.system.conftest import Mosquitto
from tests.system.headquarters import Headquarters, Watch
from tests.system.modem_bench import ModemBench, modem_bench
from tests.system.patrol_car import WITHIN_S, Board, Car, Process, Screen
from tests.system.receiver import free_port
from tests.system.sms_scene import CAR, HQ, TOKEN, Network, came

TLS = """\
{1}listener {{port}} 127.0.0.1
cafile {0}/ca.pem
certfile {0}/broker.pem
keyfile {0}/broker.key
require_certificate true
use_identity_as_username true
use_username_as_clientid true
"""
CREDENTIALS = 'ca = "{0}/ca.pem"\ncertificate = "{0}/{1}.pem"\nkey = "{0}/{1}.key"\n'
BY_SMS = """
[sources.modem]
driver = "modem_manager"
bus = "{bus}"

[bearers.sms]
kind = "sms"
numbers = ["{number}"]
form = "{form}"
after_s = 0.5
again_after_s = {again_s}
again_at_most_s = {again_s}
most_per_incident = {most}
"""
GATEWAYS = """
[gateways.sms]
kind = "sms_web"
most_per_incident = 1000
port = {port}
token = "token"

[gateways.sms.sending]
url = "{url}"
token = "token"
"""
MODEM = """
[gateways.modem]
kind = "sms_modem"

[gateways.modem.device]
bus = "{}"
"""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of two cars, headquarters and a broker."""
    made = tmp_path_factory.mktemp("tls")
    command = [sys.executable, "-m", "terminal.tools.command", "certificates", str(made)]
    subprocess.run([*command, "LJ-101", "LJ-102", "HQ-1", "--broker", "127.0.0.1"], check=True, capture_output=True)
    return made


class Scene(NamedTuple):
    """All that runs: the car's core has met headquarters over the broker, and the broker is gone."""

    broker: Mosquitto
    modem: ModemBench
    network: Network
    hq: Headquarters
    watch: Watch
    board: Board
    core: Process
    screen: Screen

    def incident(self) -> dict[str, Any]:
        (incident,) = self.hq.incidents("LJ-101")
        return incident

    def alarm(self, true: Callable[[AlarmView], object]) -> AlarmView:
        return self.screen.until_alarm(true)


def with_credentials(config: Path, tls: Path, name: str) -> None:
    text = config.read_text()
    head, line = text.split('host = "127.0.0.1"\n')
    line = line.replace("[holding]\n", "[supervision]\npresence_every_s = 0.3\n\n[holding]\n")
    config.write_text(f'{head}host = "127.0.0.1"\n{CREDENTIALS.format(tls, name)}{line}')


@pytest.fixture
def scene(tmp_path: Path, tls: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    settings = {"form": "data", "most": 100, "again_s": 1.0} | getattr(request, "param", {})
    broker = Mosquitto(tmp_path, TLS.format(tls, "user root\n" if os.getuid() == 0 else ""))
    broker.start()
    hq, port = Headquarters(tmp_path / "hq", broker.broker.port), free_port()
    (hq.folder / "token").write_text(TOKEN)
    try:
        with modem_bench(tmp_path) as modem, Network(modem, port) as network:
            car = Car(tmp_path / "lj-101", broker.broker.port, BY_SMS.format(bus=modem.address, number=HQ, **settings))
            with_credentials(car.config, tls, "LJ-101")
            with_credentials(hq.config, tls, "HQ-1")
            hq.config.write_text(hq.config.read_text() + GATEWAYS.format(port=port, url=network.url))
            with (
                hq.serving(),
                hq.watched() as watch,
                Board(car.folder) as board,
                car.core() as core,
                car.screen(core) as screen,
            ):
                screen.until(lambda snapshot: snapshot.line.storing and snapshot.link is not None)
                broker.kill()
                screen.until(lambda snapshot: not snapshot.line.connected)
                yield Scene(broker, modem, network, hq, watch, board, core, screen)
    finally:
        broker.kill()


def until(true: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def answered(scene: Scene, number: int = 1) -> dict[str, Any]:
    """The answer of this number that headquarters sends."""
    until(lambda: len(scene.network.answers) >= number)
    return scene.network.answers[number - 1]


@pytest.mark.promise("P-BEARER-02")
@pytest.mark.promise("P-BEARER-04")
@pytest.mark.promise("P-BEARER-05")
def test_a_press_without_a_broker_is_received_by_sms_and_is_one_incident_when_the_broker_is_back(scene: Scene) -> None:
    scene.network.copies = 2
    incident = scene.board.press()
    scene.watch.until_told('"alarm-raised"')
    assert scene.alarm(lambda _: True).received_by == (), "nothing is claimed before headquarters' receipt is here"
    scene.network.deliver(answered(scene))
    alarm = scene.alarm(lambda alarm: alarm.received)
    assert (alarm.incident, alarm.received_by, alarm.sent_by) == (incident, ("sms",), ("sms",))
    told = scene.incident()
    assert (told["incident"], told["signature"], told["bearers"], told["signals"]) == (incident, "verified", ["sms"], 1)

    scene.hq.ask("ack", alarm=incident, by="Dispatcher 7")
    scene.network.deliver(answer_in(scene, lambda answer: answer.acknowledged_by == "Dispatcher 7"))
    assert scene.alarm(lambda alarm: alarm.acknowledged_by).acknowledged_by == "Dispatcher 7"

    scene.broker.start()
    assert scene.alarm(lambda alarm: "mqtt" in alarm.received_by).received_by == ("sms", "mqtt")
    scene.watch.until_told('"alarm-came-again"')
    told = scene.incident()
    assert (told["incident"], told["bearers"], told["signals"]) == (incident, ["sms", "mqtt"], 1)
    assert told["acknowledged_by"] == "Dispatcher 7", "the press that came again is no new one"
    _number, late, _text = scene.modem.sent()[0]
    assert scene.network.post(came(late)) == 204, "an SMS may take hours"
    assert scene.incident()["signals"] == 1
    assert len(scene.watch.events("alarm-raised")) == 1


@pytest.mark.promise("P-BEARER-07")
def test_without_a_broker_the_crew_learns_by_sms_who_took_and_who_ended_its_alarm(scene: Scene) -> None:
    incident = scene.board.press()
    scene.network.deliver(answered(scene))
    scene.alarm(lambda alarm: alarm.received)
    scene.hq.ask("ack", alarm=incident, by="Dispatcher 7")
    scene.network.deliver(answer_in(scene, lambda answer: answer.acknowledged_by == "Dispatcher 7"))
    scene.alarm(lambda alarm: alarm.acknowledged_by)
    scene.hq.ask("clear", alarm=incident, by="Dispatcher 8", reason="help is there")
    scene.network.deliver(answer_in(scene, lambda answer: bool(answer.cleared_by)))
    ended = scene.alarm(lambda alarm: alarm.cleared_by)
    assert (ended.acknowledged_by, ended.cleared_by) == ("Dispatcher 7", "Dispatcher 8")
    assert ended.reason == "help is there"[:10] + ".."
    scene.broker.start()
    assert scene.alarm(lambda alarm: alarm.reason == "help is there").cleared_by == "Dispatcher 8"


def answer_in(scene: Scene, wanted: Callable[[AnswerCapsule], bool]) -> dict[str, Any]:
    """The first of headquarters' SMS that says so."""

    def found() -> list[dict[str, Any]]:
        words = [(one, read(split(b64decode(one["data"]))[0])) for one in list(scene.network.answers)]
        return [one for one, word in words if isinstance(word, AnswerCapsule) and wanted(word)]

    until(found)
    return found()[0]


def receipt_in(answer: dict[str, Any]) -> ReceiptCapsule:
    receipt = read(split(b64decode(answer["data"]))[0])
    assert isinstance(receipt, ReceiptCapsule)
    return receipt


@pytest.mark.parametrize("scene", [{"form": "text"}], indirect=True)
def test_where_only_text_passes_the_same_goes_as_text_and_a_modem_that_hangs_holds_nothing_up(scene: Scene) -> None:
    scene.modem.pause(signal.SIGSTOP)
    scene.board.press()
    assert scene.alarm(lambda alarm: alarm.stored).sent_by == ()
    scene.screen.until(lambda snapshot: not snapshot.line.connected)
    scene.modem.pause(signal.SIGCONT)
    answer = answered(scene)
    assert set(answer) == {"to", "text"}
    assert len(answer["text"]) <= 160
    assert all(len(text) <= 160 and not data for _number, data, text in scene.modem.sent())
    scene.network.deliver(answer)
    assert scene.alarm(lambda alarm: alarm.received).received_by == ("sms",)
    assert scene.incident()["signature"] == "verified"


@pytest.mark.promise("P-RECEIPT-01")
def test_only_headquarters_own_signature_makes_an_alarm_received_and_further_presses_go_by_sms_too(
    scene: Scene, tls: Path
) -> None:
    incident = scene.board.press()
    genuine = b64decode(answered(scene)["data"])
    body, signature = split(genuine)
    another_car = Signer.at(tls / "LJ-102.pem", tls / "LJ-102.key")
    other = receipt_body(ReceiptCapsule(incident=incident, tail=bytes(8), signals=1))
    forged = [
        body + bytes(SIGNATURE_BYTES),
        body + another_car.sign(CAPSULE, body),
        body + signature[::-1],
        other + Signer.at(tls / "HQ-1.pem", tls / "HQ-1.key").sign(CAPSULE, other),
        body[:-1] + signature,
        b"your balance is low",
    ]
    for data in forged:
        scene.modem.deliver(HQ, data)
    until(lambda: not scene.modem.ask("Held"))
    scene.screen.send(CancelAlarm(incident=incident))
    alarm = scene.alarm(lambda alarm: alarm.cancelled)
    assert (alarm.received, alarm.received_by) == (False, ())
    scene.modem.deliver(HQ, genuine)
    assert scene.alarm(lambda alarm: alarm.received).received_by == ("sms",)
    scene.board.press()
    for event in ("alarm-cancelled", "alarm-signalled"):
        scene.watch.until_told(f'"{event}"')
    told = scene.incident()
    assert (told["incident"], told["signals"], told["cancelled"], told["bearers"]) == (incident, 2, False, ["sms"])
    assert told["open"], "a cancelling is a claim, which the press after it takes back"


def test_what_cannot_be_verified_is_shown_and_marked_and_never_answered(scene: Scene, tls: Path) -> None:
    incident = new_incident()
    body = alarm_body("LJ", "LJ-101", AlarmRaised(id=new_id(), who=Who(unit="LJ-101"), incident=incident))
    forger = Signer.at(tls / "LJ-102.pem", tls / "LJ-102.key")
    for signature, mark in ((bytes(SIGNATURE_BYTES), "missing"), (forger.sign(CAPSULE, body), "wrong")):
        assert scene.network.post(came(body + signature)) == 204
        told = next(one for one in scene.hq.incidents("LJ-101") if one["incident"] == incident)
        assert (told["signature"], told["bearers"]) == (mark, ["sms"])
    real = scene.board.press()
    answered(scene)
    assert {receipt_in(answer).incident for answer in scene.network.answers} == {real}


def test_the_gateways_door_opens_for_its_token_and_for_capsules_only(tmp_path: Path) -> None:
    hq, port = Headquarters(tmp_path, free_port()), free_port()
    (tmp_path / "token").write_text(TOKEN)
    with Network(None, port) as network:
        hq.config.write_text(hq.config.read_text() + GATEWAYS.format(port=port, url=network.url))
        with hq.serving() as serving:
            knock(network)
            assert [one["bearers"] for one in hq.incidents("LJ-9")] == [["sms"]]
            logged = "".join(serving.err.told)
    assert TOKEN not in logged
    assert "Traceback" not in logged


def knock(network: Network) -> None:
    post = network.post
    good = came(alarm_body("LJ", "LJ-9", AlarmRaised(id=new_id(), who=Who(unit="LJ-9"), incident=new_incident())))
    signed = came(b64decode(good["data"]) + bytes(SIGNATURE_BYTES))
    assert post(signed, token="another-token-that-is-not-ours") == 401
    assert post(signed, path="/other") == 404
    assert post(signed, how="PUT") == 405
    assert post(b"x" * 5000) == 413
    refused = [b"", b"[]", b"{}", b"\xff", {"from": CAR, "data": "!"}, {"from": CAR, "text": "call me"}, good]
    assert [post(body) for body in refused] == [422] * len(refused)
    noise = [b"", b"\x00" * 100, b"GET", b"POST /sms HTTP/1.1\r\n", b"\xff\xfe" * 5000, b"A" * 20000]
    with ExitStack() as held:
        for said in noise:
            held.enter_context(network.line(said))
        assert post(signed) == 204, "clients who say nothing, or nonsense, keep no door shut"


@pytest.mark.long
@pytest.mark.parametrize("scene", [{"most": 3, "again_s": 0.1}], indirect=True)
@pytest.mark.promise("P-BEARER-06")
def test_without_an_answer_an_incident_costs_no_more_than_its_cap(scene: Scene) -> None:
    scene.board.press()
    until(lambda: len(scene.modem.sent()) == 3)
    scene.board.press()
    scene.alarm(lambda alarm: alarm.signals == 2)
    scene.broker.start()
    scene.alarm(lambda alarm: alarm.received_by == ("mqtt",))
    assert len(scene.modem.sent()) == 3


def test_headquarters_own_modem_takes_an_alarm_in_and_answers_through_it(tmp_path: Path, mosquitto: Any) -> None:
    hq, incident = Headquarters(tmp_path / "hq", mosquitto.port), new_incident()
    body = alarm_body("LJ", "LJ-101", AlarmRaised(id=(sent := new_id()), who=Who(unit="LJ-101"), incident=incident))
    with modem_bench(tmp_path) as modem:
        hq.config.write_text(hq.config.read_text() + MODEM.format(modem.address))
        modem.deliver(CAR, body + bytes(SIGNATURE_BYTES))
        modem.deliver(CAR, text="hello")
        with hq.serving():
            until(lambda: modem.sent() and not modem.ask("Held"))
            ((number, data, text),) = modem.sent()
            answer = read(split(data)[0])
            assert (number, text) == (CAR, "")
            assert answer == ReceiptCapsule(incident=incident, tail=tail_of(sent), signals=1)
            (told,) = hq.incidents("LJ-101")
            assert (told["incident"], told["bearers"], told["signature"]) == (incident, ["modem"], "unchecked")
            modem.kill_manager()
            modem.start_manager()
            modem.deliver(CAR, body + bytes(SIGNATURE_BYTES))
            until(modem.sent)
