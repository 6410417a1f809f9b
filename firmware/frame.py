"""The one-line frames between the I/O board and core; runs unchanged under MicroPython and CPython.

    line     = "$" word *( " " field ) "*" crc LF          at most 96 bytes with its LF
    word     = 1*( "A".."Z" )
    field    = 1*( printable ASCII but " ", "$" and "*" )
    crc      = 4 upper-case hex digits: CRC-16/CCITT-FALSE of what stands between "$" and "*"

    board -> core
      HELLO board_id boot_nonce version                       after power-up and in answer to ASK
      STATE boot_nonce health latched board_ms inputs         every 500 ms, at every change, in answer to ASK
      PRESS boot_nonce number board_ms                        at a press, and again every 200 ms until STORED
    core -> board
      STORED boot_nonce number                                that press is on disk; again until it is let go of
      LAMP rung                                               what the button's lamp is to show; again with each BEAT
      BEAT                                                    core is alive; every second
      ASK                                                     say HELLO and STATE

    boot_nonce = 8 upper-case hex digits, new at every boot of the board
    number, board_ms = decimal; presses are counted from 1 at every boot, board_ms is the time since it
    health   = "ok" / "cut" / "short" / "stuck"
    latched  = "-" / number *( "," number )                   presses not stored yet, the oldest first
    inputs   = 2 hex digits, a bit for each of INPUTS, the button being bit 0

A "$" always starts a line anew, a LF always ends it, and a line whose CRC is wrong was never sent: the sender of
everything that matters repeats it. PRESS and STATE carry the boot nonce because a HELLO may be lost, and a press
counted under the wrong boot would be taken for an old one.
"""

LONGEST = 96
"""Bytes of the longest line, its LF included."""

INPUTS = ("button", "lightbar", "siren", "ignition")

START, END, LF = 0x24, 0x2A, 0x0A


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, not reflected; 0x29B1 for b"123456789"."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
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
    body, crc = line[:-5], line[-5:]
    if crc != ("*%04X" % crc16(body)).encode() or not _is_plain(body):
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
        self._line = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> "list[tuple[str, list[str]]]":
        """The frames that these bytes complete."""
        frames = []
        for byte in data:
            if byte == START:
                self._restart()
            elif self._inside and byte == LF:
                frame = decode(bytes(self._line))
                self._inside = False
                if frame is None:
                    self.bad += 1
                else:
                    frames.append(frame)
            elif self._inside:
                self._append(byte)
        return frames

    def _restart(self) -> None:
        if self._inside:
            self.bad += 1
        self._line = bytearray()
        self._inside = True

    def _append(self, byte: int) -> None:
        self._line.append(byte)
        if len(self._line) > LONGEST - 2:
            self._inside = False
            self.bad += 1
