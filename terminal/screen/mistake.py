"""Saying that an alarm was a mistake: two taps in two places within the time of SOS, both about one alarm. Pure."""

from msgspec import Struct

from terminal.screen.sos import Arming, Sos


class Mistake(Struct, frozen=True):
    """Which alarm the first tap was about, and when."""

    incident: str = ""
    taps: Sos = Sos()

    def is_half_said(self, incident: str, now_ns: int) -> bool:
        """Whether a tap in the second place says it of this alarm now."""
        return self.incident == incident and self.taps.arming(now_ns) is Arming.ARMED
