"""Marks on a map of pixels: an edge in the colour of their letters, and what is behind these inside. Pure."""

from math import cos, pi, radians, sin

from terminal.map.raster import Point, Raster
from terminal.screen.pages.marks import Shape

Polygons = tuple[tuple[Point, ...], ...]
"""Convex ones, around (0, 0); up is to smaller y."""

ROUND: Polygons = (tuple((cos(step * pi / 8), sin(step * pi / 8)) for step in range(16)),)
POINTED: Polygons = (((0, -1.3), (0.95, 1), (0, 0.5)), ((0, -1.3), (0, 0.5), (-0.95, 1)))
"""An arrow to the north."""

SHAPES: dict[Shape, Polygons] = {
    Shape.PATROL: ROUND,
    Shape.JOB: (((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),),
    Shape.ALARM: (((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),),
    Shape.CAR: ROUND,
}

RADIUS = 0.4
"""Of a mark, in heights of a cell: 5 mm across on a 7" panel."""

LONGEST = 1.4
"""No corner is farther from the middle, in radii."""

INSIDE = 0.68
"""The part of it that its edge leaves."""


def draw(
    raster: Raster, at: Point, shape: Shape, course_deg: int | None, radius: float, colours: tuple[int, int]
) -> None:
    """A mark; with a course, as an arrow there. `colours` are those of the edge and of the inside."""
    polygons = SHAPES[shape] if course_deg is None else POINTED
    turn = radians(course_deg or 0)
    for size, colour in zip((radius, radius * INSIDE), colours, strict=True):
        for polygon in polygons:
            raster.fill([_placed(at, point, size, turn) for point in polygon], colour)


def _placed(at: Point, point: Point, size: float, turn: float) -> Point:
    x, y = point[0] * size, point[1] * size
    return at[0] + x * cos(turn) - y * sin(turn), at[1] + x * sin(turn) + y * cos(turn)
