"""Core's side of the talk with the I/O board, frame by frame."""

import pytest

from drivers.board_conversation import ASK, BEAT, BoardState, Conversation
from drivers.io_board import Told
from firmware import frame
from hal.errors import BadInput
from hal.readings import AnyReading, ButtonHealth, ButtonState, Press

ONE, TWO = Press("B-1", 0xA, 1), Press("B-1", 0xA, 2)
STORED_ONE = frame.encode("STORED", "0000000A", 1)


def told_by(conversation: Conversation, *fields: str) -> tuple[Press, ...]:
    state = conversation.heard(fields[0], list(fields[1:])).state
    assert state is not None
    return state.latched


@pytest.fixture
def talk() -> Conversation:
    conversation = Conversation("board")
    conversation.opened()
    conversation.heard("HELLO", ["B-1", "0000000A", "1.0"])
    return conversation


def test_a_press_names_board_boot_and_number(talk: Conversation) -> None:
    assert told_by(talk, "PRESS", "0000000A", "1", "250") == (ONE,)
    assert told_by(talk, "STATE", "0000000A", "ok", "1,2", "500", "01") == (ONE, TWO)


@pytest.mark.parametrize("line", ["PRESS 0000000B 1 5", "STATE 0000000B ok 1 5 00"])
def test_a_boot_that_has_not_said_hello_is_asked_and_not_believed(talk: Conversation, line: str) -> None:
    word, *fields = line.split()
    answer = talk.heard(word, fields)
    assert answer.lines == (ASK,)
    assert answer.state is None


def test_another_board_on_the_line_is_not_taken_for_the_first(talk: Conversation) -> None:
    talk.opened()
    assert talk.heard("PRESS", ["0000000A", "1", "5"]).state is None
    talk.heard("HELLO", ["B-2", "0000000A", "1.0"])
    assert told_by(talk, "PRESS", "0000000A", "1", "5") == (Press("B-2", 0xA, 1),)


def test_stored_is_said_at_once_and_again_whenever_the_press_is_heard_again(talk: Conversation) -> None:
    talk.heard("PRESS", ["0000000A", "1", "5"])
    assert talk.store(ONE) == (STORED_ONE,)
    again = talk.heard("PRESS", ["0000000A", "1", "205"])
    assert (again.state, again.lines) == (None, (STORED_ONE,))
    listed = talk.heard("STATE", ["0000000A", "ok", "1", "500", "00"])
    assert (listed.state, listed.lines) == (BoardState(), (STORED_ONE,))


def test_stored_ends_when_the_board_lists_the_press_no_more(talk: Conversation) -> None:
    talk.store(ONE)
    assert talk.heard("STATE", ["0000000A", "ok", "-", "500", "00"]).lines == ()
    assert talk._stored == set()


def test_a_press_stored_before_the_board_was_heard_is_answered_when_it_comes() -> None:
    conversation = Conversation("board")
    assert conversation.store(ONE) == ()
    conversation.opened()
    conversation.heard("HELLO", ["B-1", "0000000A", "1.0"])
    assert conversation.heard("PRESS", ["0000000A", "1", "5"]).lines == (STORED_ONE,)


def test_a_new_boot_forgets_what_the_old_one_had_stored(talk: Conversation) -> None:
    talk.store(ONE)
    talk.heard("HELLO", ["B-1", "0000000B", "1.0"])
    assert told_by(talk, "PRESS", "0000000B", "1", "5") == (Press("B-1", 0xB, 1),)
    assert talk._stored == set()


def test_a_board_that_says_hello_gets_the_lamp(talk: Conversation) -> None:
    talk.show("sent")
    assert talk.heard("HELLO", ["B-1", "0000000B", "1.0"]).lines == (BEAT, frame.encode("LAMP", "sent"))


@pytest.mark.parametrize(
    "line",
    ["PRESS", "PRESS 0000000A x 1", "STATE 0000000A well - 1 00", "STATE 0000000A ok - 1 zz", "HELLO B-1 no 1", "X 1"],
)
def test_a_frame_that_makes_no_sense_is_bad_input(talk: Conversation, line: str) -> None:
    word, *fields = line.split()
    with pytest.raises(BadInput, match=r"board: .*frame.*; is the board's firmware"):
        talk.heard(word, fields)


def test_inputs_are_named_by_their_bits(talk: Conversation) -> None:
    state = talk.heard("STATE", ["0000000A", "short", "-", "5", "0A"]).state
    assert state == BoardState(ButtonHealth.SHORT, frozenset({"lightbar", "ignition"}))


def presses(readings: list[AnyReading]) -> list[Press | None]:
    return [reading.latched for reading in readings if isinstance(reading, ButtonState)]


def test_each_press_of_a_list_is_told_once_the_oldest_first() -> None:
    told = Told()
    assert presses(list(told.changes("board", 1, BoardState(latched=(ONE, TWO)), ()))) == [ONE, TWO]
    assert presses(list(told.changes("board", 2, BoardState(latched=(ONE, TWO)), ()))) == []
    assert presses(list(told.changes("board", 3, BoardState(latched=(TWO,)), ()))) == []
    assert presses(list(told.changes("board", 4, BoardState(), ()))) == [None]
