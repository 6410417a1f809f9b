"""Verifiers of PINs: of crews', which headquarters makes and a car checks without a line, and of the technician's.

A PIN of a few digits can be tried through by whoever has the verifier, whatever the hash: it keeps one officer from
signing as another at the screen, and nothing more. So the cost is what a loop with an emergency in it can bear. The
technician's stands in a file and is checked beside the loop: it costs what a person hardly notices.
"""

import hashlib
import hmac
import re
import secrets

SALT_BYTES = 16
COST = 1024
"""scrypt's N (RFC 7914): about 2 ms on a Raspberry Pi 4's core."""
TECHNICIANS_COST = 16384
"""The most that hashlib's own bound of 32 MB lets be: 16 MB, and sixteen times as long."""
LEAST_DIGITS, MOST_DIGITS = 6, 12
"""Of a technician's PIN."""
VERIFIER = re.compile(r"[0-9a-f]{32}:[0-9a-f]{64}")


def verifier(pin: str, cost: int = COST) -> str:
    """What is kept of a PIN."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{salt.hex()}:{_hash(pin, salt, cost).hex()}"


def is_verifier(text: str) -> bool:
    """Whether this can be one; a PIN itself is none."""
    return VERIFIER.fullmatch(text) is not None


def is_technicians(pin: str) -> bool:
    """Whether this can be a technician's PIN: the screen has digits for it."""
    return pin.isascii() and pin.isdigit() and LEAST_DIGITS <= len(pin) <= MOST_DIGITS


def fits(pin: str, verifier: str, cost: int = COST) -> bool:
    """Whether this is the PIN; a verifier that cannot be read fits none."""
    salt, _, kept = verifier.partition(":")
    try:
        return hmac.compare_digest(_hash(pin, bytes.fromhex(salt), cost), bytes.fromhex(kept))
    except ValueError:
        return False


def _hash(pin: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=8, p=1, dklen=32)
