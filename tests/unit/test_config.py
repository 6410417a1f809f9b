"""A configuration is used whole or refused with every error at once, each with its line and what was expected."""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from drivers import registry
from hal.clock import SystemClock
from hal.errors import ConfigError
from hq import config as hq_config
from hq.gateways import sms_modem, sms_web
from terminal import config as unit_config
from terminal.contract import pin, profile
from terminal.core import assemble
from terminal.tools import check_config
from terminal.tools.check_config import check_vehicle_events

ROOT = Path(__file__).parents[2]
UNIT, HQ = ROOT / "config" / "unit.toml", ROOT / "config" / "hq.toml"
COMMENTED_KEY = re.compile(r"^# (\[[\w.]+\]|[\w-]+ = )")

GOOD = """
[unit]
realm = "LJ"
unit = "LJ-101"
[[brokers]]
host = "localhost"
"""


def uncommented(path: Path) -> str:
    """The file with every key that it shows in force."""
    lines = path.read_text().splitlines()
    return "\n".join(line[2:] if COMMENTED_KEY.match(line) else line for line in lines)


def loaded(tmp_path: Path, text: str) -> unit_config.Config:
    path = tmp_path / "unit.toml"
    path.write_text(text)
    return unit_config.load(path)


def refused(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    return str(error.value).splitlines()


def test_what_is_shipped_can_be_loaded() -> None:
    assert unit_config.load(UNIT).unit.unit == "LJ-101"
    assert hq_config.load(HQ).name == "HQ-1"


def defaults(section: type[Struct], given: Any) -> list[str]:
    """The keys of a section whose value in the file is not their default."""
    odd = []
    for field in msgspec.structs.fields(section):
        if field.required:
            continue
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        if getattr(given, field.name) != default:
            odd.append(f"{section.__name__}.{field.name}")
    return odd


SECTIONS = (
    "reporting",
    "storage",
    "link",
    "journal",
    "sending",
    "alarms",
    "check_in",
    "holding",
    "supervision",
    "workshop",
)


@pytest.mark.promise("P-FLOW-06")
def test_the_shipped_file_shows_every_key_at_its_default(tmp_path: Path) -> None:
    shutil.copytree(UNIT.parent / "profiles", tmp_path / "profiles")
    config = loaded(tmp_path, uncommented(UNIT))
    sections = {name: getattr(config, name) for name in SECTIONS} | {"sms": config.bearers["sms"][1]}
    odd = [key for one in sections.values() for key in defaults(type(one), one)]
    assert odd == []
    shown = UNIT.read_text()
    assert config.profile == profile.load(UNIT.parent / "profiles" / "general.toml")
    for name, section in sections.items():
        for field in msgspec.structs.fields(type(section)):
            assert re.search(rf"^#? ?\[?(\w+\.)?{field.name}\b", shown, re.MULTILINE), (
                f"{name}.{field.name} is not shown"
            )


@pytest.mark.promise("P-FLOW-06")
def test_the_shipped_hq_file_shows_every_key_at_its_default(tmp_path: Path) -> None:
    path = tmp_path / "hq.toml"
    path.write_text(uncommented(HQ))
    config = hq_config.load(path)
    assert defaults(hq_config.Line, config.line) == []
    modem = registry.settings_type("modem_manager")
    assert config.gateways["modem"][1] == sms_modem.Settings()
    for section in (sms_modem.Settings, sms_web.Settings, sms_web.Sending, modem):
        for field in msgspec.structs.fields(section):
            assert re.search(rf"^#? ?\[?(\w+\.)*{field.name}\b", HQ.read_text(), re.MULTILINE), field.name
    assert defaults(hq_config.Alarms, config.alarms) == []
    assert defaults(hq_config.Audit, config.audit) == []
    assert defaults(hq_config.Escalation, config.escalation) == ["Escalation.webhook", "Escalation.mail"]
    for example in (config.escalation.webhook, config.escalation.mail):
        assert example is not None
        assert all(getattr(example, name) for name in example.__struct_fields__), "every key is shown"
    fields = {field.name: field.default for field in msgspec.structs.fields(hq_config.Config)}
    assert (config.store, config.socket) == (fields["store"], fields["socket"])


def test_paths_are_meant_from_where_the_file_stands(tmp_path: Path) -> None:
    config = loaded(tmp_path, GOOD + '[storage]\nfolder = "state"\n')
    assert config.storage.folder == tmp_path / "state"


MODEM = '[sources.modem]\ndriver = "modem_manager"\n'
BY_SMS = '[bearers.sms]\nkind = "sms"\nnumbers = ["+386401"]\n'
SMS = MODEM + BY_SMS

WRONG: dict[str, tuple[str, list[str]]] = {
    "an unknown key": (
        GOOD + "[reporting]\nmoving_distanse_m = 5\n",
        [":8:", "moving_distanse_m", '"moving_distance_m"'],
    ),
    "an unknown table": (GOOD + "[reportin]\n", [":7:", "reportin", '"reporting"']),
    "a word that is none of these": (
        GOOD + SMS + 'form = "morse"\n',
        [":12:", "bearers.sms.form", "'morse': known are data, text"],
    ),
    "a modem where there is no source": (
        GOOD + BY_SMS,
        [":7:", "bearers.sms", "modem is no source", "known are none yet"],
    ),
    "a bearer of no kind": (GOOD + '[bearers.sms]\nnumbers = ["+386401"]\n', [":7:", "kind = ", "known are sms"]),
    "a kind of bearer that there is not": (
        GOOD + '[bearers.sat]\nkind = "smss"\n',
        [":8:", "bearers.sat.kind", "'smss' is no kind of bearer", 'did you mean "sms"?'],
    ),
    "a kind of bearer that is a way out of its folder": (
        GOOD + '[bearers.sat]\nkind = "sms.log"\n',
        [":8:", "'sms.log' is no kind of bearer"],
    ),
    "a bearer with the brokers' name": (
        GOOD + MODEM + BY_SMS.replace("bearers.sms", "bearers.mqtt"),
        [":9:", "bearers.mqtt", "the brokers' line"],
    ),
    "a bearer with a name that no rung has room for": (
        GOOD + MODEM + BY_SMS.replace("bearers.sms", "bearers.the-second-modem"),
        [":9:", "bearers.the-second-modem", "1 to 12"],
    ),
    "two bearers with one modem": (
        GOOD + MODEM + BY_SMS + BY_SMS.replace("bearers.sms", "bearers.sms2"),
        [":12:", "bearers.sms2", "source modem is bearer sms's"],
    ),
    "a timer that is an alarm at once": (
        GOOD + "[check_in]\nperiod_s = 0\n",
        [":8:", "check_in.period_s", "expected `float` > 0"],
    ),
    "a word for a number": (GOOD + '[supervision]\nkeepalive_s = "10"\n', [":8:", "keepalive_s", "expected `int`"]),
    "a number out of its range": (GOOD + "[storage]\noutbox_megabytes = 1\n", [":8:", "outbox_megabytes", ">= 8"]),
    "an SMS modem that is no source": (
        GOOD + SMS + 'modem = "moden"\n',
        [":9:", "bearers.sms", "moden is no source", '"modem"'],
    ),
    "an SMS modem that sends none": (
        GOOD + SMS.replace("modem_manager", "gpsd"),
        ["bearers.sms", "source modem sends no messages", "modem_manager"],
    ),
    "names that an SMS has no room for": (
        GOOD.replace("LJ-101", "LJ-101-ABCDEFGHIJKLMNOPQ") + SMS,
        ["bearers.sms", "an alarm has no room", "23 characters"],
    ),
    "a number that is none": (GOOD + SMS.replace("+386401", "call me"), ["bearers.sms.numbers", "0-9"]),
    "no number": (GOOD + SMS.replace('"+386401"', ""), ["bearers.sms.numbers", ">= 1"]),
    "a unit in small letters": (GOOD.replace("LJ-101", "lj 101"), [":4:", "unit.unit", "A-Z0-9_-"]),
    "a missing key": ('[unit]\nrealm = "LJ"\n[[brokers]]\nhost = "h"\n', [":1:", "unit.unit", "is missing"]),
    "no broker": ('brokers = []\n[unit]\nrealm = "LJ"\nunit = "A"\n', [":1:", "brokers", "at least 1"]),
    "a source without a driver": (GOOD + "[sources.gnss]\nport = 1\n", [":7:", "sources.gnss", "nmea_serial"]),
    "a driver that there is not": (GOOD + '[sources.gnss]\ndriver = "gspd"\n', [":8:", "driver", "'gpsd'"]),
    "a driver's unknown key": (
        GOOD + '[sources.gnss]\ndriver = "gpsd"\nhots = "h"\n',
        [":9:", "sources.gnss.hots", '"host"'],
    ),
    "a profile that is not there": (GOOD + '[duty]\nprofile = "traffic.toml"\n', ["traffic.toml", "is not there"]),
    "a supervision that knows a dead line too late": (
        GOOD + "[supervision]\nacknowledge_within_s = 15.0\n",
        [":8:", "supervision.acknowledge_within_s", "known after 23.5 s", "known_within_s is 20"],
    ),
    "a headquarters that is missed too late": (
        GOOD + "[supervision]\nhq_silent_after_s = 60\n",
        [":8:", "hq_silent_after_s", "known after 61 s", "set it higher"],
    ),
    "a keep-alive that lets the broker wait": (
        GOOD + "[supervision]\nkeepalive_s = 60\n",
        [":8:", "keepalive_s", "gives the car up after 90 s"],
    ),
    "a headquarters that is missed between two presences": (
        GOOD + "[supervision]\nhq_silent_after_s = 9\n",
        [":8:", "hq_silent_after_s", "at least two of them, 16"],
    ),
    "the radio before the doubt": (
        GOOD + "[alarms]\nuse_the_radio_after_s = 4\n",
        [":8:", "use_the_radio_after_s", "no less than not_confirmed_after_s"],
    ),
    "an event that no car could tell": (
        GOOD + '[alarms]\nvehicle_events = ["Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeploied"]\n',
        [":8:", "vehicle_events", "true or false", "Airbag.IsDeployed"],
    ),
    "an event that is a number": (
        GOOD + '[alarms]\nvehicle_events = ["Vehicle.Speed"]\n',
        [":8:", "vehicle_events", "'Vehicle.Speed'", "true or false"],
    ),
    "a name that would not fit an alarm": (
        GOOD.replace("[[brokers]]", 'call_sign = "\\u0007"\n[[brokers]]'),
        [":5:", "unit.call_sign", "matching regex"],
    ),
    "no TOML": ("[unit\n", ["is not TOML", "line 1"]),
}


@pytest.mark.promise("P-FLOW-06")
@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_with_its_line_and_what_was_expected(tmp_path: Path, text: str, said: list[str]) -> None:
    (line,) = refused(tmp_path, text)
    assert "unit.toml" in line
    for part in said:
        assert part in line


@pytest.mark.promise("P-WATCH-01")
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("unit_silent_after_s = 25", "unit_silent_after_s: a silent car is known after 26 s, and known_within_s is 20"),
        ("heartbeat_every_s = 10", "heartbeat_every_s: cars know a silent headquarters after 30 s"),
        ("keepalive_s = 30", "keepalive_s: headquarters knows its own dead line after 62 s"),
    ],
)
def test_headquarters_profile_is_held_to_what_it_promises(tmp_path: Path, setting: str, said: str) -> None:
    path = tmp_path / "hq.toml"
    text = 'name = "HQ-1"\n[[brokers]]\nhost = "h"\n[line]\n' + setting + "\n"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        hq_config.load(path)
    assert said in str(error.value)
    assert ":5:" in str(error.value)
    path.write_text(text + "known_within_s = 62.0\n")
    assert hq_config.load(path).line.known_within_s == 62


WEB = '[gateways.web]\nkind = "sms_web"\ntoken = "token"\n'
WRONG_GATEWAYS: dict[str, tuple[str, list[str]]] = {
    "a kind that there is not": ('[gateways.a]\nkind = "sms_wep"\n', [":5:", "gateways.a.kind", '"sms_web"']),
    "no kind": ("[gateways.a]\nport = 1\n", [":4:", "gateways.a", "known are sms_modem, sms_web"]),
    "a key that it has not": (
        '[gateways.m]\nkind = "sms_modem"\n[gateways.m.device]\nlook_every = 1\n',
        [":7:", "gateways.m.device.look_every", '"look_every_s"'],
    ),
    "no way to answer": (WEB, [":4:", "gateways.web", "could not be answered", "answers_by"]),
    "an answer by what is no gateway": (
        WEB + 'answers_by = "moden"\n[gateways.modem]\nkind = "sms_modem"\n',
        [":7:", "gateways.web.answers_by", "'moden' is no gateway that sends answers", '"modem"'],
    ),
    "an answer by what sends none": (WEB + 'answers_by = "web"\n', ["answers_by", "'web' is no gateway that sends"]),
    "the brokers' name": ('[gateways.mqtt]\nkind = "sms_modem"\n', [":4:", "gateways.mqtt", "the brokers' line"]),
}


@pytest.mark.promise("P-FLOW-06")
@pytest.mark.parametrize(("text", "said"), WRONG_GATEWAYS.values(), ids=WRONG_GATEWAYS.keys())
def test_what_is_wrong_with_a_gateway_is_said_too(tmp_path: Path, text: str, said: list[str]) -> None:
    path = tmp_path / "hq.toml"
    path.write_text('name = "HQ-1"\n[[brokers]]\nhost = "h"\n' + text)
    with pytest.raises(ConfigError) as error:
        hq_config.load(path)
    (line,) = str(error.value).splitlines()
    for part in said:
        assert part in line


def test_a_deployment_may_say_that_it_promises_less(tmp_path: Path) -> None:
    slow = "[supervision]\npresence_every_s = 25\nhq_silent_after_s = 55\nkeepalive_s = 30\n"
    assert len(refused(tmp_path, GOOD + slow)) == 3
    assert loaded(tmp_path, GOOD + slow + "known_within_s = 60\n").supervision.known_within_s == 60


def test_all_errors_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("LJ-101", "lj") + '[sources.a]\ndriver = "x"\n[sources.b]\n[reporting]\nturn = 1\n'
    assert len(refused(tmp_path, text)) == 4


def test_a_missing_file_and_one_that_is_no_text_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the file is not there"):
        unit_config.load(tmp_path / "unit.toml")
    (tmp_path / "unit.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        unit_config.load(tmp_path / "unit.toml")


MAP = 'name = "m"\ndbc = "m.dbc"\n[signals]\n"{}" = {{ dbc = "M.S" }}\n'
DBC = 'BO_ 1 M: 1 X\n SG_ S : 0|1@1+ (1,0) [0|1] "" X\n'
AIRBAG, BELT = (f"Vehicle.Cabin.Seat.Row1.DriverSide.{what}" for what in ("Airbag.IsDeployed", "IsBelted"))


def test_config_check_finds_a_vehicle_event_that_no_source_of_this_car_tells(tmp_path: Path) -> None:
    (tmp_path / "m.dbc").write_text(DBC)
    text = GOOD + f'[alarms]\nvehicle_events = ["{AIRBAG}"]\n[sources.can]\ndriver = "socketcan"\nvehicle = "m.toml"\n'
    config = loaded(tmp_path, text)
    (tmp_path / "m.toml").write_text(MAP.format(AIRBAG))
    check_vehicle_events(tmp_path / "unit.toml", config, assemble.sources(config, SystemClock()))
    (tmp_path / "m.toml").write_text(MAP.format(BELT))
    with pytest.raises(ConfigError, match=f"no source of this car tells {AIRBAG}; map it"):
        check_vehicle_events(tmp_path / "unit.toml", config, assemble.sources(config, SystemClock()))


BOARD = '[sources.button]\ndriver = "io_board"\ndevice = "/dev/patrola-board"\n'


def test_config_check_warns_of_a_car_without_an_emergency_button(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unit.toml"
    said = {}
    for name, text in {"with": GOOD + BOARD, "without": GOOD + '[sources.gnss]\ndriver = "gpsd"\n'}.items():
        path.write_text(text)
        assert check_config.run(argparse.Namespace(action="check", file=path)) == 0, "a warning is no error"
        said[name] = capsys.readouterr()
    assert said["with"].err == ""
    assert "good" in said["without"].out
    assert "warning: no emergency button is configured" in said["without"].err
    assert 'driver = "io_board"' in said["without"].err


NARROW = """
from typing import ClassVar
from {0} import {1}

class Settings({1}, frozen=True, kw_only=True, forbid_unknown_fields=True):
    takes_bytes: ClassVar[int] = 109

build = None
"""


@pytest.mark.promise("P-FLOW-06")
def test_what_is_too_narrow_for_an_alarm_or_an_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "patrola_bearer_narrow.py").write_text(NARROW.format("terminal.uplink.bearer", "BearerSettings"))
    (tmp_path / "patrola_gateway_narrow.py").write_text(NARROW.format("hq.gateway", "GatewaySettings"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (line,) = refused(tmp_path, GOOD + '[bearers.n]\nkind = "narrow"\n')
    assert "bearers.n: takes 109 bytes, and an alarm has 114" in line
    (tmp_path / "hq.toml").write_text('name = "HQ-1"\nbrokers = [{ host = "h" }]\n[gateways.n]\nkind = "narrow"\n')
    with pytest.raises(ConfigError, match="takes 109 bytes, and an answer may have 110"):
        hq_config.load(tmp_path / "hq.toml")


BROKEN = """
from hal.errors import ConfigError
from terminal.uplink.bearer import BearerSettings as Settings

def build(name, settings, sources):
    if name == "good":
        return type("Bearer", (), {"name": name})()
    raise {"ours": ConfigError(name, "no antenna"), "defect": KeyError(name)}[name]
"""


@pytest.mark.promise("P-BEARER-09")
def test_a_bearer_that_cannot_be_built_is_left_out_and_config_check_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "patrola_bearer_unbuilt.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = GOOD + "".join(f'[bearers.{name}]\nkind = "unbuilt"\n' for name in ("ours", "defect", "good"))
    config = loaded(tmp_path, text)
    assert [one.bearer.name for one in assemble.bearers(config, ())] == ["good"]
    assert "bearer ours is not used: ours: no antenna" in caplog.text
    assert "bearer defect is not used" in caplog.text
    with pytest.raises(ConfigError, match="no antenna"):
        check_config.run(argparse.Namespace(action="check", file=tmp_path / "unit.toml"))


def test_config_check_says_good_or_everything_that_is_wrong(tmp_path: Path) -> None:
    def checked(text: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "unit.toml"
        path.write_text(text)
        command = [sys.executable, "-m", "terminal.tools.command", "config", "check", str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    good = checked(GOOD)
    assert (good.returncode, "good; unit LJ-101 of LJ" in good.stdout) == (0, True)
    bad = checked(GOOD + "[reporting]\nturn = 1\nspeed = 2\n")
    assert (bad.returncode, len(bad.stderr.splitlines())) == (2, 2)


@pytest.mark.promise("P-HARD-08")
def test_a_pin_that_somebody_wrote_in_clear_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, GOOD + '[workshop]\npin = "471147"\n')
    assert "workshop.pin" in problem
    assert "patrola config pin" in problem
    assert "471147" not in problem
    kept = pin.verifier("471147", pin.TECHNICIANS_COST)
    assert loaded(tmp_path, GOOD + f'[workshop]\npin = "{kept}"\n').workshop.pin == kept
