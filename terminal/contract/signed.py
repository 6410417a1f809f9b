"""The wrapper in which a signed message travels: its body byte for byte, whose key it was, and the signature. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from terminal.contract.messages import decode_as

KEY_BYTES = 8
SIGNATURE_BYTES = 64
CAPSULE = "patrola/1/sms"
"""The context of capsules, which name their unit in their own body; that of other messages is their topic."""


class Signed(Struct, frozen=True, kw_only=True):
    """A message and who signed it: ECDSA P-256 over the topic, a line feed and the body, base64url without padding.

    `key` are the first 8 bytes of the SHA-256 of the signer's public key, `signature` is r and s of 32 bytes each
    (RFC 7518, section 3.4).
    """

    body: Raw
    key: str
    signature: str


class Parted(Struct, frozen=True):
    """A payload in its parts; the signature is empty for one that is not signed, the key for one that names none."""

    body: bytes
    key: bytes = b""
    signature: bytes = b""


class _Looked(Struct, frozen=True):
    body: Raw | UnsetType = UNSET
    key: str | UnsetType = UNSET
    signature: str | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode


def signing_input(context: str, body: bytes) -> bytes:
    """What is signed: the context, so that a message cannot be taken for another unit's or another lane's."""
    return context.encode() + b"\n" + body


def wrapped(body: bytes, key: bytes, signature: bytes) -> bytes:
    """The payload of a signed message."""
    return _encode(Signed(body=Raw(body), key=in_text(key), signature=in_text(signature)))


def parted(payload: bytes) -> Parted:
    """A payload in its parts, whether it is signed or bare; raises Malformed."""
    looked = decode_as(_Looked, payload)
    if isinstance(looked.body, UnsetType) or isinstance(looked.signature, UnsetType):
        return Parted(payload)
    key = "" if isinstance(looked.key, UnsetType) else looked.key
    return Parted(bytes(looked.body), _bytes(key, KEY_BYTES), _bytes(looked.signature, SIGNATURE_BYTES))


def in_text(value: bytes) -> str:
    """A key or a signature as it stands in JSON: base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str, length: int) -> bytes:
    """So many bytes; zeros, which no key and no signature are, for what cannot be read."""
    try:
        value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        value = b""
    return value if len(value) == length and in_text(value) == text else bytes(length)
