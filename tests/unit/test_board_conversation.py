"""Core's side of the talk with the I/O board, frame by frame."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from drivers.board_conversation import ASK, BEAT, BoardState, Conversation
from drivers.io_board import SIGNALS_EVERY_NS, Settings, Told
from firmware import frame
from hal.errors import BadInput
from hal.readings import AnyReading, ButtonHealth, ButtonState, Press, VehicleSignals

ONE, TWO = Press("B-1", 0xA, 1), Press("B-1", 0xA, 2)
STORED_ONE = (frame.encode("STORED", "0000000A", 1),) * 2
SET = frame.encode("SET", "loud", 0)
PLAIN = Settings(device=Path("board"))
OFF = frame.encode("LAMP", "off")


def hello(conversation: Conversation, board_id: str = "B-1", nonce: str = "0000000A") -> tuple[bytes, ...]:
    fields = [str(frame.FRAME_VERSION), board_id, nonce, "1.0", "abc1234", "power"]
    conversation.heard("HELLO", fields)
    return conversation.heard("HELLO", fields).lines


def told_by(conversation: Conversation, *lines: str) -> tuple[Press, ...]:
    state = None
    for line in lines:
        word, *fields = line.split()
        state = conversation.heard(word, fields).state or state
    assert state is not None
    return state.latched


@pytest.fixture
def talk() -> Conversation:
    conversation = Conversation("board", "/dev/board")
    conversation.opened()
    hello(conversation)
    return conversation


PRESS_ONE = "PRESS 0000000A 1 250"


def test_a_press_names_board_boot_and_number(talk: Conversation) -> None:
    assert told_by(talk, PRESS_ONE, PRESS_ONE) == (ONE,)
    listed = "STATE 0000000A ok 1,2 500 001 0"
    assert told_by(talk, listed, listed) == (ONE, TWO)


def test_a_press_heard_once_is_not_told(talk: Conversation) -> None:
    assert talk.heard("PRESS", ["0000000A", "1", "250"]).state is None
    assert told_by(talk, "STATE 0000000A ok 2 500 001 0") == ()


@pytest.mark.parametrize("line", ["PRESS 0000000B 1 5", "STATE 0000000B ok 1 5 000 0", "EDGE 0000000B 1 siren 1 5"])
def test_a_boot_that_has_not_said_hello_is_asked_and_not_believed(talk: Conversation, line: str) -> None:
    word, *fields = line.split()
    for _ in range(3):
        answer = talk.heard(word, fields)
        assert answer.lines == (ASK,)
        assert answer.state is None


def test_a_hello_heard_once_is_not_believed(talk: Conversation) -> None:
    talk.heard("HELLO", ["2", "B-2", "0000000B", "1.0", "abc1234", "power"])
    assert told_by(talk, PRESS_ONE, PRESS_ONE) == (ONE,)


def test_another_board_on_the_line_is_not_taken_for_the_first(talk: Conversation) -> None:
    talk.opened()
    assert talk.heard("PRESS", ["0000000A", "1", "5"]).state is None
    hello(talk, "B-2")
    assert told_by(talk, PRESS_ONE, PRESS_ONE) == (Press("B-2", 0xA, 1),)


def test_stored_is_said_at_once_and_again_whenever_the_press_is_heard_again(talk: Conversation) -> None:
    told_by(talk, PRESS_ONE, PRESS_ONE)
    assert talk.store(ONE) == STORED_ONE
    again = talk.heard("PRESS", ["0000000A", "1", "205"])
    assert (again.state, again.lines) == (None, STORED_ONE)
    listed = talk.heard("STATE", ["0000000A", "ok", "1", "500", "000", "0"])
    assert (listed.state, listed.lines) == (BoardState(), STORED_ONE)


def test_stored_ends_when_the_board_lists_the_press_no_more(talk: Conversation) -> None:
    talk.store(ONE)
    assert talk.heard("STATE", ["0000000A", "ok", "-", "500", "000", "0"]).lines == ()
    assert talk._stored == set()


def test_a_press_stored_before_the_board_was_heard_is_answered_when_it_comes() -> None:
    conversation = Conversation("board", "/dev/board")
    assert conversation.store(ONE) == ()
    conversation.opened()
    hello(conversation)
    assert conversation.heard("PRESS", ["0000000A", "1", "5"]).lines == STORED_ONE


def test_a_new_boot_forgets_what_the_old_one_had_stored(talk: Conversation) -> None:
    talk.store(ONE)
    hello(talk, nonce="0000000B")
    line = "PRESS 0000000B 1 5"
    assert told_by(talk, line, line) == (Press("B-1", 0xB, 1),)
    assert talk._stored == set()


def test_a_board_that_says_hello_gets_lamp_and_settings(talk: Conversation) -> None:
    talk.show("sent")
    assert hello(talk, nonce="0000000B") == (SET, BEAT, frame.encode("LAMP", "sent"), SET)


def test_settings_are_said_twice_at_once_to_a_board_that_is_connected() -> None:
    conversation = Conversation("board", "/dev/board", "silent", 90)
    assert conversation.opened().count(frame.encode("SET", "silent", 90)) == 2


@pytest.mark.parametrize(
    "line",
    [
        "PRESS",
        "PRESS 0000000A x 1",
        "STATE 0000000A well - 1 000 0",
        "STATE 0000000A ok - 1 zz 0",
        "STATE 0000000A ok - 1 000 x",
        "STATE zz ok - 1 000 0",
        "X 0000000A",
    ],
)
def test_a_frame_that_makes_no_sense_is_bad_input(talk: Conversation, line: str) -> None:
    word, *fields = line.split()
    with pytest.raises(BadInput, match=r"board: .*frame.*; is the board's firmware"):
        talk.heard(word, fields)


def test_inputs_are_named_by_their_bits(talk: Conversation) -> None:
    state = talk.heard("STATE", ["0000000A", "short", "-", "5", "202", "0"]).state
    assert state == BoardState(ButtonHealth.SHORT, frozenset({"lightbar", "ignition"}))


def presses(readings: list[AnyReading]) -> list[Press | None]:
    return [reading.latched for reading in readings if isinstance(reading, ButtonState)]


def test_each_press_of_a_list_is_told_once_the_oldest_first() -> None:
    told = Told()
    assert presses(list(told.changes("board", 1, BoardState(latched=(ONE, TWO)), PLAIN))) == [ONE, TWO]
    assert presses(list(told.changes("board", 2, BoardState(latched=(ONE, TWO)), PLAIN))) == []
    assert presses(list(told.changes("board", 3, BoardState(latched=(TWO,)), PLAIN))) == []
    assert presses(list(told.changes("board", 4, BoardState(), PLAIN))) == [None]


@pytest.mark.parametrize("silent", [False, True])
def test_a_silent_board_s_button_is_the_hidden_one(silent: bool) -> None:
    settings = replace(PLAIN, silent=silent)
    told = list(Told().changes("board", 1, BoardState(latched=(ONE, TWO)), settings))
    assert [one.hidden for one in told if isinstance(one, ButtonState)] == [silent, silent]


def test_vehicle_signals_are_told_again_before_they_go_stale() -> None:
    told, state = Told(), BoardState(inputs=frozenset({"door"}))

    def signals(mono_ns: int) -> list[dict[str, object]]:
        told_now = told.changes("board", mono_ns, state, replace(PLAIN, wired=("door",)))
        return [dict(one.signals) for one in told_now if isinstance(one, VehicleSignals)]

    open_door = {"Vehicle.Cabin.Door.Row1.DriverSide.IsOpen": True}
    assert signals(0) == [open_door]
    assert signals(SIGNALS_EVERY_NS - 1) == []
    assert signals(SIGNALS_EVERY_NS) == [open_door]
