"""A small road network: junctions, roads between them with bends and speed limits; pure but for reading its file."""

from itertools import pairwise
from math import cos, radians
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from hal.errors import ConfigError

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius of the Earth (IUGG)."""

KPH_PER_MPS = 3.6
FORMAT = "config/maps/README.md describes the format"

Lat = Annotated[float, Meta(ge=-85, le=85)]
Lon = Annotated[float, Meta(ge=-180, le=180)]


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A junction and how it is controlled."""

    lat_deg: Lat
    lon_deg: Lon
    control: Literal["", "signals", "stop"] = ""


class Road(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A road between two nodes, driven both ways; `via` are its bends on the way from the first to the second."""

    name: str
    limit_kph: Annotated[float, Meta(gt=0)]
    between: tuple[str, str]
    via: tuple[tuple[Lat, Lon], ...] = ()


class RoadMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A map as it stands in its file."""

    name: str
    start: str
    nodes: dict[str, Node]
    roads: tuple[Road, ...]


class Point(NamedTuple):
    """Metres east and north of the map's origin."""

    x_m: float
    y_m: float


class Way(NamedTuple):
    """A road in the direction in which it is driven: its points from one node to the next, both included."""

    to: str
    points: tuple[Point, ...]
    limit_mps: float
    name: str


class RoadNetwork:
    """The ways out of every node, on a plane that touches the Earth at the start node."""

    def __init__(self, road_map: RoadMap) -> None:
        self.start = road_map.start
        self.control = {name: node.control for name, node in road_map.nodes.items()}
        origin = road_map.nodes[road_map.start]
        self._lat_deg, self._lon_deg = origin.lat_deg, origin.lon_deg
        self._m_per_lat_deg = radians(EARTH_RADIUS_M)
        self._m_per_lon_deg = self._m_per_lat_deg * cos(radians(origin.lat_deg))
        self.ways: dict[str, list[Way]] = {name: [] for name in road_map.nodes}
        for road in road_map.roads:
            self._add(road, road_map.nodes)

    def position_deg(self, point: Point) -> tuple[float, float]:
        """Latitude and longitude of a point."""
        return self._lat_deg + point.y_m / self._m_per_lat_deg, self._lon_deg + point.x_m / self._m_per_lon_deg

    def point(self, lat_deg: float, lon_deg: float) -> Point:
        """The point at a latitude and longitude."""
        return Point((lon_deg - self._lon_deg) * self._m_per_lon_deg, (lat_deg - self._lat_deg) * self._m_per_lat_deg)

    def _add(self, road: Road, nodes: dict[str, Node]) -> None:
        first, last = road.between
        ends = [(nodes[name].lat_deg, nodes[name].lon_deg) for name in road.between]
        points = tuple(self.point(*place) for place in (ends[0], *road.via, ends[1]))
        limit_mps = road.limit_kph / KPH_PER_MPS
        self.ways[first].append(Way(last, points, limit_mps, road.name))
        self.ways[last].append(Way(first, points[::-1], limit_mps, road.name))


def load(path: Path) -> RoadNetwork:
    """The network of a map file; ConfigError says what is wrong with it."""
    try:
        road_map = msgspec.json.decode(path.read_bytes(), type=RoadMap)
    except OSError as error:
        raise ConfigError(
            str(path), f"cannot be read: {error.strerror}", "check the path and its permissions"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is no map: {error}", FORMAT) from error
    if problem := _problem(road_map):
        raise ConfigError(str(path), problem, FORMAT)
    return RoadNetwork(road_map)


def _problem(road_map: RoadMap) -> str:
    named = [("start", road_map.start), *((road.name, node) for road in road_map.roads for node in road.between)]
    for where, node in named:
        if node not in road_map.nodes:
            return f'{where} leads to "{node}", and the nodes are {", ".join(road_map.nodes)}'
    reached = {node for road in road_map.roads for node in road.between}
    for road in road_map.roads:
        ends = [(road_map.nodes[name].lat_deg, road_map.nodes[name].lon_deg) for name in road.between]
        if any(before == after for before, after in pairwise((ends[0], *road.via, ends[1]))):
            return f"{road.name} has two points in one place"
    lonely = [node for node in road_map.nodes if node not in reached]
    return f"no road leads to {', '.join(lonely)}" if lonely else ""
