"""The one-line frames between the I/O board and core; runs unchanged under MicroPython and CPython.

    line     = "$" word *( " " field ) "*" crc LF          at most 128 bytes with its LF
    word     = 1*( "A".."Z" )
    field    = 1*( printable ASCII but " ", "$" and "*" )
    crc      = 4 upper-case hex digits: CRC-16/CCITT-FALSE of what stands between "$" and "*"

    board -> core
      HELLO frame_version board_id boot_nonce firmware_version git_hash reset_cause
                                                              twice, after power-up and in answer to ASK
      STATE boot_nonce health latched board_ms inputs edges   every 200 ms, at every change, in answer to ASK
      PRESS boot_nonce number board_ms                        twice, at a press, and again every 200 ms until STORED
      EDGE boot_nonce edge input level board_ms               each time an input changes, and in answer to LOG
      TEST boot_nonce item result value                       the self-test; ends with the item "all"
    core -> board
      STORED boot_nonce number                                that press is on disk; again until it is let go of
      LAMP rung                                               what the button's lamp is to show; again with each BEAT
      SET loudness cycle_after_s                              again with each BEAT
      BEAT                                                    core is alive; every second
      ASK                                                     say HELLO and STATE
      LOG boot_nonce edge                                     say the edges from this one on
      TEST                                                    test yourself
      SERVICE                                                 stop, and give the line to MicroPython's prompt

    boot_nonce = 8 upper-case hex digits, new at every boot of the board that finds no press latched
    number, edge, board_ms = decimal; presses and edges are counted from 1 under every nonce; edges wrap at 2**16 and
               board_ms, the time since the board's start, at 2**30 (12.4 days); a nonce ends before its presses wrap
    health   = "ok" / "cut" / "short" / "stuck" / "implausible"
    latched  = "-" / number *( "," number )                   presses not stored yet, the oldest first
    inputs   = 3 hex digits, a bit for each of INPUTS, the button being bit 0
    level    = "0" / "1"
    loudness = "loud" / "silent"                              silent: neither lamp nor buzzer, whatever happens
    cycle_after_s = decimal; a terminal dead for so long has its supply switched off and on; 0: never
    reset_cause = "power" / "watchdog" / "other"
    result   = "ok" / "fail" / "info"

A "$" always starts a line anew, a LF always ends it, and a line whose CRC is wrong was never sent: the sender of
everything that matters repeats it. One corrupted line in 65,536 has a CRC that is right by chance. So what would do
harm is believed only when it has come twice: an identity by two HELLO, a press by two frames that name it, STORED, SET
and SERVICE by two of the same. PRESS and STATE carry the boot nonce because a HELLO may be lost, and a press counted
under the wrong boot would be taken for an old one.

HELLO and its frame_version keep their place in every version to come.
"""

FRAME_VERSION = 2

LONGEST = 128
"""Bytes of the longest line, its LF included."""

INPUTS = (
    "button",
    "lightbar",
    "siren",
    "alley_left",
    "alley_right",
    "takedown",
    "door",
    "trunk",
    "weapon_lock",
    "ignition",
    "spare",
)

MOST_LATCHED = 4
"""Presses that a board holds by number; with more a STATE could outgrow its line, so a further one joins the newest."""

EDGES = 1 << 16
TIME = 1 << 30
"""Where the edge counter and the board's clock wrap."""

START, END = 0x24, 0x2A
_START, _LF = b"$", b"\n"


def _crc_of_byte(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
    return crc & 0xFFFF


_CRC = tuple([_crc_of_byte(byte) for byte in range(256)])


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected; 0x29B1 for b"123456789"."""
    crc, table = 0xFFFF, _CRC
    for byte in data:
        crc = ((crc & 0xFF) << 8) ^ table[(crc >> 8) ^ byte]
    return crc


def encode(word: str, *fields: object) -> bytes:
    """One line; ValueError when it would not come back the same or is too long."""
    body = " ".join([word] + [str(field) for field in fields]).encode()
    line = b"$" + body + ("*%04X\n" % crc16(body)).encode()
    if len(line) > LONGEST or decode(line[1:-1]) != (word, [str(field) for field in fields]):
        raise ValueError("no frame can carry %r" % ((word,) + fields,))  # noqa: RUF005 - as above
    return line


def decode(line: bytes) -> "tuple[str, list[str]] | None":
    """Word and fields of what stood between "$" and LF, or None when that was no frame."""
    if len(line) < 6 or line[-5] != END:
        return None
    body = line[:-5]
    if line[-4:] != ("%04X" % crc16(body)).encode() or not _is_plain(body):
        return None
    words = body.decode().split(" ")
    if "" in words or not _is_word(words[0]):
        return None
    return words[0], words[1:]


def _is_plain(body: bytes) -> bool:
    return all(0x20 <= byte <= 0x7E and byte not in (START, END) for byte in body)


def _is_word(word: str) -> bool:
    return all("A" <= letter <= "Z" for letter in word)


class LineReader:
    """Finds the frames in what a serial line brings, however it is cut up; what is no frame is counted in `bad`."""

    def __init__(self) -> None:
        self.bad = 0
        self._line: "bytes | None" = None

    def feed(self, data: bytes) -> "list[tuple[str, list[str]]]":
        """The frames that these bytes complete."""
        frames: "list[tuple[str, list[str]]]" = []
        ended = data.split(_LF)
        rest = ended.pop()
        for part in ended:
            self._add(part)
            if self._line is not None:
                frame = decode(self._line)
                self._line = None
                if frame is None:
                    self.bad += 1
                else:
                    frames.append(frame)
        self._add(rest)
        return frames

    def _add(self, part: bytes) -> None:
        start = part.rfind(_START)
        if start >= 0:
            self.bad += part.count(_START) - (self._line is None)
            self._line = part[start + 1 :]
        elif self._line is not None:
            self._line += part
        if self._line is not None and len(self._line) > LONGEST - 2:
            self._line = None
            self.bad += 1


class Twice:
    """Believes what is said twice in a row."""

    def __init__(self) -> None:
        self._last: object = None

    def heard(self, what: object) -> bool:
        """Whether this is what was heard the last time."""
        same = what == self._last
        self._last = what
        return same
