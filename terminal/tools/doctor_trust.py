"""What `patrola doctor` says of signatures: whether alarms go out signed, and whether headquarters can be believed."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from terminal.contract.signing import NotTrusted, Signer, Standing, Trust
from terminal.contract.tls import BadCertificate
from terminal.tools.finding import Finding
from terminal.uplink.trusting import Trusting

SIGNING = "signing of alarms"
BELIEVING = "headquarters' signatures"
AGAIN = "provision this unit again"


def examine(unit: str, rules: Trusting, now: datetime) -> Iterator[Finding]:
    """Every finding; `now` is this machine's clock."""
    if rules.ca is None:
        remedy = "set ca, certificate and key, of a broker or in [trust]"
        yield Finding(what=BELIEVING, result="warn", found="are not checked: there is no ca", remedy=remedy)
        return
    try:
        trust = Trust.at(rules.ca, rules.revoked)
    except BadCertificate as error:
        problem, _, remedy = str(error).rpartition("; ")
        yield Finding(what=BELIEVING, result="fail", found=problem, remedy=remedy)
        return
    yield _believing(rules)
    yield from _revoked(rules.revoked, trust, now)
    yield _signing(unit, rules, trust, now)


def _believing(rules: Trusting) -> Finding:
    if rules.accept_unsigned:
        remedy = "set accept_unsigned = false in [trust] once headquarters signs"
        return Finding(what=BELIEVING, result="warn", found="are not asked for", remedy=remedy)
    return Finding(what=BELIEVING, result="ok", found=f"believed of {', '.join(rules.headquarters)}")


def _revoked(path: Path | None, trust: Trust, now: datetime) -> Iterator[Finding]:
    if path is None:
        return
    what, until = f"revocation list {path}", trust.lists_end
    if until is not None and until < now:
        found = f"was good until {until:%Y-%m-%d}"
        yield Finding(what=what, result="warn", found=found, remedy="fetch the CA's newest")
    else:
        yield Finding(what=what, result="ok", found=f"{trust.revoked_count} revoked certificates")


def _signing(unit: str, rules: Trusting, trust: Trust, now: datetime) -> Finding:
    if rules.certificate is None:
        return Finding(what=SIGNING, result="warn", found="they go unsigned: there is no certificate", remedy=AGAIN)
    try:
        signer = Signer.at(rules.certificate, rules.key)
        party = trust.party(signer.certificate)
    except BadCertificate as error:
        problem, _, remedy = str(error).rpartition("; ")
        return Finding(what=SIGNING, result="fail", found=problem, remedy=remedy)
    except NotTrusted as error:
        found = f"certificate {rules.certificate}: {error}; headquarters will not verify them"
        return Finding(what=SIGNING, result="fail", found=found, remedy=AGAIN)
    standing = trust.standing(party, now)
    if party.name != unit:
        found = f"the certificate is that of {party.name!r}, and this is {unit}"
        return Finding(what=SIGNING, result="fail", found=found, remedy=AGAIN)
    if standing is not Standing.GOOD:
        return Finding(what=SIGNING, result="fail", found=f"the certificate is {standing}", remedy="renew it")
    return Finding(what=SIGNING, result="ok", found=f"signed as {party.name}")
