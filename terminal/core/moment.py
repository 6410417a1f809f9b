"""What a pure step may know of the world outside: the time, who we are, and where fresh identities come from."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from terminal.contract.messages import Who


class Moment(Struct, frozen=True):
    """One turn of the loop; `utc_ms` is None while no clock is trusted."""

    mono_ns: int
    utc_ms: int | None
    boot: str
    who: Who
    new_id: Callable[[], str]
    new_incident: Callable[[], str]

    @property
    def mono_ms(self) -> int:
        """Milliseconds since boot."""
        return self.mono_ns // 1_000_000

    def envelope(self) -> dict[str, Any]:
        """The fields that every message carries, with a fresh id."""
        return {
            "id": self.new_id(),
            "who": self.who,
            "utc_ms": self.utc_ms,
            "boot": self.boot,
            "mono_ms": self.mono_ms,
        }
