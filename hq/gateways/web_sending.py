"""Sends SMS through a gateway's HTTP interface: one POST a message, in a thread of its own, in bounded time."""

import asyncio
import http.client
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from hal.errors import PatrolaError
from hq import webhook
from hq.gateways.intake import Reply
from hq.gateways.web import read_token
from hq.ways import Webhook
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
        read_token(rules.token)
        self._way = Webhook(url=rules.url, token_file=rules.token)
        self._within_s = rules.within_s

    def reply_to(self, number: str, *, is_text: bool) -> Reply:
        """The way back to this number, in the form in which it wrote."""

        async def reply(capsule: bytes) -> None:
            content = {"text": as_text(capsule)} if is_text else {"data": b64encode(capsule).decode()}
            await asyncio.to_thread(self._post, msgspec.json.encode({"to": number} | content))

        return reply

    def _post(self, body: bytes) -> None:
        try:
            webhook.post(self._way, body, self._within_s)
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = f"it took nothing: {error or type(error).__name__}"
            raise PatrolaError(SOURCE, problem, "check url and token in [sms.sending]") from error
