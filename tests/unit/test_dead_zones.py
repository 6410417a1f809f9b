"""Dead zones are learnt from losses that ended by themselves, forgotten where the line holds, and bounded."""

from hypothesis import given
from hypothesis import strategies as st

from terminal.contract import dead_zones
from terminal.contract.dead_zones import MOST_CELLS, MOST_COUNTED, DeadZones, Zone, cell_of

HERE = cell_of(46.05, 14.5)


def learnt(times: int, absent_s: float = 30.0) -> DeadZones:
    zones = DeadZones()
    for _ in range(times):
        zones = zones.lost_and_back(HERE, absent_s)
    return zones


def test_one_loss_makes_no_dead_zone_and_two_do() -> None:
    assert not learnt(1).at(HERE).explains(10.0)
    assert learnt(2).at(HERE).explains(10.0)
    assert not learnt(2).at(cell_of(46.2, 14.5)).explains(10.0)
    assert not learnt(2).at(None).explains(10.0)


def test_an_absence_that_is_much_longer_than_any_before_is_not_explained() -> None:
    zone = learnt(2, absent_s=100.0).at(HERE)
    assert zone.explains(200.0)
    assert not zone.explains(201.0)


def test_it_outlives_the_process_and_a_damaged_record_is_learnt_anew() -> None:
    zones = learnt(3).held(HERE)
    assert dead_zones.decode(dead_zones.encode(zones)) == zones
    assert dead_zones.decode(b"\xc1noise") == dead_zones.decode(None) == DeadZones()


@given(st.lists(st.booleans(), max_size=300))
def test_counts_stay_small_whatever_happens(losses: list[bool]) -> None:
    zones = DeadZones()
    for lost in losses:
        zones = zones.lost_and_back(HERE, 1.0) if lost else zones.held(HERE)
    zone = zones.at(HERE)
    assert 0 <= zone.lost < MOST_COUNTED
    assert 0 <= zone.held < MOST_COUNTED


def test_of_too_many_cells_the_least_proved_gives_way() -> None:
    zones = DeadZones({(0, number): Zone(lost=2) for number in range(MOST_CELLS - 1)} | {(1, 0): Zone(lost=1)})
    after = zones.lost_and_back(HERE, 1.0)
    assert len(after.cells) == MOST_CELLS
    assert (1, 0) not in after.cells
    assert after.at(HERE).lost == 1


def test_cells_near_zero_do_not_overlap() -> None:
    assert len({cell_of(lat_deg, lon_deg) for lat_deg in (-0.001, 0.001) for lon_deg in (-0.001, 0.001)}) == 4
