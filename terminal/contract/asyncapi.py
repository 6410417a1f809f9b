"""Writes the contract down as an AsyncAPI 3 document, from the same types that the code uses.

`python -m terminal.contract.asyncapi > docs/contract.json` renews the file that stands in the project.
"""

import json
import sys
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct

from terminal.contract import messages, topics, work
from terminal.contract.signed import Signed

CHANNELS: dict[str, tuple[str, str, str, tuple[type[Struct], ...]]] = {
    "alarm": ("up", topics.Lane.ALARM, "Emergencies of a car, one message each.", messages.Alarm.__args__),
    "event": ("up", topics.Lane.EVENT, "What else happened in a car, one message each.", messages.Event.__args__),
    "track": ("up", topics.Lane.TRACK, "Where a car was, in batches.", (messages.TrackBatch,)),
    "presence": ("up", topics.PRESENCE, "A car's line is up, or (as its Will) has gone.", (messages.Presence,)),
    "receipt": ("down", topics.RECEIPT, "What headquarters has on its disk.", (messages.Receipt,)),
    "state": ("down", topics.STATE, "What the car is to show, repeated until confirmed.", (messages.DesiredState,)),
    "heartbeat": ("down", topics.HEARTBEAT, "Headquarters is storing; a desk is attended.", (messages.Heartbeat,)),
    "certificate": ("down", topics.CERTIFICATE, "Headquarters' certificate.", (messages.Certificate,)),
    "picture": ("down", topics.PICTURE, "Who is near and who needs help; the newest wins.", (work.Picture,)),
}
"""Channel to (direction, last part of its topic, what it carries, its messages)."""

SIGNED = ("alarm", "receipt", "state", "heartbeat", "picture")
"""Channels whose messages come wrapped in `Signed` where the parties have certificates."""

DESCRIPTION = (
    "What a car's terminal and headquarters say to each other over MQTT 5 at QoS 1. Only a receipt empties the car's "
    "outbox; a PUBACK is no delivery. Where the parties have certificates, alarms and all that headquarters states are "
    "signed, and travel in the body of Signed. Unknown fields are ignored by the reader. Times are Unix milliseconds "
    "of UTC."
)


def document() -> dict[str, Any]:
    """The contract as an AsyncAPI 3.1.0 document."""
    kinds = [kind for *_, kinds in CHANNELS.values() for kind in kinds] + [Signed]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Patrola: car and headquarters",
            "version": str(messages.VERSION),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name, *channel) for name, channel in CHANNELS.items()},
        "operations": {name: _operation(name, channel[0]) for name, channel in CHANNELS.items()},
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in kinds},
            "schemas": {name: _with_plain_texts(schema) for name, schema in schemas.items()},
        },
    }


def _with_plain_texts(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its description as it reads, whatever indentation this Python keeps in a docstring."""
    text = schema.get("description")
    return schema | {"description": cleandoc(text)} if isinstance(text, str) else schema


def _channel(name: str, direction: str, what: str, description: str, kinds: tuple[type[Struct], ...]) -> dict[str, Any]:
    kinds = (*kinds, Signed) if name in SIGNED else kinds
    make = topics.up if direction == "up" else topics.down
    return {
        "address": make("{realm}", "{unit}", what),
        "description": description,
        "parameters": {
            "realm": {"description": "The directorate: the unit of sharing and of separation; A-Z 0-9 _ -"},
            "unit": {"description": "The car's unit, the name in its certificate; A-Z 0-9 _ -"},
        },
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds},
        "bindings": {"mqtt": {}},
    }


def _operation(name: str, direction: str) -> dict[str, Any]:
    """From the car's point of view, whose terminal this document describes."""
    return {
        "action": "send" if direction == "up" else "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "bindings": {"mqtt": {"qos": 1, "retain": False}},
    }


def _message(kind: type[Struct]) -> dict[str, Any]:
    packed = kind is messages.TrackBatch
    return {
        "name": kind.__name__,
        "summary": (kind.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/vnd.msgpack" if packed else "application/json",
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }


def text() -> str:
    """The document as it stands in the project."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
