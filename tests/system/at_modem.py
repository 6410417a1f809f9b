"""A modem at the wire: the AT commands that ModemManager's generic plugin speaks, on an abstract socket.

3GPP TS 27.007 and 27.005; messages are the PDUs of 23.040.
"""

import contextlib
import socket
import threading

MODEM_SAYS = {
    "AT+GCAP": "+GCAP: +CGSM",
    "AT+CGMI": "Patrola",
    "AT+CGMM": "AT modem",
    "AT+CGMR": "1",
    "AT+CGSN": "490154203237518",
    "AT+CIMI": "001010123456789",
    "AT+CREG=?": "+CREG: (0-2)",
    "AT+CGREG=?": "+CGREG: (0-2)",
    "AT+CEREG=?": "+CEREG: (0-2)",
    "AT+CSQ": "+CSQ: 20,99",
    "AT+COPS?": '+COPS: 0,0,"TheOperator",7',
    "AT+CMGF=?": "+CMGF: (0,1)",
    "AT+CPMS=?": '+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")',
    "AT+CPMS?": '+CPMS: "SM",0,20,"SM",0,20,"SM",0,20',
    "AT+CSCS=?": '+CSCS: ("IRA","GSM","UCS2")',
    "AT+CSCS?": '+CSCS: "IRA"',
    "AT+CFUN?": "+CFUN: 1",
    "AT+WS46=?": "+WS46: (12,22,25,28,29,30,31)",
    "AT+CNMI=?": "+CNMI: (0-2),(0-2),(0),(0),(0)",
}
UNKNOWN = ("AT+CRSM", "AT+CSIM", "AT$", "AT^", "AT*", "AT%", "AT#", "AT!", "AT+CUSD=?", "AT+CNUM", "AT+CCLK", "AT+CCID")
HOME, SEARCHING, LTE = 1, 2, 7
CTRL_Z = b"\x1a"


class AtModem:
    """One modem with a SIM of so many messages; `sent` are the PDUs that the network took."""

    def __init__(self, name: str, pin: str = "READY") -> None:
        self.sent: list[str] = []
        self.stored: dict[int, str] = {}
        self.network = HOME
        self._pin = pin
        self._lines: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(f"\0{name}")
        self._server.listen()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Unplug it."""
        for end in (self._server, *self._lines):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        for end in (self._server, *self._lines):
            end.close()

    def deliver(self, place: int, pdu: str) -> None:
        """A message comes over the air and stands on the SIM."""
        self.stored[place] = pdu
        self._say(f'+CMTI: "SM",{place}')

    def move(self, network: int) -> None:
        """Into a dead zone, and out of it."""
        self.network = network
        for what in ("CREG", "CGREG", "CEREG"):
            self._say(f"+{what}: {self._where()}")

    def _where(self) -> str:
        return f'{HOME},"00C8","0000C0DE",{LTE}' if self.network == HOME else str(self.network)

    def _say(self, unasked: str) -> None:
        for line in self._lines:
            # ModemManager opens its ports again and again.
            with contextlib.suppress(OSError):
                line.sendall(f"\r\n{unasked}\r\n".encode())

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            self._lines.append(line)
            self._threads.append(threading.Thread(target=self._serve, args=(line,)))
            self._threads[-1].start()

    def _serve(self, line: socket.socket) -> None:
        came, end = b"", b"\r"
        while chunk := _received(line):
            came += chunk
            while end in came:
                said, came = came.split(end, 1)
                command = said.decode().strip()
                if end == CTRL_Z:
                    self.sent.append(command)
                    answer, end = f"\r\n+CMGS: 1\r\n{_OK}", b"\r"
                elif command.startswith("AT+CMGS="):
                    answer, end = "\r\n> ", CTRL_Z
                else:
                    answer = self._answer(command) if command else ""
                with contextlib.suppress(OSError):
                    line.sendall(answer.encode())

    def _answer(self, command: str) -> str:
        if command in MODEM_SAYS:
            return f"\r\n{MODEM_SAYS[command]}\r\n{_OK}"
        if command in ("AT+CREG?", "AT+CGREG?", "AT+CEREG?"):
            return f"\r\n{command[2:-1]}: 2,{self._where()}\r\n{_OK}"
        if command == "AT+CPIN?":
            return f"\r\n+CPIN: {self._pin}\r\n{_OK}"
        if command.startswith("AT+CPMS="):
            return f"\r\n+CPMS: 0,20,0,20,0,20\r\n{_OK}"
        if command.startswith("AT+CMGL"):
            return "".join(f"\r\n+CMGL: {place},1,,{_length(pdu)}\r\n{pdu}" for place, pdu in self.stored.items()) + _OK
        if command.startswith("AT+CMGR="):
            pdu = self.stored.get(int(command[8:]))
            return f"\r\n+CMGR: 0,,{_length(pdu)}\r\n{pdu}\r\n{_OK}" if pdu else _ERROR
        if command.startswith("AT+CMGD="):
            self.stored.pop(int(command[8:].split(",")[0]), None)
            return _OK
        return _ERROR if command.startswith(UNKNOWN) else _OK


_OK, _ERROR = "\r\nOK\r\n", "\r\nERROR\r\n"


def _length(pdu: str) -> int:
    """Of the PDU without the service centre's address, in octets (27.005, section 3.1)."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(4096)
    except OSError:
        return b""


def delivered(number: str, data: bytes) -> str:
    """The PDU of 8-bit data from this number (23.040, section 9.2.2.1), without a service centre."""
    digits = number.lstrip("+")
    swapped = "".join(second + first for first, second in zip(digits[::2], f"{digits}F"[1::2], strict=True))
    when = "62116220000080"
    return f"0004{len(digits):02X}91{swapped}0004{when}{len(data):02X}{data.hex().upper()}"


def submitted(pdu: str) -> tuple[str, int, bytes]:
    """Number, coding and user data of what was sent (23.040, section 9.2.2.2), without a validity period."""
    octets = bytes.fromhex(pdu)
    at = 1 + octets[0] + 2
    count = octets[at]
    packed = octets[at + 2 : at + 2 + (count + 1) // 2]
    number = "".join(f"{octet & 15:X}{octet >> 4:X}" for octet in packed)[:count]
    coding, data = octets[at + 3 + len(packed)], octets[at + 5 + len(packed) :]
    return f"+{number}", coding, data
