"""`patrola hq job|message|withdraw|picture|roster`: what a dispatcher sends and sees without a web desk."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from getpass import getpass
from typing import Any

from terminal.contract.work import Priority

PRIORITIES = tuple(one.value for one in Priority)
ACTIONS = ("job", "message", "withdraw", "picture", "roster")

AddAction = Callable[..., argparse.ArgumentParser]
Question = dict[str, Any]


def add_arguments(actions: Any, action: AddAction) -> None:
    """The options of these actions."""
    job = action(actions, "job", "send a job to a car; without --title, list jobs and answers", json_too=True)
    message = action(actions, "message", "send a text to a car; without --text, list texts both ways", json_too=True)
    for one in (job, message):
        one.add_argument("unit", nargs="?", default="", metavar="UNIT", help="the car, or REALM/UNIT; none: all cars")
        one.add_argument("--text", default="", help="what the crew reads")
        one.add_argument("--by", default="", metavar="NAME", help="your name, as the crew is to see it")
        one.add_argument("--priority", choices=PRIORITIES, default=PRIORITIES[0], help=f"default: {PRIORITIES[0]}")
    job.add_argument("--title", default="", help="what is to be done, in a few words")
    job.add_argument("--place", default="", help="where, in words")
    job.add_argument("--lat", type=float, metavar="DEG", help="where, WGS 84")
    job.add_argument("--lon", type=float, metavar="DEG")
    withdraw = action(actions, "withdraw", "take a job or text back", json_too=True)
    withdraw.add_argument("order", metavar="ID", help="its id, or how it begins")
    withdraw.add_argument("--by", required=True, metavar="NAME", help="your name")
    picture = action(actions, "picture", "what a car is shown of the others", json_too=True)
    picture.add_argument("unit", metavar="UNIT", help="the car, or REALM/UNIT")
    roster = action(actions, "roster", "who may be crew in a directorate", json_too=True)
    roster.add_argument("realm", metavar="REALM")
    roster.add_argument("--add", metavar="BADGE", default="", help="someone new, or with another name or PIN")
    roster.add_argument("--name", default="", help="as the screen shows it")
    roster.add_argument("--pin", action="store_true", help="ask for a PIN, which the car will ask for too")
    roster.add_argument("--drop", metavar="BADGE", default="", help="nobody any more")


def question(args: argparse.Namespace) -> Question:
    """What to ask headquarters."""
    match args.action:
        case "job" if args.title:
            return {"do": "job", "unit": args.unit, "asked": _asked(args, "title", "place", "lat", "lon")}
        case "message" if args.text:
            return {"do": "message", "unit": args.unit, "asked": _asked(args)}
        case "job" | "message":
            return {"do": "orders", "unit": args.unit}
        case "withdraw":
            return {"do": "withdraw", "order": args.order, "by": args.by}
        case "picture":
            return {"do": "picture", "unit": args.unit}
    return _roster(args)


def _asked(args: argparse.Namespace, *more: str) -> dict[str, Any]:
    names = {"lat": "lat_deg", "lon": "lon_deg"}
    asked = {names.get(key, key): getattr(args, key) for key in ("by", "text", "priority", *more)}
    return {key: value for key, value in asked.items() if value is not None}


def _roster(args: argparse.Namespace) -> Question:
    if args.drop:
        return {"do": "officer", "realm": args.realm, "badge": args.drop, "drop": True}
    if args.add:
        pin = getpass("PIN: ") if args.pin else ""
        return {"do": "officer", "realm": args.realm, "badge": args.add, "name": args.name, "pin": pin}
    return {"do": "roster", "realm": args.realm}


def lines(answer: dict[str, Any], action: str) -> list[tuple[dict[str, Any], str]]:
    """What is in an answer, each thing with a line for people."""
    if "orders" in answer:
        kind = "job" if action == "job" else "text"
        return [(one, order(one)) for one in answer["orders"] if one.get(kind)]
    if "told" in answer:
        return [(one, told(one)) for one in answer["told"]]
    if "picture" in answer:
        shown = answer["picture"]
        return [(one, alarm(one)) for one in shown.get("alarms", ())] + [
            (one, unit(one)) for one in shown.get("units", ())
        ]
    if "roster" in answer:
        return [(one, f"{one['badge']:12} {one['name']:24} {'PIN' if one['pin'] else ''}") for one in answer["roster"]]
    return [(answer, answer.get("order", {}).get("id", "") or answer.get("badge", ""))]


def order(one: dict[str, Any]) -> str:
    """A job or text in a line."""
    job, text = one.get("job"), one.get("text", {})
    if job:
        state = f"withdrawn by {one['withdrawn_by']}" if one.get("withdrawn_by") else job.get("step", "sent")
        reason = f" ({job['reason']})" if job.get("reason") else ""
        return f"{one['id']} {at(job.get('sent_ms', 0))} {one['unit']} {state}{reason}: {job['title']}"
    read = "read" if text.get("read") else "not read"
    return f"{one['id']} {at(text.get('sent_ms', 0))} to {one['unit']}, {read}: {text['text']}"


def told(one: dict[str, Any]) -> str:
    """A crew's word in a line."""
    rest = {
        key: value
        for key, value in one.items()
        if key in ("text", "code", "form", "answers", "badge", "aboard", "checked", "odometer_km", "fuel_percent")
    }
    facts = " ".join(f"{key}={value}" for key, value in rest.items() if value not in ("", None))
    return f"{at(one['received_ms'])} from {one['unit']} {one['type']} {facts}"


def alarm(one: dict[str, Any]) -> str:
    """An alarm of the picture in a line."""
    return f"ALARM {one['unit']} {one.get('call_sign', '')} {place(one)}"


def unit(one: dict[str, Any]) -> str:
    """A patrol of the picture in a line."""
    return f"{one['unit']:12} {'online' if one.get('online') else 'OFFLINE':8} {one.get('duty', ''):16} {place(one)}"


def place(one: dict[str, Any]) -> str:
    """A position, or that there is none."""
    return f"{one['lat_deg']:.4f} {one['lon_deg']:.4f}" if one.get("lat_deg") is not None else "no position"


def at(utc_ms: int) -> str:
    """A time of headquarters' clock."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
