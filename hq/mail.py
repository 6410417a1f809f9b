"""`python -m hq.mail`: sends one notice by SMTP, read with its settings from standard input; 0 once it was taken."""

import smtplib
import ssl
import sys
from email.message import EmailMessage
from email.utils import formatdate

import msgspec

from hq.notice import Notice
from hq.ways import Encryption, Mail, read

TIMEOUT_S = 10.0
"""Of one answer from the network; headquarters ends the whole after its own time."""


def message(mail: Mail, notice: Notice) -> EmailMessage:
    """The notice as a mail; the same notice again has the same Message-ID."""
    told = EmailMessage()
    told["From"] = mail.sender
    told["To"] = ", ".join(mail.to)
    told["Subject"] = _on_one_line(notice.text)
    told["Date"] = formatdate(localtime=False)
    told["Message-ID"] = f"<{notice.id.replace('/', '.')}@patrola>"
    told["X-Priority"] = "1"
    fields = msgspec.to_builtins(notice)
    told.set_content("".join(f"{name}: {_on_one_line(value)}\n" for name, value in fields.items() if name != "id"))
    return told


def _on_one_line(value: object) -> str:
    """A car says its own names: a break in one must neither keep the mail back nor pretend to be another field."""
    return " ".join(str(value).split())


def send(mail: Mail, notice: Notice) -> None:
    """Hand it to the server; raises OSError (SMTPException is one) if nobody got it. Of some it is said who did not."""
    context = None if mail.encryption is Encryption.NONE else ssl.create_default_context(cafile=mail.ca)
    with _server(mail, context) as server:
        if mail.encryption is Encryption.STARTTLS:
            server.starttls(context=context)
        if mail.password_file is not None:
            server.login(mail.user, mail.password_file.read_text().strip())
        refused = server.send_message(message(mail, notice))
    if refused:
        print(f"{mail.host} refused {', '.join(refused)}; the others have it", file=sys.stderr)


def _server(mail: Mail, context: ssl.SSLContext | None) -> smtplib.SMTP:
    if mail.encryption is Encryption.TLS:
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_S)


def main() -> int:
    """0 once it was taken; otherwise the reason is on standard error."""
    mail, notice = read(sys.stdin.buffer.read(), Mail)
    try:
        send(mail, msgspec.json.decode(notice, type=Notice))
    except (OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
