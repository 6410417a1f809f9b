"""SMS as gateways give and take them, in the form in which their car writes. Pure."""

from terminal.contract.sms_text import as_text, from_text

TEXT, DATA = "text", "data"


def capsule(data: bytes, text: str) -> bytes:
    """The capsule in an SMS of data or text; raises Malformed."""
    return data or from_text(text.strip())


def address(number: str, *, is_text: bool) -> str:
    """To where an SMS from this number is answered."""
    return f"{TEXT if is_text else DATA}:{number}"


def content(to: str, capsule: bytes) -> tuple[str, bytes | str]:
    """The number behind an address, and what is sent there."""
    form, _, number = to.partition(":")
    return number, as_text(capsule) if form == TEXT else capsule
