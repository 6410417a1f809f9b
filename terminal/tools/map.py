"""`patrola map build`: an offline map from an OpenStreetMap extract or from GeoJSON, by tiles."""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hal.errors import PatrolaError
from terminal.map import file
from terminal.map.features import FIRST_LEVEL, LEVELS, PLACES, Feature, Kind
from terminal.map.mercator import Point, to_square
from terminal.map.tiling import TileAt, cut, on_grid, tile_of

HIGHWAYS = {
    Kind.MOTORWAY: ("motorway", "trunk", "primary", "motorway_link", "trunk_link"),
    Kind.ROAD: ("secondary", "tertiary", "primary_link", "secondary_link", "tertiary_link"),
    Kind.STREET: ("residential", "unclassified", "living_street", "pedestrian", "service", "track", "road"),
}
"""OpenStreetMap's values of `highway` (wiki.openstreetmap.org/wiki/Key:highway)."""

KIND_OF_HIGHWAY = {value: kind for kind, values in HIGHWAYS.items() for value in values}
KIND_OF_PLACE = {"city": Kind.TOWN, "town": Kind.TOWN, "village": Kind.VILLAGE, "hamlet": Kind.VILLAGE}
OSM = "(c) OpenStreetMap contributors, ODbL 1.0"

Line = tuple[Kind, str, list[Point]]


class BadInput(PatrolaError, ValueError):
    """A file that no map can be made of."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `patrola map`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="make a map of an extract", description="Make a map of an extract.")
    build.add_argument(
        "inputs",
        nargs="+",
        metavar="FILE[=KIND]",
        help=f"an .osm.pbf, or GeoJSON and what it has: {', '.join(one.name.lower() for one in Kind)}",
    )
    build.add_argument("--out", type=Path, required=True, metavar="FILE.map", help="where the screen looks for it")
    build.add_argument("--attribution", default="", help="whose data it is, where it is not OpenStreetMap's")


def run(args: argparse.Namespace) -> int:
    """0 when the map is written."""
    lines = [line for given in args.inputs for line in read(given)]
    if not lines:
        raise BadInput(", ".join(args.inputs), "nothing in it is drawn", "expected roads, rivers, borders or places")
    tiles = tiled(lines)
    from_osm = any(given.endswith(".pbf") for given in args.inputs)
    file.write(args.out, tiles, args.attribution or (OSM if from_osm else ""))
    size_kb = args.out.stat().st_size // 1000
    print(f"{args.out}: {len(lines)} lines and places in {len(tiles)} tiles, {size_kb} kB")
    return 0


def read(given: str) -> Iterator[Line]:
    """The lines and places of one input; raises BadInput."""
    name, _, word = given.partition("=")
    path = Path(name)
    if not path.is_file():
        raise BadInput(name, "the file is not there", "check the path")
    if name.endswith(".pbf"):
        return of_osm(path)
    if word.upper() not in Kind.__members__:
        raise BadInput(given, "what are its lines?", f"say {name}=border, river, road or another kind")
    return of_geojson(path, Kind[word.upper()])


def of_osm(path: Path) -> Iterator[Line]:
    """Roads, rails, rivers, borders and places of an extract, in the form that its people write names in."""
    try:
        import osmium
    except ImportError:
        raise BadInput(str(path), "needs the library osmium", "pip install 'patrola[technician]'") from None
    try:
        for one in osmium.FileProcessor(str(path)).with_locations():
            if isinstance(one, osmium.osm.Way):
                kind = _kind_of_way(one.tags)
                points = [to_square(node.lat, node.lon) for node in one.nodes if node.location.valid()]
                if kind is not None and len(points) > 1:
                    yield kind, one.tags.get("name") or "", points
            elif isinstance(one, osmium.osm.Node) and one.tags.get("place") in KIND_OF_PLACE and "name" in one.tags:
                yield KIND_OF_PLACE[one.tags["place"]], one.tags["name"], [to_square(one.lat, one.lon)]
    except (RuntimeError, ValueError) as error:
        raise BadInput(str(path), f"cannot be read: {error}", "expected an OpenStreetMap extract (.osm.pbf)") from error


def _kind_of_way(tags: Any) -> Kind | None:
    if tags.get("highway") in KIND_OF_HIGHWAY:
        return KIND_OF_HIGHWAY[tags["highway"]]
    if tags.get("railway") == "rail":
        return Kind.RAIL
    if tags.get("waterway") in ("river", "canal"):
        return Kind.RIVER
    if tags.get("boundary") == "administrative" and tags.get("admin_level") == "2":
        return Kind.BORDER
    return Kind.LAKE if tags.get("natural") == "water" else None


def of_geojson(path: Path, kind: Kind) -> Iterator[Line]:
    """The lines, outlines or points of a GeoJSON file (RFC 7946), all of one kind."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        for feature in features:
            name = str((feature.get("properties") or {}).get("name") or "")
            for points in _lines(feature["geometry"]):
                if kind in PLACES or len(points) > 1:
                    yield kind, name, [to_square(lat_deg, lon_deg) for lon_deg, lat_deg, *_ in points]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(str(path), f"is no GeoJSON of lines or points: {error!r}", "see RFC 7946") from error


def _lines(geometry: dict[str, Any]) -> Iterator[list[list[float]]]:
    coordinates = geometry["coordinates"]
    match geometry["type"]:
        case "Point":
            yield [coordinates]
        case "LineString":
            yield coordinates
        case "MultiLineString" | "Polygon":
            yield from coordinates
        case "MultiPolygon":
            for polygon in coordinates:
                yield from polygon


def tiled(lines: Iterable[Line]) -> dict[tuple[int, TileAt], list[Feature]]:
    """All of it by level and tile; in each tile what is drawn over the others comes last."""
    tiles: dict[tuple[int, TileAt], list[Feature]] = defaultdict(list)
    for kind, name, points in lines:
        for level in LEVELS:
            if level < FIRST_LEVEL[kind]:
                continue
            if kind in PLACES:
                at = tile_of(points[0], level)
                tiles[level, at].append(Feature(kind, name, on_grid(points[0], level, at)))
                continue
            for at, piece in cut(points, level):
                tiles[level, at].append(Feature(kind, "", piece))
    for features in tiles.values():
        features.sort(key=lambda feature: feature.kind)
    return tiles
