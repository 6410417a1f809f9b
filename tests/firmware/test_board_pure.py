"""The firmware's own tests, which run on a board, in MicroPython on a PC, and here; `unittest` is micropython-lib's."""

import unittest

from firmware import frame, lamp, latch, reporter
from firmware.inputs import BUTTON, CUT, NORMAL, Inputs

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock() -> None:
        """CPython's memory cannot be locked."""

    def heap_unlock() -> None:
        """As above."""


class Frames(unittest.TestCase):
    def test_crc_is_the_published_one(self) -> None:
        self.assertEqual(frame.crc16(b"123456789"), 0x29B1)

    def test_a_frame_comes_back_however_it_is_cut_up(self) -> None:
        line = frame.encode("PRESS", "C0FFEE01", 4294967295, 12)
        for size in range(1, len(line) + 1):
            reader = frame.LineReader()
            found = []
            for start in range(0, len(line), size):
                found += reader.feed(line[start : start + size])
            self.assertEqual(found, [("PRESS", ["C0FFEE01", "4294967295", "12"])])

    def test_every_wrong_bit_is_found(self) -> None:
        line = frame.encode("STORED", "C0FFEE01", 7)
        for place in range(len(line) - 1):
            for bit in range(8):
                broken = line[:place] + bytes([line[place] ^ 1 << bit]) + line[place + 1 :]
                self.assertFalse(("STORED", ["C0FFEE01", "7"]) in frame.LineReader().feed(broken))

    def test_bytes_that_are_no_text_are_no_frame(self) -> None:
        reader = frame.LineReader()
        body = b"LAMP \xff\xfe"
        self.assertEqual(reader.feed(b"$" + body + ("*%04X\n" % frame.crc16(body)).encode()), [])
        self.assertEqual(reader.feed(bytes(range(256)) * 4), [])
        self.assertEqual(reader.feed(frame.encode("ASK")), [("ASK", [])])


class Levels(unittest.TestCase):
    def press(self, samples: int) -> Inputs:
        made = Inputs(0)
        for at in range(samples):
            made.sample(BUTTON, 2 * at + 2)
        return made

    def test_a_press_counts_after_its_time(self) -> None:
        self.assertEqual(self.press(7).on, 0)
        self.assertEqual(self.press(8).on, BUTTON)

    def test_edges_are_numbered_and_timed(self) -> None:
        made = self.press(8)
        self.assertEqual(made.log.count, 1)
        self.assertEqual(made.log.edge(1), (0, 1, 16))

    def test_a_cut_wire_is_told(self) -> None:
        made = Inputs(0)
        for at in range(0, 600, 2):
            made.sample(CUT, at)
        self.assertEqual(made.health, "cut")

    def test_looking_at_the_inputs_allocates_nothing(self) -> None:
        made = Inputs(0)
        made.sample(BUTTON, 0)
        heap_lock()
        try:
            for at in range(2, 3000, 2):
                made.sample(BUTTON if at % 400 < 200 else NORMAL, at)
        finally:
            heap_unlock()
        self.assertTrue(made.log.count > 5)


class Latched(unittest.TestCase):
    def test_a_record_comes_back(self) -> None:
        before = latch.Latch(0xFFFFFFFF, flags=latch.SILENT)
        for _ in range(3):
            before.press()
        before.stored(2)
        after = latch.from_record(before.record())
        assert after is not None
        self.assertEqual((after.boot_nonce, after.numbers(), after.flags), (0xFFFFFFFF, [1, 3], latch.SILENT))
        self.assertEqual(len(before.record()), latch.SIZE)

    def test_what_is_no_record_is_none(self) -> None:
        for record in (None, b"", bytes(16), b"\xff" * 16, b"x" * 17):
            self.assertTrue(latch.from_record(record) is None)

    def test_more_presses_than_it_holds_join_the_newest(self) -> None:
        made = latch.Latch(1)
        self.assertEqual([made.press() for _ in range(6)], [1, 2, 3, 4, 4, 4])


class Shown(unittest.TestCase):
    def test_the_lamp_is_dark_before_the_press_is_kept(self) -> None:
        made = lamp.Lamp(0)
        self.assertEqual(made.choose(False, False, False, False, 0), 0)
        self.assertEqual(made.choose(True, False, False, False, 1), lamp.LAMP | lamp.BUZZER)
        self.assertEqual(made.choose(True, False, False, True, 2), 0)


class Said(unittest.TestCase):
    def test_a_press_is_said_until_it_is_stored(self) -> None:
        held = latch.Latch(0xC0FFEE01)
        board = reporter.Reporter(("B-1", "1", "x", "power"), Inputs(0), held, 0)
        held.press()
        board.changed()
        list(board.due(5))
        board.changed()
        first, *_ = board.due(10)
        self.assertEqual(first.count(b"$PRESS C0FFEE01 1 10*"), 2)
        self.assertTrue(b"$PRESS" in b"".join(board.due(300)))
        for _ in range(2):
            board.hear("STORED", ["C0FFEE01", "1"], 301)
        self.assertFalse(b"$PRESS" in b"".join(board.due(600)))


if __name__ == "__main__":
    unittest.main()
