"""What a command, a webhook or an e-mail is told of an alarm that nobody has taken. Pure."""

from msgspec import Struct

from hq.incidents import Incident


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One waiting alarm; no crew's names. The same `id` tells the same step again, after a failure or a crash."""

    id: str
    text: str
    incident: str
    realm: str
    unit: str
    call_sign: str
    vehicle: str
    kind: str
    trigger: str
    silent: bool
    cancelled: bool
    signals: int
    raised_ms: int
    waited_s: int
    late_s: int | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    position_ms: int | None = None
    vehicle_event: str = ""
    also_by: tuple[str, ...] = ()


def notice(incident: Incident, step: str, waited_s: int) -> Notice:
    """The notice of this incident for one step."""
    position = incident.position
    return Notice(
        id=f"{incident.incident}/{step}/{incident.since.wall_ms if incident.since else 0}",
        text=_text(incident, waited_s),
        incident=incident.incident,
        realm=incident.realm,
        unit=incident.unit,
        call_sign=incident.who.call_sign,
        vehicle=incident.who.vehicle,
        kind=str(incident.kind),
        trigger=str(incident.trigger),
        silent=incident.silent,
        cancelled=incident.cancelled,
        signals=incident.signals,
        raised_ms=incident.raised_ms,
        waited_s=waited_s,
        late_s=incident.late_s,
        lat_deg=None if position is None else position.lat_deg,
        lon_deg=None if position is None else position.lon_deg,
        position_ms=incident.position_ms,
        vehicle_event=incident.vehicle_event,
        also_by=incident.also_by,
    )


def _text(incident: Incident, waited_s: int) -> str:
    who = f"{incident.unit} ({incident.who.call_sign})" if incident.who.call_sign else incident.unit
    again = f", {incident.signals} presses" if incident.signals > 1 else ""
    silent = "; SILENT: do not call the crew" if incident.silent else ""
    return f"Alarm of {who}{again}: nobody has taken it for {waited_s} s{silent}"
