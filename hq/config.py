"""The typed model of hq.toml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hq.gateway import KINDS, GatewaySettings
from hq.ways import Mail, Webhook
from terminal.contract.capsule import LEAST_BYTES
from terminal.contract.credentials import Credentials
from terminal.contract.kinds import misnamed
from terminal.contract.mqtt import MISC_PERIOD_S, Broker
from terminal.contract.toml_model import TomlFile, load_model, nearest

LOOK_EVERY_S = 0.5
"""How often headquarters looks who is silent; by one look it asks the broker, at the next it knows."""

GIVES_UP_AFTER = 2
"""So many keep-alive periods: after one the broker is asked, after another the line is given up."""

BEATS_WITHIN = 3
"""A car misses headquarters after this many heartbeats that did not come."""

Seconds = Annotated[float, Meta(ge=0)]
Pause = Annotated[float, Meta(ge=0.1)]


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How headquarters speaks to cars; a car counts as silent after `unit_silent_after_s`."""

    known_within_s: float = 20.0
    heartbeat_every_s: float = 5.0
    unit_silent_after_s: float = 18.0
    keepalive_s: int = 5
    attended_for_s: float = 60.0
    picture_every_s: float = 15.0
    session_expiry_s: int = 86400
    longest_pause_s: float = 20.0


class Escalation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often an alarm that nobody takes rings, when all desks are called, when and how the outside is told."""

    ring_again_every_s: Pause = 5.0
    all_desks_after_s: Seconds = 30.0
    outside_after_s: Seconds = 60.0
    call_again_every_s: Pause = 15.0
    within_s: Pause = 20.0
    retry_after_s: Pause = 5.0
    longest_retry_s: Pause = 60.0
    command: tuple[str, ...] = ()
    webhook: Webhook | None = None
    mail: Mail | None = None


class Alarms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How headquarters deals with alarms by itself."""

    close_tests_after_s: Seconds = 10.0
    prove_within_h: Annotated[float, Meta(gt=0)] = 24.0
    off_duty: tuple[str, ...] = ("out-of-service",)


class Audit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the audit log's head leaves the machine."""

    head_every_s: Annotated[float, Meta(ge=1)] = 86400.0
    head_command: tuple[str, ...] = ()


class Trusting(Credentials, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As whom headquarters signs, and whose signatures it believes.

    A unit that has shown a certificate of our CA signs from then on; `accept_unsigned` is about the others.
    """

    accept_unsigned: bool = True


class Sections(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of hq.toml but its gateways; `name` is this receiver's identity at the broker, its certificate's name."""

    name: str
    brokers: Annotated[tuple[Broker, ...], msgspec.Meta(min_length=1)]
    realms: tuple[str, ...] = ("+",)
    store: Path = Path("/var/lib/patrola-hq/store.db")
    socket: Path = Path("/run/patrola-hq/api.sock")
    line: Line = Line()
    escalation: Escalation = Escalation()
    alarms: Alarms = Alarms()
    audit: Audit = Audit()
    trust: Trusting = Trusting()


class Tables(Sections, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """hq.toml as it is written; each of its gateways is read by its own kind's settings."""

    gateways: dict[str, dict[str, Any]] = {}


class Config(Sections, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of hq.toml; `gateways` are name to (kind, settings)."""

    gateways: dict[str, tuple[str, GatewaySettings]] = {}


def load(path: Path) -> Config:
    """The configuration in this file; ConfigError holds every error of it, a line each."""
    gateways: dict[str, tuple[str, GatewaySettings]] = {}

    def finish(file: TomlFile, tables: Tables | None) -> None:
        for late, why in unkept(tables.line) if tables is not None else ():
            file.problem(("line", late), why)
        for name, table in file.tables_in("gateways"):
            gateway = file.chosen(("gateways", name), table, "kind", KINDS)
            if gateway is not None:
                gateways[name] = gateway
        settings = {name: settings for name, (_, settings) in gateways.items()}
        for name in settings:
            for key, why in _unfit(name, settings):
                file.problem(("gateways", name, *key), why)

    tables = load_model(path, Tables, finish)
    return Config(**msgspec.structs.asdict(tables) | {"gateways": gateways})


def _unfit(name: str, gateways: dict[str, GatewaySettings]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each key of a gateway that cannot be used so, () for all of it, and why."""
    settings = gateways[name]
    by = settings.answers_by
    if problem := misnamed(name):
        yield (), problem
    if 0 < settings.takes_bytes < LEAST_BYTES:
        yield (), f"takes {settings.takes_bytes} bytes, and an answer may have {LEAST_BYTES}"
    if by and not (by in gateways and gateways[by].answers):
        able = [other for other, one in gateways.items() if one.answers]
        yield ("answers_by",), f"{by!r} is no gateway that sends answers; {nearest(by, able)}"
    if not by and settings.takes_bytes and not settings.answers:
        yield (), "what comes by it could not be answered; say how, or name another gateway with answers_by"


def unkept(line: Line) -> Iterator[tuple[str, str]]:
    """Each key that breaks `known_within_s`, and why."""
    within = line.known_within_s
    promised = f"known_within_s is {within:g}; if this deployment is to promise less, set it higher"
    times = {
        "unit_silent_after_s": ("a silent car is known", line.unit_silent_after_s + 2 * LOOK_EVERY_S),
        "heartbeat_every_s": ("cars know a silent headquarters", BEATS_WITHIN * line.heartbeat_every_s),
        "keepalive_s": ("headquarters knows its own dead line", GIVES_UP_AFTER * (line.keepalive_s + MISC_PERIOD_S)),
    }
    for key, (what, worst_s) in times.items():
        if worst_s > within:
            yield key, f"{what} after {worst_s:g} s, and {promised}"
