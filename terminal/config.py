"""The typed model of unit.toml; every error names file, line, what was expected and the nearest right key."""

import os
import pwd
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Struct

from drivers import registry, vss
from hal.errors import ConfigError
from terminal.contract import pin, profile
from terminal.contract.capsule import MOST_NAME_LETTERS, alarm_bytes, fits
from terminal.contract.kinds import misnamed
from terminal.contract.mqtt import Broker
from terminal.contract.profile import Profile
from terminal.contract.toml_model import TomlFile, load_model, nearest
from terminal.contract.work import MOST_CREW
from terminal.core.alarm import AlarmRules
from terminal.core.check_in import CheckInRules
from terminal.core.duty import PLAIN
from terminal.core.journal import Journalling
from terminal.core.reporting import Reporting
from terminal.core.supervision import Supervision, unkept
from terminal.core.workshop import WorkshopRules
from terminal.link import Role
from terminal.uplink.bearer import KINDS, BearerSettings
from terminal.uplink.outbox import Limits
from terminal.uplink.sender import Sending
from terminal.uplink.session import Holding
from terminal.uplink.trusting import Trusting

Name = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9_-]{1,32}$")]
Label = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f\U00010000-\U0010ffff]{0,32}\Z")]
ServiceNumber = Annotated[str, msgspec.Meta(pattern="^[ -~]{1,12}$")]


class UnitSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this terminal is; `unit` is the name in its certificate, `realm` the directorate."""

    realm: Name
    unit: Name
    call_sign: Label = ""
    vehicle: Label = ""
    crew: Annotated[tuple[ServiceNumber, ...], msgspec.Meta(max_length=MOST_CREW)] = ()


class DutySection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The profile of the crew's role: statuses, ready texts, forms; without one there are six plain statuses."""

    profile: Path | None = None


class StorageSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where core keeps its outbox and journal, and how much of the card it may take."""

    folder: Path = Path("/var/lib/patrola")
    outbox_megabytes: Annotated[int, msgspec.Meta(ge=8)] = 512
    reserve_megabytes: Annotated[int, msgspec.Meta(ge=1)] = 4

    def limits(self) -> Limits:
        """The outbox's bounds."""
        return Limits(most_bytes=self.outbox_megabytes * 1_000_000, reserve_bytes=self.reserve_megabytes * 1_000_000)


class LinkSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The local socket, and which users are crew or technicians; the user that core runs as is crew.

    The crew is the user of systemd/patrola-screen.service; without it no SOS on the screen would be taken.
    """

    socket: Path = Path("/run/patrola/core.sock")
    crew: tuple[str, ...] = ("patrola-screen",)
    technicians: tuple[str, ...] = ()

    def role_of(self, uid: int) -> Role:
        """What a client of this user id may do."""
        if uid == os.getuid() or uid in _uids(self.crew):
            return Role.CREW
        return Role.TECHNICIAN if uid in _uids(self.technicians) else Role.OBSERVER


class TimeSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when on GNSS time is believed; without it, from this version's build date."""

    believe_after: datetime | None = None


class Tables(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """unit.toml as it is written; each source and bearer is read by the settings of its own driver or kind."""

    unit: UnitSection
    brokers: Annotated[tuple[Broker, ...], msgspec.Meta(min_length=1)]
    sources: dict[str, dict[str, Any]] = {}
    bearers: dict[str, dict[str, Any]] = {}
    duty: DutySection = DutySection()
    reporting: Reporting = Reporting()
    storage: StorageSection = StorageSection()
    link: LinkSection = LinkSection()
    journal: Journalling = Journalling()
    sending: Sending = Sending()
    alarms: AlarmRules = AlarmRules()
    check_in: CheckInRules = CheckInRules()
    holding: Holding = Holding()
    supervision: Supervision = Supervision()
    trust: Trusting = Trusting()
    workshop: WorkshopRules = WorkshopRules()
    time: TimeSection = TimeSection()


class Config(Struct, frozen=True, kw_only=True):
    """The whole of unit.toml; `sources` are name to (driver word, settings), `bearers` name to (kind, settings)."""

    unit: UnitSection
    brokers: tuple[Broker, ...]
    sources: dict[str, tuple[str, Struct]]
    bearers: dict[str, tuple[str, BearerSettings]]
    profile: Profile
    reporting: Reporting
    storage: StorageSection
    link: LinkSection
    journal: Journalling
    sending: Sending
    alarms: AlarmRules
    check_in: CheckInRules
    holding: Holding
    supervision: Supervision
    trust: Trusting
    workshop: WorkshopRules
    time: TimeSection

    @property
    def has_button(self) -> bool:
        """Whether a device with an emergency button is configured."""
        return any(word in registry.BUTTONS for word, _ in self.sources.values())


NO_BUTTON = "no emergency button is configured: help can be called on the screen only"
ADD_A_BUTTON = 'add the I/O board: a table [sources.board] with driver = "io_board" and its device'


def load(path: Path) -> Config:
    """The configuration in this file; ConfigError holds every error of it, a line each."""
    sources: dict[str, tuple[str, Struct]] = {}
    bearers: dict[str, tuple[str, BearerSettings]] = {}
    role = PLAIN

    def finish(file: TomlFile, tables: Tables | None) -> None:
        nonlocal role
        for name, table in file.tables_in("sources"):
            source = file.chosen(("sources", name), table, "driver", registry)
            if source is not None:
                sources[name] = source
        for name, table in file.tables_in("bearers"):
            bearer = file.chosen(("bearers", name), table, "kind", KINDS)
            if bearer is not None:
                bearers[name] = bearer
        if tables is not None:
            _check_bearers(file, tables, {name: settings for name, (_, settings) in bearers.items()})
            role = _profile(file, tables.duty)
            for key, why in unkept(tables.supervision):
                file.problem(("supervision", key), why)
            _check_alarms(file, tables.alarms)
            _check_workshop(file, tables.workshop)
        if tables is not None and tables.unit.unit in tables.trust.headquarters:
            file.problem(("trust", "headquarters"), "names this unit, which is not headquarters")

    tables = load_model(path, Tables, finish)
    sections = msgspec.structs.asdict(tables) | {"sources": sources, "bearers": bearers, "profile": role}
    sections.pop("duty")
    sections["trust"] = tables.trust.filled_in(tables.brokers)
    return Config(**sections)


def _check_bearers(file: TomlFile, tables: Tables, bearers: dict[str, BearerSettings]) -> None:
    taken: dict[str, str] = {}
    for name, settings in bearers.items():
        keys, by = ("bearers", name), settings.sends_by
        if problem := misnamed(name):
            file.problem(keys, problem)
        if problem := _has_no_room(tables.unit, settings):
            file.problem(keys, problem)
        if by and (problem := _cannot_send(by, tables.sources)):
            file.problem(keys, problem)
        elif by in taken:
            file.problem(keys, f"source {by} is bearer {taken[by]}'s; what it brings can be one's only")
        taken |= {by: name} if by else {}


def _has_no_room(unit: UnitSection, settings: BearerSettings) -> str:
    if not fits(unit.realm, unit.unit):
        most = f"realm and unit may have {MOST_NAME_LETTERS} characters together"
        return f"an alarm has no room for {unit.realm} and {unit.unit}; {most}"
    needed = alarm_bytes(unit.realm, unit.unit)
    return "" if needed <= settings.takes_bytes else f"takes {settings.takes_bytes} bytes, and an alarm has {needed}"


def _cannot_send(source: str, sources: dict[str, dict[str, Any]]) -> str:
    if source not in sources:
        return f"{source} is no source; {nearest(source, sources)}"
    able = registry.MESSAGING
    is_able = sources[source].get("driver") in able
    return "" if is_able else f"source {source} sends no messages; name one whose driver is {', '.join(sorted(able))}"


def _profile(file: TomlFile, section: DutySection) -> Profile:
    if section.profile is None:
        return PLAIN
    try:
        return profile.load(section.profile)
    except ConfigError as error:
        file.problem(("duty", "profile"), str(error))
        return PLAIN


def _check_alarms(file: TomlFile, alarms: AlarmRules) -> None:
    if alarms.not_confirmed_after_s > alarms.use_the_radio_after_s:
        file.problem(("alarms", "use_the_radio_after_s"), "expected no less than not_confirmed_after_s")
    flags = [path for path, leaf in vss.LEAVES.items() if leaf == vss.BOOLEAN]
    for path in alarms.vehicle_events:
        if path not in flags:
            hint = vss.nearest(path, flags)
            file.problem(("alarms", "vehicle_events"), f"{path!r} is no VSS signal that is true or false; {hint}")


def _check_workshop(file: TomlFile, workshop: WorkshopRules) -> None:
    # Never the value: somebody may have written the PIN itself.
    if workshop.pin and not pin.is_verifier(workshop.pin):
        file.problem(("workshop", "pin"), "expected what `patrola config pin` prints; the PIN itself stands nowhere")


def _uids(users: Iterable[str]) -> set[int]:
    found = set()
    for user in users:
        try:
            found.add(int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid)
        except KeyError:
            continue
    return found
