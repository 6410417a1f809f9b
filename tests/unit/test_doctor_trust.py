"""What the doctor says of signatures: each way in which they cannot work, and what to do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from terminal.tools import certificates, doctor_trust
from terminal.tools.certificates import Authority, CertificateProblem
from terminal.tools.command import main
from terminal.tools.finding import Finding
from terminal.uplink.trusting import Trusting

NOW = datetime.now(UTC)
UNIT = "LJ-101"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ca")
    authority = Authority.at(made)
    for name in (UNIT, "LJ-102"):
        authority.issue(made, name, name, days=1)
    authority.revoke(made / "revoked.pem", made / "LJ-102.pem")
    stranger = made / "stranger"
    stranger.mkdir()
    Authority.at(stranger).issue(stranger, UNIT, UNIT, days=1)
    (made / "rubbish.pem").write_bytes(b"rubbish")
    return made


def findings(folder: Path, unit: str = UNIT, days: float = 0, **files: Any) -> dict[str, Finding]:
    usual = {"ca": "ca.pem", "certificate": f"{UNIT}.pem", "key": f"{UNIT}.key", "revoked": "revoked.pem"} | files
    paths = {key: folder / value if isinstance(value, str) else value for key, value in usual.items()}
    found = doctor_trust.examine(unit, Trusting(**paths), NOW + timedelta(days=days))
    return {one.what.split(" /")[0]: one for one in found}


def test_all_is_well(folder: Path) -> None:
    found = findings(folder)
    assert {one.result for one in found.values()} == {"ok"}
    assert found["headquarters' signatures"].found == "believed of HQ-1"
    assert found["signing of alarms"].found == "signed as LJ-101"
    assert found["revocation list"].found == "1 revoked certificates"


@pytest.mark.promise("P-SIGN-04")
@pytest.mark.parametrize(
    ("change", "what", "result", "said"),
    [
        ({"ca": None}, "headquarters' signatures", "warn", "there is no ca"),
        ({"ca": "rubbish.pem"}, "headquarters' signatures", "fail", "rubbish.pem"),
        ({"revoked": "rubbish.pem"}, "headquarters' signatures", "fail", "rubbish.pem"),
        ({"accept_unsigned": True}, "headquarters' signatures", "warn", "not asked for"),
        ({"days": 40}, "revocation list", "warn", "was good until"),
        ({"certificate": None}, "signing of alarms", "warn", "no certificate"),
        ({"key": "LJ-102.key"}, "signing of alarms", "fail", "is not that of"),
        ({"key": "rubbish.pem"}, "signing of alarms", "fail", "rubbish.pem"),
        ({"certificate": "stranger/LJ-101.pem", "key": "stranger/LJ-101.key"}, "signing of alarms", "fail", "our CA"),
        ({"unit": "LJ-103"}, "signing of alarms", "fail", "LJ-101"),
        ({"days": 2}, "signing of alarms", "fail", "expired"),
        ({"certificate": "LJ-102.pem", "key": "LJ-102.key", "unit": "LJ-102"}, "signing of alarms", "fail", "revoked"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    folder: Path, change: dict[str, Any], what: str, result: str, said: str
) -> None:
    finding = findings(folder, **change)[what]
    assert finding.result == result
    assert said in finding.found
    assert finding.remedy


def test_the_command_revokes_before_it_issues_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = str(tmp_path)
    assert main(["certificates", made, UNIT]) == 0
    assert main(["certificates", made, UNIT, "--revoke", UNIT]) == 0
    files = {"certificate": f"{UNIT}.pem", "key": f"{UNIT}.key"}
    assert findings(tmp_path, **files)["signing of alarms"].result == "ok", "the new one is another"
    assert findings(tmp_path, **files)["revocation list"].found == "1 revoked certificates"
    assert main(["certificates", made, "--revoke", "LJ-999"]) != 0
    assert "LJ-999.pem" in capsys.readouterr().err
    with pytest.raises(CertificateProblem):
        certificates._revoke(Authority.at(tmp_path), tmp_path, ["LJ-999"])
