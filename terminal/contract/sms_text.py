"""A capsule as text, for gateways that pass no 8-bit data: 124 bytes in 160 characters. Pure.

Only letters, digits and marks that are the same in ASCII and in GSM 7-bit (3GPP TS 23.038), and that no web form,
XML or quoting changes: 74 of them, the whole capsule as one number in that base. Base64 would need 168 characters.
"""

from math import log2

from terminal.contract.messages import Malformed

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!()*,-./:;=?"
BASE = len(DIGITS)
MOST_CHARACTERS = 160


def as_text(data: bytes) -> str:
    """These bytes in the fewest characters that tell their number too."""
    value, text = int.from_bytes(data), ""
    for _ in range(_characters(len(data))):
        value, digit = divmod(value, BASE)
        text = DIGITS[digit] + text
    return text


def from_text(text: str) -> bytes:
    """The bytes again; raises Malformed."""
    if not 0 < len(text) <= MOST_CHARACTERS:
        raise Malformed(f"expected 1 to {MOST_CHARACTERS} characters")
    size = int(len(text) * log2(BASE) / 8)
    value = 0
    for character in text:
        digit = DIGITS.find(character)
        if digit < 0:
            raise Malformed(f"expected only the {BASE} characters that stand for a digit")
        value = value * BASE + digit
    if _characters(size) != len(text) or value >> 8 * size:
        raise Malformed("expected as many characters as a number of bytes has")
    return value.to_bytes(size)


def _characters(size: int) -> int:
    count = 0
    while BASE**count < 256**size:
        count += 1
    return count
