"""A board as flashing sees it: MicroPython with littlefs on a bounded flash, the prompt's protocol, and main.py.

    micropython flash_device.py FILE        a JSON object: {"machine": ..., "flash": FILE, "told": FD, ...}

Real are MicroPython, littlefs, and whatever the board runs: its own main.py and firmware, `firmware.hardware` too.
Stood in for are the flash chip (a file; `cut` ends the power within so many writes, `rot` are bytes that it gives back
once, which satisfies littlefs, and then not any more), `machine`, and the raw prompt, which the unix port does not
have. Standard input and output are the line; on `told` go lines for whoever plays USB and the power supply.
"""

import io
import json
import os
import sys
import time

import vfs

BLOCK, PROGRAM = 4096, 256
with open(sys.argv[1]) as settings:
    given = json.load(settings)
real_exit = sys.exit
told = open(given["told"], "wb", 0)
line_in, line_out = sys.stdin.buffer, sys.stdout.buffer


def tell(what):
    told.write((what + "\n").encode())


def die(what):
    """Nothing happens any more; whoever plays the power supply ends this process."""
    tell(what)
    while True:
        time.sleep(60)


class Flash:
    """A block device on a file."""

    def __init__(self, path, blocks):
        try:
            self.file = open(path, "r+b", 0)
        except OSError:
            with open(path, "wb") as file:
                for _ in range(blocks):
                    file.write(b"\xff" * BLOCK)
            self.file = open(path, "r+b", 0)
        self.blocks = blocks
        self.until_cut = given.get("cut", -1)
        self.rot = bytes.fromhex(given["rot"]) if given.get("rot") else None

    def readblocks(self, block, buffer, offset=0):
        self.file.seek(block * BLOCK + offset)
        self.file.readinto(buffer)
        if self.rot and self.rot in bytes(buffer):
            self.file.seek(block * BLOCK + offset)
            self.file.write(bytes(buffer).replace(self.rot, bytes([self.rot[0] ^ 1]) + self.rot[1:]))
            if not given["worn"]:
                self.rot = None

    def writeblocks(self, block, buffer, offset=0):
        self.file.seek(block * BLOCK + offset)
        data = bytes(buffer)
        self.step(data)
        self.file.write(data)

    def step(self, data):
        tell("write")
        if self.until_cut == 0:
            self.file.write(data[: len(data) // 2])
            die("cut")
        self.until_cut -= 1

    def ioctl(self, what, argument):
        if what == 4:
            return self.blocks
        if what == 5:
            return BLOCK
        if what == 6:
            self.step(b"")
        return 0


class Registers:
    """Memory that outlives a reset."""

    def __init__(self, path):
        self.file = open(path, "r+b", 0)

    def __getitem__(self, address):
        self.file.seek(address & 0xFFF)
        return int.from_bytes(self.file.read(4), "little")

    def __setitem__(self, address, value):
        self.file.seek(address & 0xFFF)
        self.file.write((value & 0xFFFFFFFF).to_bytes(4, "little"))


class Pin:
    IN, OUT, PULL_UP = 0, 1, 2

    def __init__(self, number, mode=0, pull=0, value=None):
        self.number, self.level = number, int(number not in given["low"]) if value is None else value

    def value(self, level=None):
        if level is None:
            return self.level
        if level != self.level and self.number == given["lamp"]:
            tell("lamp %d" % level)
        self.level = int(level)
        return None


class Adc:
    def __init__(self, pin):
        self.permille = given["adc"].get(str(pin.number), 0)

    def read_u16(self):
        return self.permille * 65535 // 1000


class Watchdog:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Machine:
    Pin, ADC, WDT = Pin, Adc, Watchdog
    PWRON_RESET, WDT_RESET = 1, 3
    mem32 = Registers(given["scratch"])

    @staticmethod
    def reset_cause():
        return given["cause"]

    @staticmethod
    def unique_id():
        return bytes.fromhex(given["id"])

    @staticmethod
    def reset():
        die("reset")


class Esp32:
    class NVS:
        def __init__(self, namespace):
            self.memory = Machine.mem32

        def get_blob(self, key, buffer):
            if not self.memory[0]:
                raise OSError(-0x1102)
            for index in range(4):
                buffer[4 * index : 4 * index + 4] = self.memory[4 + 4 * index].to_bytes(4, "little")

        def set_blob(self, key, value):
            self.memory[0] = 1
            for index in range(4):
                self.memory[4 + 4 * index] = int.from_bytes(value[4 * index : 4 * index + 4], "little")

        def commit(self):
            pass


class Micropython:
    """The real one would let go of this PC's Ctrl-C."""

    @staticmethod
    def kbd_intr(character):
        tell("interrupt %d" % character)

    @staticmethod
    def const(value):
        return value


class System:
    """`sys` with another machine's name."""


class Implementation:
    name = "micropython"
    version = sys.implementation.version
    _machine = given["machine"]
    _mpy = given.get("mpy", sys.implementation._mpy)


def stand_in():
    system = System()
    for name in dir(sys):
        setattr(system, name, getattr(sys, name))
    system.implementation = Implementation
    sys.modules["sys"] = system
    sys.modules["machine"] = Machine
    sys.modules["micropython"] = Micropython
    if given["machine"].endswith("ESP32"):
        sys.modules["esp32"] = Esp32


def mount():
    flash = Flash(given["flash"], given["blocks"])
    vfs.umount("/")
    try:
        vfs.mount(vfs.VfsLfs2(flash, progsize=PROGRAM), "/")
    except OSError:
        vfs.VfsLfs2.mkfs(flash, progsize=PROGRAM)
        vfs.mount(vfs.VfsLfs2(flash, progsize=PROGRAM), "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]


def say(data):
    line_out.write(data)


def read(count=1):
    while True:
        try:
            data = line_in.read(count)
        except KeyboardInterrupt:
            continue
        if not data:
            real_exit(0)
        return data


def run(source):
    """What it prints goes out as it comes; then its error, if there is one."""
    wrong = io.StringIO()
    tell("interrupt 3")
    try:
        exec(source, scope)
    except KeyboardInterrupt:
        wrong.write("Traceback (most recent call last):\nKeyboardInterrupt: \n")
    except Exception as error:
        sys.print_exception(error, wrong)
    tell("interrupt -1")
    say(b"\x04" + wrong.getvalue().encode() + b"\x04")


def paste():
    """The raw-paste mode: after every `size` bytes 0x01 asks for as many more; 0x04 ends it on both sides."""
    size = window = 128
    say(b"R\x01" + size.to_bytes(2, "little"))
    source = b""
    while True:
        byte = read()
        if byte == b"\x04":
            say(b"\x04")
            return source
        source += byte
        window -= 1
        if window == 0:
            say(b"\x01")
            window = size


def raw():
    """The raw prompt, until Ctrl-B; "soft" for a Ctrl-D on an empty line."""
    say(b"raw REPL; CTRL-B to exit\r\n>")
    source = b""
    while True:
        byte = read()
        if byte == b"\x01":
            say(b"raw REPL; CTRL-B to exit\r\n>")
            source = b""
        elif byte == b"\x02":
            return "friendly"
        elif byte == b"\x03":
            source = b""
        elif byte == b"\x05" and not source:
            if read(2) == b"A\x01":
                tell("command")
                run(paste())
                say(b">")
        elif byte == b"\x04":
            if not source.strip():
                say(b"OK\r\nMPY: soft reboot\r\n")
                return "soft"
            tell("command")
            say(b"OK")
            run(source)
            say(b">")
            source = b""
        else:
            source += byte


def friendly():
    """The prompt for people, of which only the way to the raw one matters here."""
    say(b"\r\nMicroPython\r\n>>> ")
    while read() != b"\x01":
        pass


def main_program():
    tell("interrupt 3")
    try:
        with open("main.py") as file:
            source = file.read()
        exec(source, {"__name__": "__main__"})
    except OSError:
        pass
    except KeyboardInterrupt:
        say(b"KeyboardInterrupt: \r\n")
    except Exception as error:
        sys.print_exception(error)
    tell("interrupt -1")


scope = {"__name__": "__main__"}
stand_in()
mount()
tell("started")
main_program()
where = "friendly"
while True:
    if where == "friendly":
        friendly()
    where = raw()
    scope = {"__name__": "__main__"}
