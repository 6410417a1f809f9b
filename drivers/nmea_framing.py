"""Cut NMEA sentences out of a byte stream, in whatever pieces it comes and whatever noise is between them; pure."""

import re

LONGEST = 1024
"""NMEA 0183 allows 82 characters, real receivers write some 140; what is longer is no sentence."""

SENTENCE = re.compile(rb"\$([\x20-\x23\x25-\x7e]{6,%d})[\r\n]" % LONGEST)
"""From a dollar sign to the end of its line, printable throughout."""


class Framing:
    """Keeps what has come of a sentence until the rest comes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The sentences that this chunk completes, from `$` on and without their line ends."""
        data = self._rest + chunk
        found = SENTENCE.findall(data)
        start = data.rfind(b"$")
        unfinished = start >= 0 and not SENTENCE.match(data, start) and len(data) - start <= LONGEST
        self._rest = data[start:] if unfinished else b""
        return ["$" + body.decode("ascii").rstrip() for body in found]

    def finish(self) -> list[str]:
        """The last sentence of a recording that ends without a line end."""
        return self.feed(b"\n")
