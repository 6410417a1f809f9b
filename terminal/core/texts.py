"""Texts from headquarters and to it. Pure."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from terminal.contract.messages import TextSent
from terminal.contract.work import Text
from terminal.core.channels import MOST_TEXTS_SHOWN
from terminal.shown import SentView


class Outgoing(Struct, frozen=True):
    """A text of this crew, and whether headquarters has stored it."""

    message_id: str
    text: str
    code: str = ""
    utc_ms: int | None = None
    received: bool = False


class Texts(Struct, frozen=True):
    """Headquarters' texts as it told them last, which of them the crew has read since, and the crew's own."""

    told: tuple[Text, ...] = ()
    read: tuple[str, ...] = ()
    sent: tuple[Outgoing, ...] = ()


def desired(texts: Texts, told: tuple[Text, ...]) -> Texts:
    """What headquarters names now; what the crew has read stays read until headquarters says so too."""
    unread_there = {text.text_id for text in told if not text.read}
    return replace(texts, told=told, read=tuple(one for one in texts.read if one in unread_there))


def read(texts: Texts, text_id: str) -> Texts | None:
    """The texts once the crew has read this one; None when that is nothing new."""
    unread = any(text.text_id == text_id and not text.read for text in texts.told)
    return replace(texts, read=(*texts.read, text_id)) if unread and text_id not in texts.read else None


def sent(texts: Texts, message: TextSent) -> Texts:
    """The texts with one more of the crew's own."""
    new = Outgoing(message.id, message.text, message.code, message.utc_ms)
    return replace(texts, sent=(*texts.sent[1 - MOST_TEXTS_SHOWN :], new))


def received(texts: Texts, ids: Collection[str]) -> Texts:
    """The texts once headquarters has stored these messages."""
    if not any(one.message_id in ids and not one.received for one in texts.sent):
        return texts
    return replace(
        texts, sent=tuple(replace(one, received=one.received or one.message_id in ids) for one in texts.sent)
    )


def unreceived(texts: Texts) -> Texts:
    """The texts while none of the crew's own is known to be at headquarters."""
    return replace(texts, sent=tuple(replace(one, received=False) for one in texts.sent))


def told_view(texts: Texts) -> tuple[Text, ...]:
    """Headquarters' texts, those that the crew has read as read."""
    return tuple(replace(text, read=text.read or text.text_id in texts.read) for text in texts.told)


def sent_view(texts: Texts) -> tuple[SentView, ...]:
    """The crew's own texts, and whether headquarters has them."""
    return tuple(SentView(text=one.text, code=one.code, utc_ms=one.utc_ms, received=one.received) for one in texts.sent)
