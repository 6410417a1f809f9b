"""A bearer that the tree knows nothing of: one file in the car, one at headquarters, and no broker at all."""

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from hal.errors import ConfigError
from hq import config as hq_config
from terminal import config as unit_config
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import Board, Car
from tests.system.receiver import free_port

KINDS = Path(__file__).with_name("kinds")
BEARERS = """
[bearers.sat1]
kind = "satellite"
antenna = "antenna1"
ground = "../hq/ground"
after_s = 0
again_after_s = 0.5
again_at_most_s = 0.5

[bearers.sat2]
kind = "satellite"
antenna = "antenna2"
ground = "../hq/nowhere"
after_s = 0
"""
GATEWAY = """
[gateways.ground]
kind = "satellite"
ground = "ground"
"""


def with_kinds(command: list[str]) -> Sequence[str]:
    """The folder of the two files is on Python's path, as a service's environment names it."""
    path = os.pathsep.join((str(KINDS), *filter(None, (os.environ.get("PYTHONPATH"),))))
    return ["env", f"PYTHONPATH={path}", *command]


@pytest.mark.promise("P-BEARER-08")
@pytest.mark.promise("P-BEARER-09")
@pytest.mark.promise("P-BEARER-10")
def test_a_press_goes_all_the_way_by_a_bearer_that_is_one_file_on_each_side(tmp_path: Path) -> None:
    port = free_port()
    hq = Headquarters(tmp_path / "hq", port, more=GATEWAY)
    car = Car(tmp_path / "lj-101", port, BEARERS)
    with Board(car.folder) as board, car.core(with_kinds) as core, car.screen(core) as screen:
        incident = board.press()
        assert screen.until_alarm(lambda alarm: alarm.stored).received_by == ()
        with hq.serving(with_kinds), hq.watched() as watch:
            watch.until_told('"alarm-raised"')
            alarm = screen.until_alarm(lambda alarm: alarm.received)
            assert (alarm.incident, alarm.sent_by, alarm.received_by) == (incident, ("sat1",), ("sat1",))
            (raised,) = watch.events("alarm-raised")
            assert (raised["bearer"], raised["incident"]) == ("ground", incident)
            (told,) = hq.incidents("LJ-101")
            assert (told["bearers"], told["signals"]) == (["ground"], 1)
        with hq.serving(with_kinds):
            hq.ask("ack", alarm=incident, by="Dispatcher 7")
            assert screen.until_alarm(lambda alarm: alarm.acknowledged_by).acknowledged_by == "Dispatcher 7"
            hq.ask("clear", alarm=incident, by="Dispatcher 8", reason="over")
            ended = screen.until_alarm(lambda alarm: alarm.cleared_by)
            assert (ended.cleared_by, ended.reason, ended.sent_by) == ("Dispatcher 8", "over", ("sat1",))
    assert logged(hq.store) == ["button, by ground"]


def logged(store: Path) -> list[str]:
    """What the audit log says of the press, after its kind."""
    db = sqlite3.connect(store)
    try:
        facts = [json.loads(bytes(body)) for (body,) in db.execute("SELECT body FROM audit")]
        return [one["text"].partition(", ")[2] for one in facts if one["what"] == "alarm-raised"]
    finally:
        db.close()


@pytest.mark.promise("P-BEARER-10")
@pytest.mark.parametrize("word", ["satelite", "satellite"])
def test_its_word_is_known_and_a_wrong_one_is_answered_with_it(
    tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(KINDS))
    car = Car(tmp_path / "car", 1883, BEARERS.replace('"satellite"', f'"{word}"', 1))
    hq = Headquarters(tmp_path / "hq", 1883, more=GATEWAY.replace('"satellite"', f'"{word}"'))
    if word == "satellite":
        assert list(unit_config.load(car.config).bearers) == ["sat1", "sat2"]
        assert list(hq_config.load(hq.config).gateways) == ["ground"]
        return
    with pytest.raises(ConfigError, match=r"bearers\.sat1\.kind: 'satelite' .*did you mean \"satellite\""):
        unit_config.load(car.config)
    with pytest.raises(ConfigError, match=r"gateways\.ground\.kind: 'satelite' .*did you mean \"satellite\""):
        hq_config.load(hq.config)
