"""What `patrola doctor` says of one thing that it tried."""

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was tried; `result` is ok, warn or fail."""

    what: str
    result: str
    found: str
    remedy: str = ""
