"""A place that two maps have stands on the screen once, in the crew's script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.latin import latin
from terminal.map.features import Kind
from terminal.map.names import Place, shown

SHIPPED: Place = (Kind.TOWN, "Novi Sad", 40.0, 40.0)
STREETS: Place = (Kind.TOWN, "Нови Сад", 44.0, 46.0)
NEAR_DOTS = 10.0


def texts(*places: Place, in_cyrillic: bool, near_dots: float = NEAR_DOTS) -> list[str]:
    return [one.text for one in shown(set(places), 40, 100, near_dots, in_cyrillic=in_cyrillic)]


@pytest.mark.parametrize(("in_cyrillic", "text"), [(True, "Нови Сад"), (False, "Novi Sad")])
def test_two_writings_of_one_place_are_one_in_the_crews_script(in_cyrillic: bool, text: str) -> None:
    assert texts(SHIPPED, STREETS, in_cyrillic=in_cyrillic) == [text]
    assert texts(STREETS, in_cyrillic=in_cyrillic) == [text]


def test_what_has_latin_letters_alone_keeps_them() -> None:
    assert texts(SHIPPED, in_cyrillic=True) == ["Novi Sad"]
    assert texts((Kind.TOWN, "Kranj", 9.0, 9.0), in_cyrillic=True) == ["Kranj"]


def test_the_same_name_far_away_and_another_name_near_by_are_other_places() -> None:
    far = (Kind.TOWN, "Нови Сад", 44.0, 90.0)
    assert texts(SHIPPED, far, in_cyrillic=False) == ["Novi Sad", "Novi Sad"]
    other = (Kind.TOWN, "Петроварадин", 44.0, 48.0)
    assert sorted(texts(SHIPPED, other, in_cyrillic=False)) == ["Novi Sad", "Petrovaradin"]


def test_a_writing_that_has_no_room_leaves_the_other_its_own() -> None:
    beyond = (Kind.TOWN, "Нови Сад", 40.0, -1.0)
    assert texts(beyond, (Kind.TOWN, "Novi Sad", 40.0, 3.0), in_cyrillic=True) == ["Novi Sad"]


PLACES = st.tuples(
    st.sampled_from([Kind.TOWN, Kind.VILLAGE]),
    st.sampled_from(["Novi Sad", "Нови Сад", "Kać", "Каћ", "Belgrade"]),
    st.floats(-10, 220),
    st.floats(-10, 170),
)


@given(st.sets(PLACES, max_size=12), st.booleans())
def test_no_name_covers_another_and_none_stands_twice_in_a_place(places: set[Place], in_cyrillic: bool) -> None:
    names = list(shown(places, 40, 100, NEAR_DOTS, in_cyrillic=in_cyrillic))
    cells = [(one.row, one.column + place) for one in names for place in range(len(one.text))]
    assert len(cells) == len(set(cells))
    assert all(0 <= row < 40 and 0 <= column < 100 for row, column in cells)
    assert in_cyrillic or all(one.text == latin(one.text) for one in names)
