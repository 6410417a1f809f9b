"""`python -m hq.webhook`: posts one notice, read with its settings from standard input; 0 once it was taken."""

import http.client
import ssl
import sys
from urllib.parse import urlsplit

from hq.ways import Webhook, read

TIMEOUT_S = 10.0
"""Of one answer from the network; headquarters ends the whole after its own time."""


def post(webhook: Webhook, notice: bytes, timeout_s: float = TIMEOUT_S) -> None:
    """Post it; raises OSError, ValueError or HTTPException, also for an answer that is not 2xx.

    Redirections are not followed: they would take the token elsewhere.
    """
    url = urlsplit(webhook.url)
    connection = _connection(webhook, url.hostname or "", url.port, timeout_s, encrypted=url.scheme == "https")
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", target, notice, _headers(webhook))
        answer = connection.getresponse()
        if not 200 <= answer.status < 300:
            raise OSError(f"{url.hostname} answered {answer.status} {answer.reason}; expected 2xx")
    finally:
        connection.close()


def _connection(
    webhook: Webhook, host: str, port: int | None, timeout_s: float, *, encrypted: bool
) -> http.client.HTTPConnection:
    if not encrypted:
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    context = ssl.create_default_context(cafile=webhook.ca)
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)


def _headers(webhook: Webhook) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if webhook.token_file is not None:
        headers["Authorization"] = f"Bearer {webhook.token_file.read_text().strip()}"
    return headers


def main() -> int:
    """0 once it was taken; otherwise the reason is on standard error, without the token."""
    webhook, notice = read(sys.stdin.buffer.read(), Webhook)
    try:
        post(webhook, notice)
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
