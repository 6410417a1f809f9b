"""Offline maps: places go there and back, lines are cut without loss, and a window shows what lies in it."""

import json
from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.map import file
from terminal.map.canvas import BRAILLE, DOTS_ACROSS, DOTS_DOWN, Canvas, clipped
from terminal.map.drawing import Window, drawn
from terminal.map.features import GRID, LEVELS, Feature, Kind
from terminal.map.file import BadMap, MapFile
from terminal.map.mercator import to_earth, to_square
from terminal.map.tiling import cut, tile_of
from terminal.tools.command import main

NOVI_SAD = (45.2551, 19.8452)
LATITUDES, LONGITUDES = st.floats(-85, 85), st.floats(-179.9, 179.9)


@given(LATITUDES, LONGITUDES)
def test_a_place_goes_to_the_square_and_back(lat_deg: float, lon_deg: float) -> None:
    assert to_earth(*to_square(lat_deg, lon_deg)) == pytest.approx((lat_deg, lon_deg), abs=1e-9)


@given(st.floats(40, 50), st.floats(10, 25), st.sampled_from([4.0, 64.0, 1024.0]), st.floats(0, 359))
def test_a_tap_in_a_cell_is_a_place_in_that_cell(lat_deg: float, lon_deg: float, scale: float, up_deg: float) -> None:
    window = Window(lat_deg, lon_deg, scale, 9, 38, up_deg)
    for cell in ((0, 0), (8, 37), (4, 19)):
        assert window.cell_of(*window.place_at(*cell)) == cell


def test_north_is_up_or_the_way_is() -> None:
    north, east = (NOVI_SAD[0] + 0.001, NOVI_SAD[1]), (NOVI_SAD[0], NOVI_SAD[1] + 0.001)
    still = Window(*NOVI_SAD, 8.0, 9, 38)
    turned = Window(*NOVI_SAD, 8.0, 9, 38, 90.0)
    row, column = still.cell_of(*NOVI_SAD) or (0, 0)
    assert (still.cell_of(*north) or (9, 9))[0] < row
    assert (still.cell_of(*east) or (9, 9))[1] > column
    assert (turned.cell_of(*east) or (9, 9))[0] < row, "who drives to the east has the east above"


POINTS = st.tuples(st.floats(0.54, 0.56), st.floats(0.36, 0.38))


@given(st.lists(POINTS, min_size=2, max_size=20), st.sampled_from(LEVELS))
def test_every_point_of_a_line_is_in_the_pieces_of_its_tile(line: list[tuple[float, float]], level: int) -> None:
    pieces = list(cut(line, level))
    side = 1 << level
    near = 1.5 * GRID / 128
    for point in line:
        x, y = tile_of(point, level)
        across, down = (point[0] * side - x) * GRID, (point[1] * side - y) * GRID
        same = [
            (points[place : place + 2], points[place + 2 : place + 4])
            for tile, points in pieces
            if tile == (x, y)
            for place in range(0, len(points) - 2, 2)
        ]
        assert not same or min(distance((across, down), start, end) for start, end in same) < near


def distance(point, start, end) -> float:
    length = (end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2
    share = 0.0
    if length:
        along = (point[0] - start[0]) * (end[0] - start[0]) + (point[1] - start[1]) * (end[1] - start[1])
        share = max(0.0, min(1.0, along / length))
    return (
        (start[0] + share * (end[0] - start[0]) - point[0]) ** 2
        + (start[1] + share * (end[1] - start[1]) - point[1]) ** 2
    ) ** 0.5


COORDINATES = st.floats(-1e6, 1e6)


@given(COORDINATES, COORDINATES, COORDINATES, COORDINATES)
def test_a_line_is_cut_at_the_edges(x: float, y: float, to_x: float, to_y: float) -> None:
    inside = clipped((x, y), (to_x, to_y), 79, 39)
    for end in inside or ():
        assert -0.01 <= end[0] <= 79.01
        assert -0.01 <= end[1] <= 39.01
    canvas = Canvas(10, 40)
    canvas.line((x, y), (to_x, to_y), Kind.ROAD)
    assert [sum(len(text) for text, _ in row) for row in canvas.rows()] == [40] * 10


def test_dots_stand_where_braille_has_them_and_the_greater_kind_colours_the_cell() -> None:
    canvas = Canvas(1, 2)
    canvas.dot(0, 0, Kind.RIVER)
    canvas.dot(1, 3, Kind.MOTORWAY)
    canvas.dot(1, 3, Kind.RIVER)
    canvas.dot(DOTS_ACROSS * 2, DOTS_DOWN, Kind.RIVER)
    assert canvas.rows() == [[(chr(BRAILLE + 0x81), Kind.MOTORWAY), (" ", 0)]]


def test_a_map_is_built_of_geojson_and_shows_its_lines_and_places(tmp_path: Path) -> None:
    lines = tmp_path / "rivers.geojson"
    lines.write_text(geojson("LineString", [[19.80, 45.25], [19.90, 45.26]]))
    places = tmp_path / "towns.geojson"
    places.write_text(geojson("Point", [19.8452, 45.2551], name="Нови Сад"))
    out = tmp_path / "a.map"
    assert main(["map", "build", f"{lines}=river", f"{places}=town", "--out", str(out), "--attribution", "ours"]) == 0
    made = MapFile(out)
    assert made.attribution == "ours"
    for scale in (4.0, 64.0, 1024.0):
        rows, names = drawn(Window(*NOVI_SAD, scale, 9, 38, in_cyrillic=True), [made])
        assert any(kind == Kind.RIVER for row in rows for _, kind in row)
        assert [name.text for name in names] == ["Нови Сад"]
        assert [name.text for name in drawn(Window(*NOVI_SAD, scale, 9, 38), [made])[1]] == ["Novi Sad"]
    made.close()


def geojson(kind: str, coordinates: object, **properties: str) -> str:
    geometry = {"type": kind, "coordinates": coordinates}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("missing.osm.pbf", "is not there"),
        ("a.geojson=lane", "say"),
        ("a.geojson", "what are its lines"),
        ("a.geojson=river", "is no GeoJSON"),
        ("bad.osm.pbf", "cannot be read"),
    ],
)
def test_what_is_no_map_data_is_named(tmp_path: Path, capsys, given: str, said: str) -> None:
    (tmp_path / "a.geojson").write_text("{}")
    (tmp_path / "bad.osm.pbf").write_bytes(b"no such thing")
    assert main(["map", "build", str(tmp_path / given), "--out", str(tmp_path / "x.map")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x.map").exists()


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_file_that_is_no_map_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.map"
    path.write_bytes(content)
    with pytest.raises(BadMap, match=r"x\.map"):
        MapFile(path)


def test_a_damaged_tile_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.map"
    file.write(path, {(14, (1, 1)): [Feature(Kind.ROAD, "", (0, 0, 9, 9))]}, "")
    db = apsw.Connection(str(path))
    db.execute("UPDATE tiles SET body = x'00'")
    db.close()
    made = MapFile(path)
    assert made.tile(14, 2, 2) == ()
    with pytest.raises(BadMap, match="damaged"):
        made.tile(14, 1, 1)
    made.close()


def test_the_streets_of_novi_sad(tmp_path: Path, shared_data: Path) -> None:
    out = tmp_path / "ns.map"
    extract = shared_data / "map" / "osm-novisad" / "NoviSad.osm.pbf"
    assert main(["map", "build", str(extract), "--out", str(out)]) == 0
    made = MapFile(out)
    assert "OpenStreetMap" in made.attribution
    seen = {}
    for scale in (4.0, 16.0, 128.0):
        rows, _ = drawn(Window(*NOVI_SAD, scale, 9, 38), [made])
        seen[scale] = {Kind(kind) for row in rows for text, kind in row if kind}
    assert Kind.STREET in seen[4.0]
    assert Kind.STREET not in seen[128.0]
    assert Kind.MOTORWAY in seen[128.0]
    made.close()


def test_lines_are_pairs_of_numbers() -> None:
    for _, points in cut([(0.55, 0.37), (0.5501, 0.3701)], 14):
        assert len(points) % 2 == 0
        assert all(a != b for a, b in pairwise(zip(points[::2], points[1::2], strict=True)))
