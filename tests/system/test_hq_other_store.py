"""Headquarters is restored from a backup: no screen says any more that it has what was told since, and it gets it."""

import shutil
from pathlib import Path

import pytest

from terminal.asked import AnswerJob, FileReport, SendText, SetDuty
from terminal.contract.mqtt import Broker
from terminal.contract.work import JobStep
from terminal.link import Snapshot
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import Car, Screen

OFTEN = "[supervision]\npresence_every_s = 0.3\n"


def has_all(snapshot: Snapshot) -> bool:
    """Whether the screen says that headquarters has everything that the crew has said."""
    filed = snapshot.filed is not None and snapshot.filed.received
    said = [snapshot.duty, *snapshot.jobs, *snapshot.sent]
    return filed and len(said) == 3 and all(one.received for one in said)


def has_nothing(snapshot: Snapshot) -> bool:
    """Whether it says so of none of it."""
    filed = snapshot.filed is not None and snapshot.filed.received
    return not (filed or any(one.received for one in (snapshot.duty, *snapshot.jobs, *snapshot.sent)))


def works(screen: Screen) -> None:
    """The crew does of everything one, and headquarters gets it."""
    job = screen.until(lambda snapshot: snapshot.jobs).jobs[0].job.job
    screen.send(SetDuty(status="busy"))
    screen.send(AnswerJob(job=job, step=JobStep.ACCEPTED))
    screen.send(SendText(text="We are there"))
    screen.send(FileReport(form="group"))
    screen.until(has_all)


@pytest.mark.promise("P-RECEIPT-07")
def test_what_a_restored_headquarters_lacks_is_called_missing_and_is_sent_again(
    tmp_path: Path, mosquitto: Broker
) -> None:
    headquarters, car = Headquarters(tmp_path / "hq", mosquitto.port), Car(tmp_path / "car", mosquitto.port, OFTEN)
    store, backup = headquarters.store.parent, tmp_path / "backup"
    with car.core() as core, car.screen(core) as screen:
        with headquarters.serving() as serving, headquarters.watched() as watch:
            watch.until_told("unit-online")
            headquarters.ask("job", unit=car.unit, asked={"title": "Tree on the road", "by": "Desk 1"})
            assert serving.end() == 0
        shutil.copytree(store, backup)
        with headquarters.serving() as serving:
            works(screen)
            assert serving.end() == 0
        shutil.rmtree(store)
        shutil.copytree(backup, store)
        with headquarters.serving():
            assert headquarters.ask("told")["told"] == []
            headquarters.ask("new-epoch")
            screen.until(has_nothing)
            screen.until(has_all)
            assert [one["type"] for one in headquarters.ask("told")["told"]] == ["text-sent", "report-filed"]
            (order,) = headquarters.ask("orders", unit=car.unit)["orders"]
            assert order["job"]["step"] == JobStep.ACCEPTED
            (unit,) = headquarters.ask("units")["units"]
            assert unit["duty"] == "busy"
        assert core.end() == 0
