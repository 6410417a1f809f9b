"""`patrola hq`: serve, and what a dispatcher does from a terminal.

Exit codes: 0 done, 1 headquarters said no, 2 used wrongly or headquarters is not there.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hal.errors import PatrolaError
from hq import calls, dispatch_command, verify
from hq import config as hq_config
from hq.api import RINGING
from hq.dispatch import INCIDENTS_LISTED
from hq.marks import Mark
from hq.service import Service
from terminal.contract.messages import AlarmKind
from terminal.contract.systemd import Watchdog, notify_ready
from terminal.contract.topics import MQTT

SAID_NO = 1
CALL = "\a"
"""The terminal's bell: each alarm but a test rings, and again until somebody takes it."""
LATE_S = 30
"""An alarm that came so long after its press is not news, and its position is old."""
AMBER, PLAIN = "\x1b[33m", "\x1b[0m"


COUNTED = frozenset(("messages-stored",))
"""Events for programs: there are so many of them that a person would not see an alarm among them."""


class HqMissing(PatrolaError, ConnectionError):
    """No headquarters listens there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola hq`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    serve = _action(actions, "serve", "receive, store, receipt; runs until it is stopped")
    serve.set_defaults(json=False)
    watch = _action(actions, "watch", "follow what happens; a watched headquarters counts as attended", json_too=True)
    watch.add_argument("--by", default="", metavar="NAME", help="your name: to whom alarms were shown is then logged")
    ack = _action(actions, "ack", "take an alarm: the car then shows your name")
    clear = _action(actions, "clear", "end an alarm, with a reason")
    for one in (ack, clear):
        one.add_argument("alarm", metavar="ALARM", help="the incident's id, or how it begins")
        one.add_argument("--by", required=True, metavar="NAME", help="your name, as the crew is to see it")
    clear.add_argument("--reason", required=True, metavar="TEXT", help="why it is over")
    seen = "how many presses you know of; default: those that whoever took it knew of, or all. One more, and it stays"
    clear.add_argument("--presses", type=int, dest="signals", metavar="N", help=seen)
    _action(actions, "units", "cars that were heard, and how they are", json_too=True)
    listed = _action(actions, "incidents", "the newest incidents and how they were answered", json_too=True)
    listed.add_argument("--unit", metavar="UNIT", help="of one car, as UNIT or REALM/UNIT")
    listed.add_argument("--most", type=int, metavar="N", help=f"how many; default and most {INCIDENTS_LISTED}")
    _action(actions, "gaps", "messages that are missing although the car sent later ones", json_too=True)
    verify.add_arguments(
        _action(actions, "verify", "walk the audit log and name the first entry that was changed, lost or added"),
        _action(actions, "log", "the audit log: who saw and did what", json_too=True),
    )
    dispatch_command.add_arguments(actions, _action)
    _action(actions, "new-epoch", "after restoring a backup: have all cars send again what they still hold")


def _action(actions: Any, name: str, summary: str, *, json_too: bool = False) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary + ".")
    default = Path("/etc/patrola/hq.toml")
    parser.add_argument("--config", type=Path, default=default, metavar="FILE", help=f"hq.toml; default {default}")
    if json_too:
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one action."""
    if args.action in ("verify", "log"):
        return _read_log(args)
    config = hq_config.load(args.config)
    if args.action == "serve":
        asyncio.run(_serve(config))
        return 0
    if args.action == "watch":
        return _watch(config.socket, args.by, as_json=args.json)
    if args.action in ("units", "incidents", "gaps"):
        which = {key: getattr(args, key) for key in ("unit", "most") if getattr(args, key, None) is not None}
        return _show(_ask(config.socket, {"do": args.action} | which), args.action, as_json=args.json)
    if args.action in dispatch_command.ACTIONS:
        return _dispatch(config.socket, args)
    said = {key: getattr(args, key, None) for key in ("alarm", "by", "reason", "signals")}
    question = {"do": args.action} | {key: value for key, value in said.items() if value is not None}
    return _tell(_ask(config.socket, question))


async def _serve(config: hq_config.Config) -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(Service(config).run(_ready))
    feeding = asyncio.create_task(_feed(Watchdog(loop.time)))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    feeding.cancel()


def _ready() -> None:
    print("patrola-hq: ready", file=sys.stderr, flush=True)
    notify_ready()


async def _feed(watchdog: Watchdog) -> None:
    """A loop that does not turn says nothing, and systemd starts headquarters again."""
    while watchdog.period_s:
        watchdog.turned()
        await asyncio.sleep(watchdog.period_s)


def _lines(path: Path, question: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as api:
        try:
            api.connect(str(path))
        except OSError as error:
            raise HqMissing(str(path), f"headquarters does not answer: {error}", "is `patrola hq serve` up?") from error
        api.sendall(json.dumps(question).encode() + b"\n")
        with api.makefile() as lines:
            for line in lines:
                yield json.loads(line)


def _ask(path: Path, question: dict[str, Any]) -> dict[str, Any]:
    for answer in _lines(path, question):
        return answer
    raise HqMissing(str(path), "headquarters closed the line without an answer", "see its log")


def _tell(answer: dict[str, Any]) -> int:
    if not answer["ok"]:
        print(f"patrola hq: {answer['error']}", file=sys.stderr)
        return SAID_NO
    print(json.dumps({key: value for key, value in answer.items() if key != "ok"}, ensure_ascii=False))
    return 0


def _show(answer: dict[str, Any], what: str, *, as_json: bool) -> int:
    if not answer["ok"]:
        return _tell(answer)
    deaf_ms = answer.get("deaf_since_ms")
    if deaf_ms is not None and not as_json:
        since = datetime.fromtimestamp(deaf_ms / 1000, UTC).strftime("%H:%M:%SZ")
        print(f"HEADQUARTERS ITSELF HEARS NOTHING since {since}: cars are shown as they were then")
    for one in answer[what]:
        print(json.dumps(one, ensure_ascii=False) if as_json else _summary(one, what))
    return 0


def _dispatch(path: Path, args: argparse.Namespace) -> int:
    question = dispatch_command.question(args)
    answers = [_ask(path, question)]
    if args.action == "message" and question["do"] == "orders":
        answers.append(_ask(path, question | {"do": "told"}))
    for answer in answers:
        if not answer["ok"]:
            return _tell(answer)
        for one, line in dispatch_command.lines(answer, args.action):
            print(json.dumps(one, ensure_ascii=False) if getattr(args, "json", False) else _said(line))
    return 0


def _summary(one: dict[str, Any], what: str) -> str:
    if what == "units":
        signs = "" if one["signs"] else ", unsigned"
        how = f"{_there(one):38} {_said(one['duty']) or '-':16} {_proof(one)} waiting {one['pending']}{signs}"
        return f"{one['realm']:8} {one['unit']:12} {how}"
    if what == "gaps":
        run = f"{one['first']} to {one['last']} of {_said(one['outbox'])}"
        return f"{one['realm']:8} {one['unit']:12} {one['lane']:6} {run}"
    raised = datetime.fromtimestamp(one["raised_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    taken = f"taken by {one['acknowledged_by']}" if one["acknowledged_by"] else "NOT TAKEN"
    taken += ", PRESSED AGAIN" if one["acknowledged_by"] and one["untaken"] else ""
    end = f"cleared by {one['cleared_by']}: {one['reason']}" if one["cleared_by"] else taken
    how = f"{_how(one)} {_said(end)}{_bearers(one)}{_stored(one)}{_signature(one)}"
    return f"{one['incident']} {raised} {one['unit']}{how}"


def _said(words: str) -> str:
    """What a car or a person wrote, so that it moves nothing on a terminal and is no line of its own."""
    return "".join(one if one.isprintable() else "?" for one in words)


def _how(incident: dict[str, Any]) -> str:
    """What nobody who answers it may overlook; "" for one press of a real, loud alarm."""
    kind = "" if incident["kind"] == "real" else f" {incident['kind'].upper()}"
    kind += " SILENT, do not call the crew;" if incident["silent"] else ""
    kind += f" {incident['signals']} presses;" if incident["signals"] > 1 else ""
    kind += f" pressed {incident['late_s']} s before;" if (incident["late_s"] or 0) >= LATE_S else ""
    first = incident["vehicle_event"] or incident["trigger"]
    kind += "".join(f" {words};" for words in calls.in_words((first, *incident["also_by"])))
    return kind + (" cancelled by the crew;" if incident["cancelled"] else "")


def _bearers(incident: dict[str, Any]) -> str:
    """By what it came, where that is not a broker alone."""
    bearers = incident["bearers"]
    return f"; by {' and '.join(bearers)}" if set(bearers) - {MQTT} else ""


def _stored(incident: dict[str, Any]) -> str:
    """Whether headquarters would lose it now, and the car's receipt waits."""
    return "" if incident.get("stored", True) else "; NOT STORED, the disk of headquarters refuses it"


THERE = {
    "": "OFFLINE, not heard since start",
    "planned": "off since {}, as it said",
    "dead-zone": "in a known dead zone since {}",
    "unknown": "SILENT since {}: LOOK",
}


def _there(unit: dict[str, Any]) -> str:
    if unit["online"]:
        return "online"
    since_ms = unit["silent_since_ms"]
    since = "" if since_ms is None else datetime.fromtimestamp(since_ms / 1000, UTC).strftime("%H:%M:%SZ")
    return THERE[unit["silence"]].format(since)


def _signature(incident: dict[str, Any]) -> str:
    """What there is to doubt of an incident; "" for one that its car has signed, or that nobody can check."""
    mark, doubted = incident["signature"], incident["doubted"]
    doubt = "" if mark in (Mark.VERIFIED, Mark.UNCHECKED) else f"; SIGNATURE {mark.upper()}"
    return doubt + (f"; {doubted} messages about it were not proved to be the car's" if doubted else "")


def _read_log(args: argparse.Namespace) -> int:
    path = args.store or hq_config.load(args.config).store
    if args.action == "verify":
        return verify.verify(path, args.from_seq, args.head)
    return verify.show(path, args.from_seq, as_json=args.json)


def _proof(one: dict[str, Any]) -> str:
    at = "-"
    if one["proved_ms"] is not None:
        at = datetime.fromtimestamp(one["proved_ms"] / 1000, UTC).strftime("%m-%d %H:%MZ")
    text = f"alarm {'proved' if one['proved'] else 'NOT PROVED':10} {at:12}"
    return text if one["proved"] or not sys.stdout.isatty() else f"{AMBER}{text}{PLAIN}"


def _bell(alarm: dict[str, Any]) -> str:
    """What calls a person; headquarters ends a test by itself."""
    return CALL if alarm["kind"] != AlarmKind.TEST and sys.stdout.isatty() else ""


def _watch(path: Path, by: str, *, as_json: bool) -> int:
    for event in _lines(path, {"do": "watch", "by": by}):
        if not event.get("ok", True):
            return _tell(event)
        if as_json:
            print(json.dumps(event, ensure_ascii=False), flush=True)
        elif "incidents" in event:
            for one in event["incidents"]:
                print(f"{_bell(one) if one['untaken'] else ''}{_summary(one, 'incidents')}", flush=True)
        elif "event" in event and event["event"] not in COUNTED:
            at = datetime.fromtimestamp(event["t"], UTC).strftime("%H:%M:%S")
            call = _bell(event) if event["event"] in RINGING else ""
            rest = " ".join(f"{key}={value}" for key, value in event.items() if key not in ("t", "where", "event"))
            print(f"{call}{at} {event['event']} {_said(rest)}", flush=True)
    print("patrola hq: headquarters closed the line", file=sys.stderr)
    return SAID_NO
