"""The mobile network between a car's modem and an SMS gateway at headquarters, carried by the test."""

import contextlib
import http.client
import json
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.system.modem_bench import ModemBench

CAR, HQ = "+38640111222", "+38640999888"
TOKEN = "a-token-that-nobody-guesses"
WITHIN_S = 30.0


class Network:
    """What the car's modem sends is posted to headquarters' gateway; what headquarters posts is held for the test.

    `copies` is how often each SMS arrives.
    """

    def __init__(self, modem: ModemBench | None, hq_port: int) -> None:
        self._modem = modem
        self._hq_port = hq_port
        self.copies = 1
        self.answers: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self._carried = 0
        self._stop = threading.Event()
        network = self

        class Sending(BaseHTTPRequestHandler):
            """The gateway's own interface, by which headquarters sends."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
                if allowed:
                    network.answers.append(body)
                self.send_response(204 if allowed else 401)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Sending)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}),
            threading.Thread(target=self._carry_up),
        ]

    @property
    def url(self) -> str:
        """Where headquarters sends."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/send"

    def __enter__(self) -> "Network":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    def _carry_up(self) -> None:
        while not self._stop.wait(0.05):
            for _number, data, text in self._modem.sent()[self._carried :] if self._modem is not None else ():
                self._carried += 1
                for _ in range(self.copies):
                    # Headquarters may have ended: a network loses what nobody takes.
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        self.statuses.append(self.post(came(data, text)))

    def post(self, body: dict[str, str] | bytes, token: str = TOKEN, path: str = "/sms", how: str = "POST") -> int:
        """A call of headquarters' gateway; the status of its answer."""
        line = http.client.HTTPConnection("127.0.0.1", self._hq_port, timeout=WITHIN_S)
        try:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            line.request(how, path, content, {"Authorization": f"Bearer {token}"})
            return line.getresponse().status
        finally:
            line.close()

    @contextlib.contextmanager
    def line(self, said: bytes) -> Iterator[None]:
        """A client of headquarters' gateway who says this and stays."""
        with socket.create_connection(("127.0.0.1", self._hq_port), WITHIN_S) as line:
            with contextlib.suppress(OSError):
                line.sendall(said)
            yield

    def deliver(self, answer: dict[str, Any]) -> None:
        """An answer of headquarters', as the car's modem gets it."""
        assert answer["to"] == CAR
        assert self._modem is not None
        self._modem.deliver(HQ, b64decode(answer.get("data", "")), answer.get("text", ""))


def came(data: bytes, text: str = "") -> dict[str, str]:
    """As the gateway tells of an SMS of the car."""
    return {"from": CAR} | ({"data": b64encode(data).decode()} if data else {"text": text})
