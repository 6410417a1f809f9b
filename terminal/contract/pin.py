"""Verifiers of crews' PINs: headquarters makes them, a car checks against them without a line.

A PIN of a few digits can be tried through by whoever has the verifier, whatever the hash: it keeps one officer from
signing as another at the screen, and nothing more. So the cost is what a loop with an emergency in it can bear.
"""

import hashlib
import hmac
import secrets

SALT_BYTES = 16
COST = 1024
"""scrypt's N (RFC 7914): about 2 ms on a Raspberry Pi 4's core."""


def verifier(pin: str) -> str:
    """What is kept of a PIN."""
    salt = secrets.token_bytes(SALT_BYTES)
    return f"{salt.hex()}:{_hash(pin, salt).hex()}"


def fits(pin: str, verifier: str) -> bool:
    """Whether this is the PIN; a verifier that cannot be read fits none."""
    salt, _, kept = verifier.partition(":")
    try:
        return hmac.compare_digest(_hash(pin, bytes.fromhex(salt)), bytes.fromhex(kept))
    except ValueError:
        return False


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=COST, r=8, p=1, dklen=32)
