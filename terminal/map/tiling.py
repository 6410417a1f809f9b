"""Cuts lines into tiles: clipped, on the tile's grid, without points that change nothing. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import floor

from terminal.map.features import GRID
from terminal.map.mercator import Point

TileAt = tuple[int, int]
"""(x, y) of a tile at its level."""


def tile_of(point: Point, level: int) -> TileAt:
    """The tile in which a point lies."""
    side = 1 << level
    return min(floor(point[0] * side), side - 1), min(floor(point[1] * side), side - 1)


def on_grid(point: Point, level: int, tile: TileAt) -> tuple[int, int]:
    """A point in a tile's own whole numbers; outside of the tile they go beyond it."""
    side = 1 << level
    return round((point[0] * side - tile[0]) * GRID), round((point[1] * side - tile[1]) * GRID)


def cut(line: Sequence[Point], level: int) -> Iterator[tuple[TileAt, tuple[int, ...]]]:
    """A line's pieces, each with the tile in which it lies; a piece reaches one point into the next tile."""
    for tile, points in _pieces(line, level):
        grid = [on_grid(point, level, tile) for point in points]
        shorter = _simplified(grid, tolerance=GRID / 256)
        if len(shorter) > 1:
            yield tile, tuple(number for point in shorter for number in point)


def _pieces(line: Sequence[Point], level: int) -> Iterator[tuple[TileAt, list[Point]]]:
    """Runs of points by tile; a segment is in every tile that it passes."""
    current: TileAt | None = None
    points: list[Point] = []
    for start, end in pairwise(line):
        for tile in _passed(start, end, level):
            if tile != current:
                if current is not None:
                    yield current, points
                current, points = tile, [start]
            points.append(end)
    if current is not None:
        yield current, points


def _passed(start: Point, end: Point, level: int) -> Iterator[TileAt]:
    """The tiles of a segment, from its start to its end."""
    first, last = tile_of(start, level), tile_of(end, level)
    steps = 4 * max(abs(first[0] - last[0]), abs(first[1] - last[1]), 0)
    before = None
    for step in range(steps + 1):
        share = step / steps if steps else 0.0
        point = (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
        tile = tile_of(point, level)
        if tile != before:
            yield tile
            before = tile


def _simplified(points: list[tuple[int, int]], tolerance: float) -> list[tuple[int, int]]:
    """Douglas and Peucker, 1973: without the points that lie within `tolerance` of the line through the others."""
    keep = {0, len(points) - 1}
    waiting = [(0, len(points) - 1)]
    while waiting:
        first, last = waiting.pop()
        worst, distance = 0, 0.0
        for place in range(first + 1, last):
            away = _away(points[place], points[first], points[last])
            if away > distance:
                worst, distance = place, away
        if distance > tolerance:
            keep.add(worst)
            waiting += [(first, worst), (worst, last)]
    kept = [points[place] for place in sorted(keep)]
    return [point for place, point in enumerate(kept) if place == 0 or point != kept[place - 1]]


def _away(point: tuple[int, int], start: tuple[int, int], end: tuple[int, int]) -> float:
    """How far a point is from a segment."""
    width, height = end[0] - start[0], end[1] - start[1]
    length = width * width + height * height
    if length == 0:
        return float(((point[0] - start[0]) ** 2 + (point[1] - start[1]) ** 2) ** 0.5)
    share = ((point[0] - start[0]) * width + (point[1] - start[1]) * height) / length
    share = max(0.0, min(1.0, share))
    across, down = start[0] + share * width - point[0], start[1] + share * height - point[1]
    return float((across * across + down * down) ** 0.5)
