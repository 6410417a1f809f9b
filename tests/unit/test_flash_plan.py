"""Which port is the board's, what is written and in which order, what a result says; pure."""

import errno

import pytest

from hal.errors import SourceMissing, SourceRefused
from terminal.tools.flash_bar import bar
from terminal.tools.flash_find import MICROPYTHON, Port, choose, refusal
from terminal.tools.flash_image import BoardFile, Image, Manifest
from terminal.tools.flash_line import Item, Program
from terminal.tools.flash_plan import CURRENT, OnBoard, plan
from terminal.tools.flash_result import judge

IMAGE = Image(
    (BoardFile("firmware/a.mpy", b"M\x06a"), BoardFile("firmware/b.mpy", b"M\x06b")), BoardFile("main.py", b"x"), "1"
)
SUMS = IMAGE.sums.sha256
PICO = Port("/dev/serial/by-id/pico", MICROPYTHON)
BRIDGE = Port("/dev/ttyUSB0", (0x10C4, 0xEA60))
GNSS = Port("/dev/ttyACM3", (0x1546, 0x01A8))


def holding(folder: str, image: Image = IMAGE) -> dict[str, str]:
    return {f"{folder}/{file.path}": file.sha256 for file in (*image.files, image.sums)}


def test_the_only_pico_is_the_board() -> None:
    assert choose([GNSS, PICO, BRIDGE]) == PICO.device


def test_no_board_two_boards_and_a_bridge_are_told_apart() -> None:
    with pytest.raises(SourceMissing, match=r"no board was found; .*hold BOOTSEL.*--uf2 FILE"):
        choose([GNSS])
    with pytest.raises(SourceRefused, match=r"there are 2 boards; .*--port /dev/serial/by-id/pico or --port /dev/p"):
        choose([PICO, Port("/dev/p", MICROPYTHON)])
    with pytest.raises(SourceMissing, match=r"if one of these is an ESP32.*--port /dev/ttyUSB0 \(CP210x\)"):
        choose([GNSS, BRIDGE])


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "may not be opened by this user; add the user to the group dialout"),
        (errno.EBUSY, "in use by another program; systemctl stop patrola-core"),
        (errno.EAGAIN, "in use by another program"),
        (errno.ENOENT, "there is no serial port /dev/p"),
    ],
)
def test_what_keeps_a_port_shut_is_said_in_words(number: int, words: str) -> None:
    assert words in str(refusal("/dev/p", OSError(number, "?")))


def test_a_fresh_board_gets_its_sign_first_and_what_to_start_last() -> None:
    todo = plan(IMAGE, OnBoard({}))
    assert todo.loader_first
    assert [file.path for file in todo.files] == ["a/firmware/a.mpy", "a/firmware/b.mpy", "a/SHA256SUMS"]
    assert todo.writes[-1].path == CURRENT
    assert todo.writes[-1].data.decode() == f"a {SUMS}\n"


def test_a_board_that_runs_this_firmware_needs_nothing() -> None:
    held = {**holding("b"), "main.py": IMAGE.loader.sha256}
    assert plan(IMAGE, OnBoard(held, (("b", SUMS), ("a", "0")))).writes == ()


def test_the_folder_that_runs_is_never_written() -> None:
    held = {**holding("a"), "a/firmware/b.mpy": "rotten", "main.py": "older", "b/firmware/old.mpy": "1"}
    todo = plan(IMAGE, OnBoard(held, (("a", SUMS),)))
    assert todo.folder == "b"
    assert not any(file.path.startswith("a/") for file in todo.writes)
    assert todo.stale == ("b/firmware/old.mpy",)
    assert not todo.loader_first
    assert todo.current is not None
    assert todo.current.data.decode() == f"b {SUMS}\na {SUMS}\n"


def test_what_is_on_the_board_already_is_not_written_again() -> None:
    held = {"a/firmware/a.mpy": IMAGE.files[0].sha256, "main.py": IMAGE.loader.sha256}
    todo = plan(IMAGE, OnBoard(held))
    assert [file.path for file in todo.writes] == ["a/firmware/b.mpy", "a/SHA256SUMS", "current"]


def test_the_verdict_is_about_what_runs_and_what_it_found() -> None:
    wanted = Program("2", "B-1", "0.2.0", "abc")
    good = [Item("adc", "ok", "500"), Item("all", "ok", "0")]
    assert judge(wanted, wanted, good) == ("ok", "")
    assert judge(wanted, wanted._replace(git_hash="old"), good)[0] == "failed"
    verdict, remedy = judge(wanted, wanted, [Item("adc", "fail", "0"), Item("all", "fail", "1")])
    assert (verdict, remedy.split(";")[0]) == ("failed", "self-test: adc")


def test_the_sums_are_what_sha256sum_reads() -> None:
    assert IMAGE.sums.data.decode().splitlines()[0] == f"{IMAGE.files[0].sha256}  firmware/a.mpy"


def test_a_manifest_without_micropython_lib_names_what_it_lacks(tmp_path) -> None:
    (tmp_path / "manifest.py").write_text('require("unittest")\nmodule("main.py", base_path="boot")\n')
    read = Manifest(None)
    read.read(tmp_path / "manifest.py")
    assert read.missing == ["unittest"]
    assert read.files == {"main.py": tmp_path / "boot" / "main.py"}


def test_the_bar_fills_up() -> None:
    assert bar("a file", 0, 10) == f"[{'.' * 30}]   0% a file"
    assert bar("a file", 5, 10) == f"[{'#' * 15}{'.' * 15}]  50% a file"
    assert bar("restart", 1, 1) == f"[{'#' * 30}] 100% restart"
