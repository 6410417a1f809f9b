"""From raw CAN frames to readings, whatever brought the frames: decode, count what cannot be used, report it seldom."""

import logging
from collections import Counter
from collections.abc import Callable

from hal.errors import BadInput
from hal.readings import SignalValue, VehicleSignals

log = logging.getLogger(__name__)

EXTENDED = 0x80000000
"""SocketCAN's flag for a 29-bit id; a frame's key is its id with this flag."""

FrameDecoder = Callable[[bytes], dict[str, SignalValue]]


class Decoder:
    """Knows which frames matter and what they say, by the frame's key; `signals` are all that they may say."""

    def __init__(self, by_key: dict[int, FrameDecoder], signals: frozenset[str] = frozenset()) -> None:
        self.by_key = by_key
        self.signals = signals

    @property
    def keys(self) -> frozenset[int]:
        """The keys of all frames that matter."""
        return frozenset(self.by_key)

    def decode(self, arbitration_id: int, extended: bool, data: bytes) -> dict[str, SignalValue] | None:
        """Signal values of one frame, None for an id that is not mapped; BadInput for a frame that cannot be right."""
        return self.decode_key(arbitration_id | EXTENDED if extended else arbitration_id, data)

    def decode_key(self, key: int, data: bytes) -> dict[str, SignalValue] | None:
        """As `decode`, by the frame's key."""
        frame_decoder = self.by_key.get(key)
        return None if frame_decoder is None else frame_decoder(data)


class FrameReader:
    """Makes one source's frames into readings; what it cannot use is counted, and logged at 1, 10, 100, ... times."""

    def __init__(self, source: str, decoder: Decoder) -> None:
        self._source = source
        self._decoders = decoder.by_key
        self.decoded = 0
        self.unmapped: Counter[int] = Counter()
        self.bad: Counter[str] = Counter()

    def reading(self, key: int, data: bytes, mono_ns: int, t: float | None) -> VehicleSignals | None:
        """What one frame says, or None when it says nothing of use."""
        frame_decoder = self._decoders.get(key)
        if frame_decoder is None:
            self.unmapped[key] += 1
            return None
        try:
            signals = frame_decoder(data)
        except BadInput as error:
            self.count_bad(f"{frame_name(key)} {error}")
            return None
        self.decoded += 1
        return VehicleSignals(source=self._source, mono_ns=mono_ns, t=t, signals=signals) if signals else None

    def count_bad(self, problem: str, times: int = 1, example: str = "") -> None:
        """Count something that cannot be used; it is logged when its count reaches a power of ten."""
        before = self.bad[problem]
        self.bad[problem] = after = before + times
        if not before or len(str(after)) > len(str(before)):
            shown = f", here {example}" if example else ""
            log.warning("%s: %s (%d so far%s)", self._source, problem, after, shown)

    def log_totals(self) -> None:
        """One line at the end of a recording or of a connection."""
        log.info(
            "%s: %d frames decoded, %d not mapped (%d ids), %d bad",
            self._source,
            self.decoded,
            self.unmapped.total(),
            len(self.unmapped),
            self.bad.total(),
        )
        if self.unmapped and not self.decoded:
            log.warning("%s: none of its ids is mapped; is it the right map for this car?", self._source)


def frame_name(key: int) -> str:
    """A frame's id as candump writes it."""
    return f"{key & ~EXTENDED:08X}" if key & EXTENDED else f"{key:03X}"
