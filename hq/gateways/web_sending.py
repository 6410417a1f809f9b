"""Sends SMS through a gateway's HTTP interface: one POST a message, in a thread of its own, in bounded time."""

import asyncio
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from hal.errors import PatrolaError
from hq.gateways.intake import Reply
from hq.gateways.web import read_token
from terminal.contract.sms_text import as_text

SOURCE = "sms gateway"


class Calling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway is called, with the token that stands in this file."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://")]
    token: Path
    within_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0


class WebSending:
    """One gateway; {"to": number, "data": base64} or {"to": number, "text": text}."""

    def __init__(self, rules: Calling) -> None:
        self._rules = rules
        self._token = read_token(rules.token).decode("ascii", "replace")

    def reply_to(self, number: str, *, is_text: bool) -> Reply:
        """The way back to this number, in the form in which it wrote."""

        async def reply(capsule: bytes) -> None:
            content = {"text": as_text(capsule)} if is_text else {"data": b64encode(capsule).decode()}
            await asyncio.to_thread(self._post, msgspec.json.encode({"to": number} | content))

        return reply

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(self._rules.url, body, headers)  # noqa: S310 - the pattern allows HTTP only
        try:
            with urllib.request.urlopen(request, timeout=self._rules.within_s):  # noqa: S310
                pass
        except urllib.error.HTTPError as error:
            error.close()
            raise PatrolaError(SOURCE, f"it answered {error.code}", "check url and token in [sms.sending]") from error
        except (OSError, ValueError) as error:
            raise PatrolaError(SOURCE, f"it cannot be reached: {error}", "check url in [sms.sending]") from error
