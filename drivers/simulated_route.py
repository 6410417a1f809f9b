"""An endless drive through a road network, as straight pieces a few metres to a few hundred metres long; pure."""

from collections import deque
from collections.abc import Iterator
from math import atan2, ceil, cos, degrees, dist, radians, sin, sqrt, tan
from random import Random
from typing import NamedTuple

from drivers.road_network import Point, RoadNetwork

CORNER_M = 12.0
"""How far before a junction or bend a car begins to turn."""

LATERAL_MPS2 = 2.5
"""What a driver likes of lateral acceleration; with 12 m, 20 km/h round a right angle."""

ARC_STEP_RAD = radians(10)
STRAIGHT_RAD = radians(1)
TURN_ROUND_RAD = radians(150)
SIGNALS_RED = 0.5
SIGNALS_WAIT_S = (4.0, 20.0)
STOP_WAIT_S = 2.0


class Vertex(NamedTuple):
    """A point that the route passes, and the road that leads to it; `wait_s` is how long the car must stand there."""

    point: Point
    limit_mps: float
    road: str
    wait_s: float


class Piece(NamedTuple):
    """A straight stretch with one speed limit; `wait_s` is how long the car must stand at its end."""

    start: Point
    end: Point
    length_m: float
    limit_mps: float
    road: str
    wait_s: float = 0.0

    @property
    def track_deg(self) -> float:
        """The direction in which it is driven, from true north."""
        return degrees(atan2(self.end.x_m - self.start.x_m, self.end.y_m - self.start.y_m)) % 360


def pieces(network: RoadNetwork, random: Random) -> Iterator[Piece]:
    """The route from the map's start, turning at random, corners rounded off; endless."""
    vertices = _vertices(network, random)
    before, here = next(vertices), next(vertices)
    at = before.point
    for after in vertices:
        turn_rad, cut_m = _corner(before.point, here.point, after.point)
        cut = _towards(here.point, before.point, cut_m)
        if dist(at, cut) > 0:
            yield Piece(at, cut, dist(at, cut), here.limit_mps, here.road, here.wait_s)
        at = cut
        for point, limit_mps in _arc(cut, here.point, turn_rad, cut_m):
            yield Piece(at, point, dist(at, point), min(limit_mps, after.limit_mps), after.road)
            at = point
        before, here = here, after


def _vertices(network: RoadNetwork, random: Random) -> Iterator[Vertex]:
    came_from, node = "", network.start
    yield Vertex(network.ways[node][0].points[0], network.ways[node][0].limit_mps, "", 0)
    while True:
        ways = network.ways[node]
        onward = [way for way in ways if way.to != came_from]
        way = random.choice(onward or ways)
        for point in way.points[1:-1]:
            yield Vertex(point, way.limit_mps, way.name, 0)
        ends_here = all(further.to == node for further in network.ways[way.to])
        wait_s = STOP_WAIT_S if ends_here else _wait_s(network.control[way.to], random)
        yield Vertex(way.points[-1], way.limit_mps, way.name, wait_s)
        came_from, node = node, way.to


def _wait_s(control: str, random: Random) -> float:
    if control == "signals":
        return random.uniform(*SIGNALS_WAIT_S) if random.random() < SIGNALS_RED else 0
    return STOP_WAIT_S if control == "stop" else 0


def _corner(before: Point, here: Point, after: Point) -> tuple[float, float]:
    """How far the road turns, left being negative, and how far from the corner the turn begins."""
    inward = atan2(here.x_m - before.x_m, here.y_m - before.y_m)
    outward = atan2(after.x_m - here.x_m, after.y_m - here.y_m)
    turn_rad = (outward - inward + radians(180)) % radians(360) - radians(180)
    if not STRAIGHT_RAD < abs(turn_rad) < TURN_ROUND_RAD:
        return turn_rad, 0
    return turn_rad, min(CORNER_M, 0.45 * dist(before, here), 0.45 * dist(here, after))


def _towards(start: Point, end: Point, by_m: float) -> Point:
    share = by_m / dist(start, end) if by_m else 0
    return Point(start.x_m + share * (end.x_m - start.x_m), start.y_m + share * (end.y_m - start.y_m))


def _arc(start: Point, corner: Point, turn_rad: float, cut_m: float) -> Iterator[tuple[Point, float]]:
    """Points of the circle that touches both roads, and the speed at which it is driven."""
    if not cut_m:
        return
    ahead_x, ahead_y = (corner.x_m - start.x_m) / cut_m, (corner.y_m - start.y_m) / cut_m
    side = 1 if turn_rad > 0 else -1
    radius_m = cut_m / tan(abs(turn_rad) / 2)
    steps = ceil(abs(turn_rad) / ARC_STEP_RAD)
    for step in range(1, steps + 1):
        angle = abs(turn_rad) * step / steps
        along_m, aside_m = radius_m * sin(angle), side * radius_m * (1 - cos(angle))
        x_m = start.x_m + along_m * ahead_x + aside_m * ahead_y
        y_m = start.y_m + along_m * ahead_y - aside_m * ahead_x
        yield Point(x_m, y_m), sqrt(LATERAL_MPS2 * radius_m)


class Place:
    """Where the car is on its route."""

    def __init__(self, route: Iterator[Piece]) -> None:
        self._route = route
        self._pieces = deque([next(route)])
        self._along_m = 0.0

    @property
    def piece(self) -> Piece:
        """The piece that the car is on."""
        return self._pieces[0]

    @property
    def point(self) -> Point:
        """The car's position."""
        return _towards(self.piece.start, self.piece.end, self._along_m)

    @property
    def left_m(self) -> float:
        """How much of the piece lies ahead."""
        return self.piece.length_m - self._along_m

    def move(self, by_m: float) -> bool:
        """Go on by that much; True when that leads past the end of a piece."""
        self._along_m += by_m
        passed = False
        while self._along_m >= self.piece.length_m:
            self._along_m -= self._pieces.popleft().length_m
            passed = True
            if not self._pieces:
                self._pieces.append(next(self._route))
        return passed

    def ahead(self, within_m: float) -> Iterator[tuple[float, Piece, Piece]]:
        """Every end of a piece within that distance: how far it is, the piece, and the one after it."""
        away_m, number = self.left_m, 0
        while away_m <= within_m:
            if number + 1 == len(self._pieces):
                self._pieces.append(next(self._route))
            yield away_m, self._pieces[number], self._pieces[number + 1]
            number += 1
            away_m += self._pieces[number].length_m
