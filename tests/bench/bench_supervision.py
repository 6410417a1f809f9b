"""How long both ends take to know of a line that swallows what it carries: real processes in networks of their own."""

import random
import statistics
from collections.abc import Callable

from tests.bench.processes import folder_on_disk
from tests.bench.rows import Row, row
from tests.system import network
from tests.system.stalls import Known, fifty_stalls

NAME = "A swallowing line is known at both ends (50 random stalls, the shipped supervision)"


def measure() -> list[Row]:
    problem = network.why_not()
    if problem:
        return [row(f"not measured: {problem}", 0, "stalls")]
    with folder_on_disk() as folder:
        known = fifty_stalls(folder, random.Random())
    ends: dict[str, Callable[[Known], float]] = {
        "headquarters knows": lambda one: one.by_hq_s,
        "the car knows": lambda one: one.by_car_s,
    }
    rows = [row("stalls", len(known), "stalls")]
    for what, of in ends.items():
        times = [of(one) for one in known]
        rows += [
            row(f"{what}, p50", statistics.median(times), "s"),
            row(f"{what}, max", max(times), "s", "promised 20"),
        ]
    return rows
