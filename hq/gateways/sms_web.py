"""An SMS gateway's HTTP calls: POST with a token, a capsule in JSON; 204 once it is on disk. Answers are POSTs to it.

One small request a connection and nothing else, so that it can stand behind whatever the gateway's operator has.
"""

import asyncio
import contextlib
import hmac
from base64 import b64decode, b64encode
from http.client import HTTPException
from pathlib import Path
from typing import Annotated

import h11
import msgspec
from msgspec import Struct

from hal.errors import ConfigError, PatrolaError
from hq import sms, webhook
from hq.gateway import Emit, GatewaySettings, Take
from hq.ways import Webhook
from terminal.contract.durable import DiskFailed
from terminal.contract.messages import Malformed, decode_as

MOST_HEAD_BYTES = 8192
MOST_BODY_BYTES = 4096
MOST_CLIENTS = 32
CHUNK_BYTES = 4096
LEAST_TOKEN_LETTERS = 16


class Sending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway is called, with the token that stands in this file."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://")]
    token: Path
    within_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0


class Settings(GatewaySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gateway calls, with the token that stands in this file; behind TLS of somebody else's.

    Without `sending` it takes no answers.
    """

    token: Path
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8460
    path: str = "/sms"
    within_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    sending: Sending | None = None

    @property
    def answers(self) -> bool:
        """Whether it is told how to."""
        return self.sending is not None


def build(name: str, settings: Settings, take: Take, _emit: Emit) -> "SmsWeb":
    """The gateway, which listens nowhere yet; raises ConfigError for a token that is none."""
    return SmsWeb(name, settings, take)


class Came(Struct, frozen=True, rename={"number": "from"}):
    """An SMS as the gateway tells it: 8-bit data in base64, or text."""

    number: str
    data: str = ""
    text: str = ""


class Refused(Exception):
    """A request that is not taken, with its HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class SmsWeb:
    """The listener, and the caller."""

    def __init__(self, name: str, rules: Settings, take: Take) -> None:
        self.name = name
        self._rules = rules
        self._given = take
        self._token = read_token(rules.token)
        if rules.sending is not None:
            read_token(rules.sending.token)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; raises ConfigError if that place is taken."""
        rules = self._rules
        try:
            self._server = await asyncio.start_server(self._serve, rules.host, rules.port)
        except OSError as error:
            raise ConfigError(
                f"gateways.{self.name}", f"cannot listen on {rules.host}:{rules.port}: {error}"
            ) from error

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def run(self) -> None:
        """Clients are served as they come; in the end let everyone go."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._server is not None:
                self._server.close()
            for task in list(self._clients):
                task.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def send(self, to: str, capsule: bytes) -> None:
        """{"to": number, "data": base64}, or "text" if that number wrote text; in a thread of its own."""
        number, content = sms.content(to, capsule)
        told = {"text": content} if isinstance(content, str) else {"data": b64encode(content).decode()}
        await asyncio.to_thread(self._post, msgspec.json.encode({"to": number} | told))

    def _post(self, body: bytes) -> None:
        sending = self._rules.sending
        assert sending is not None
        try:
            webhook.post(Webhook(url=sending.url, token_file=sending.token), body, sending.within_s)
        except (OSError, ValueError, HTTPException) as error:
            problem = f"it took nothing: {error or type(error).__name__}"
            raise PatrolaError(self.name, problem, f"check url and token in [gateways.{self.name}.sending]") from error

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(self._rules.within_s):
                    await self._converse(reader, writer)
        finally:
            self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)
        try:
            if len(self._clients) > MOST_CLIENTS:
                raise Refused(503, "too many at once")
            await self._take(await self._request(http, reader))
            status, reason = 204, ""
        except Refused as refused:
            status, reason = refused.status, refused.reason
        except h11.RemoteProtocolError as error:
            status, reason = error.error_status_hint, "this is no HTTP request that is understood here"
        with contextlib.suppress(h11.LocalProtocolError):
            writer.write(_answer(http, status, reason))
            await writer.drain()

    async def _request(self, http: h11.Connection, reader: asyncio.StreamReader) -> bytes:
        """The body of one authorised request."""
        head, body = None, b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(CHUNK_BYTES))
            elif isinstance(event, h11.Request):
                self._authorise(event)
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MOST_BODY_BYTES:
                    raise Refused(413, f"expected at most {MOST_BODY_BYTES} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return body
            else:
                raise Refused(400, "the request ended too early")

    def _authorise(self, request: h11.Request) -> None:
        shown = b"".join(value for name, value in request.headers if name == b"authorization")
        if not hmac.compare_digest(shown, b"Bearer " + self._token):
            raise Refused(401, "expected the token, as Authorization: Bearer ...")
        if request.target.decode("ascii", "replace") != self._rules.path:
            raise Refused(404, f"expected {self._rules.path}")
        if request.method != b"POST":
            raise Refused(405, "expected POST")

    async def _take(self, body: bytes) -> None:
        try:
            came = decode_as(Came, body)
            data = _data(came)
            await self._given(data, sms.address(came.number, is_text=not came.data))
        except Malformed as error:
            raise Refused(422, f"this is no capsule: {error}") from error
        except DiskFailed as error:
            raise Refused(503, "it cannot be stored now; send it again") from error


def _data(came: Came) -> bytes:
    try:
        data = b64decode(came.data, validate=True)
    except ValueError as error:
        raise Malformed("expected data in base64") from error
    return sms.capsule(data, came.text)


def _answer(http: h11.Connection, status: int, reason: str) -> bytes:
    body = reason.encode()
    headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close")]
    if status != 204:
        headers.append(("content-length", str(len(body))))
    sent = http.send(h11.Response(status_code=status, headers=headers)) or b""
    sent += (http.send(h11.Data(data=body)) or b"") if body else b""
    return sent + (http.send(h11.EndOfMessage()) or b"")


def read_token(path: Path) -> bytes:
    """What stands in this file; ConfigError if it cannot be read or is easily guessed."""
    try:
        token = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(str(path), f"the token cannot be read: {error}", "make it readable for patrola-hq") from error
    if len(token) < LEAST_TOKEN_LETTERS:
        remedy = "`openssl rand -hex 24` makes one"
        raise ConfigError(str(path), f"the token has fewer than {LEAST_TOKEN_LETTERS} characters", remedy)
    return token
