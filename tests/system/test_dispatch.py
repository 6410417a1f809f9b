"""A job and a text from a dispatcher's command line to the car's screen and back; crew, shift, report and picture."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from terminal.asked import AnswerJob, FileReport, LogIn, RaiseAlarm, ReadText, SendText, StartShift
from terminal.contract.mqtt import Broker
from terminal.contract.work import JobStep
from terminal.shown import PictureView
from tests.system.headquarters import Headquarters
from tests.system.patrol_car import PATROLA, ROOT, WITHIN_S, Car

SIMULATED = '\n[duty]\nprofile = "{root}/config/profiles/border.toml"\n[sources.car]\ndriver = "simulator"\n'


def hq(headquarters: Headquarters, *words: str) -> list[dict[str, Any]]:
    """What a dispatcher's command prints as JSON lines."""
    command = [*PATROLA, "hq", *words, "--config", str(headquarters.config), "--json"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_jobs_texts_crew_shift_and_reports_go_both_ways(tmp_path: Path, mosquitto: Broker) -> None:
    headquarters = Headquarters(tmp_path / "hq", mosquitto.port)
    car = Car(tmp_path / "car-1", mosquitto.port, SIMULATED.format(root=ROOT))
    with headquarters.serving(), headquarters.watched() as watch:
        with car.core() as core, car.screen(core) as screen:
            watch.until_told("unit-online")
            hq(headquarters, "roster", "LJ", "--add", "1001", "--name", "First")
            hq(headquarters, "job", car.unit, "--title", "Tree on the road", "--by", "Desk 1")
            hq(headquarters, "message", car.unit, "--text", "Слушајте", "--by", "Desk 1")
            shown = screen.until(lambda snapshot: snapshot.jobs and snapshot.texts and snapshot.crew.roster)
            job, text = shown.jobs[0].job, shown.texts[0]
            assert (job.title, job.sent_by, text.text) == ("Tree on the road", "Desk 1", "Слушајте")

            screen.send(AnswerJob(job=job.job, step=JobStep.ACCEPTED))
            screen.send(ReadText(text_id=text.text_id))
            screen.send(SendText(text="Стигли смо", code="arrived"))
            screen.send(LogIn(badge="1001"))
            screen.send(StartShift())
            screen.send(FileReport(form="group", answers={"number": "n2-5", "direction": "north"}))
            screen.until(
                lambda snapshot: (
                    snapshot.jobs[0].step is JobStep.ACCEPTED
                    and snapshot.jobs[0].received
                    and snapshot.sent
                    and snapshot.sent[0].received
                    and snapshot.shift.on
                )
            )
            watch.until_told("report-filed")
            assert core.end() == 0
        (order,) = hq(headquarters, "job")
        assert (order["job"]["step"], order["job"]["sent_by"]) == ("accepted", "Desk 1")
        told = hq(headquarters, "message", car.unit)
        assert told[0]["text"]["read"]
        assert {one["type"] for one in told[1:]} == {"text-sent", "crew-changed", "shift-started", "report-filed"}
        report = next(one for one in told[1:] if one["type"] == "report-filed")
        assert report["who"]["crew"] == ["1001"], "a message says who was on board"
        (withdrawn,) = hq(headquarters, "withdraw", order["id"][:18], "--by", "Desk 2")
        assert withdrawn["order"]["withdrawn_by"] == "Desk 2"

        with car.core() as core, car.screen(core) as screen:
            again = screen.until(lambda snapshot: snapshot.crew.aboard and not snapshot.jobs)
            assert [one.badge for one in again.crew.aboard] == ["1001"]
            assert again.shift.on
            assert core.end() == 0


def test_a_car_sees_its_neighbours_and_where_they_are(tmp_path: Path, mosquitto: Broker) -> None:
    headquarters = Headquarters(tmp_path / "hq", mosquitto.port, more="picture_every_s = 0.2\n")
    one = Car(tmp_path / "car-1", mosquitto.port)
    other = Car(tmp_path / "car-2", mosquitto.port, '\n[sources.car]\ndriver = "simulator"\n', unit="LJ-102")
    with headquarters.serving(), other.core() as far, one.core() as core, one.screen(core) as screen:
        shown = screen.until(
            lambda snapshot: (
                snapshot.picture is not None
                and any(near.lat_deg is not None for near in snapshot.picture.picture.units)
            )
        )
        assert shown.picture is not None
        assert [near.unit for near in shown.picture.picture.units] == ["LJ-102"]
        assert [near["unit"] for near in hq(headquarters, "picture", one.unit)] == ["LJ-102"]
        assert far.end() == 0
        assert core.end() == 0


@pytest.mark.promise("P-HQ-12")
def test_a_car_sees_at_once_that_a_colleague_calls_who_comes_and_that_it_is_over(
    tmp_path: Path, mosquitto: Broker
) -> None:
    headquarters = Headquarters(tmp_path / "hq", mosquitto.port, more="picture_every_s = 86400.0\n")
    one, other = Car(tmp_path / "car-1", mosquitto.port), Car(tmp_path / "car-2", mosquitto.port, unit="LJ-102")
    with (
        headquarters.serving(),
        other.core() as far,
        other.screen(far) as calls,
        one.core() as core,
        one.screen(core) as screen,
    ):

        def until_shown(*alarms: tuple[str, str]) -> None:
            screen.until(lambda snapshot: snapshot.picture is not None and seen(snapshot.picture) == alarms)

        screen.until(lambda snapshot: snapshot.picture is not None)
        calls.until(lambda snapshot: snapshot.line.connected)
        calls.send(RaiseAlarm())
        until_shown(("LJ-102", ""))
        incident = calls.until_alarm(lambda alarm: alarm.received).incident
        headquarters.ask("ack", alarm=incident, by="Desk 1")
        until_shown(("LJ-102", "Desk 1"))
        calls.send(RaiseAlarm())
        until_shown(("LJ-102", ""))
        headquarters.ask("clear", alarm=incident, by="Desk 1", reason="over", signals=2)
        until_shown()
        assert far.end() == 0
        assert core.end() == 0


def seen(view: PictureView) -> tuple[tuple[str, str], ...]:
    """Who calls in the picture, and who has taken it."""
    return tuple((alarm.unit, alarm.acknowledged_by) for alarm in view.picture.alarms)
