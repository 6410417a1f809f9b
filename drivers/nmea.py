"""From the bytes of an NMEA 0183 receiver to one `Fix` per epoch; pure.

An epoch is all the sentences of one moment. It ends when a sentence of another time begins the next one, or at once
with the type of sentence that has been seen to be the last of this receiver's epochs, as gpsd does it.
"""

import logging
from collections import Counter
from datetime import date

from drivers.nmea_epochs import Epochs
from drivers.nmea_framing import Framing
from drivers.nmea_sentence import parse
from hal.errors import BadInput
from hal.readings import Fix

log = logging.getLogger(__name__)

MOST_KINDS = 30
"""So many kinds of bad input are told apart: noise must not fill the memory."""


class NmeaReader:
    """One receiver's stream; what cannot be believed is counted in `bad`, and logged at 1, 10, 100, ... times."""

    def __init__(self, source: str, not_before: date | None = None) -> None:
        self._source = source
        self._framing = Framing()
        self._epochs = Epochs(source, not_before)
        self.sentences = 0
        self.bad: Counter[str] = Counter()

    def feed(self, chunk: bytes, mono_ns: int) -> list[Fix]:
        """The fixes that this chunk completes."""
        return self._fixes(self._framing.feed(chunk), mono_ns)

    def finish(self, mono_ns: int) -> list[Fix]:
        """The fix that the end of a recording completes."""
        return [*self._fixes(self._framing.finish(), mono_ns), *self._epochs.close(mono_ns)]

    def _fixes(self, lines: list[str], mono_ns: int) -> list[Fix]:
        found: list[Fix] = []
        for line in lines:
            try:
                facts = parse(line)
            except BadInput as error:
                self.count_bad(str(error))
                continue
            if facts is not None:
                self.sentences += 1
                for problem in facts.problems:
                    self.count_bad(problem)
                found += self._epochs.add(facts, mono_ns)
        return found

    def count_bad(self, problem: str) -> None:
        """Count something that cannot be believed; it is logged when its count reaches a power of ten.

        Without the sentence: a damaged one still says where the car is.
        """
        kind = problem.split(":")[0] if len(self.bad) < MOST_KINDS else "more that cannot be believed"
        self.bad[kind] += 1
        if str(self.bad[kind]).strip("0") == "1":
            log.warning("%s: %s (%d so far)", self._source, problem, self.bad[kind])

    def log_totals(self) -> None:
        """One line at the end of a recording or of a connection."""
        log.info("%s: %d sentences used, %d bad", self._source, self.sentences, self.bad.total())
