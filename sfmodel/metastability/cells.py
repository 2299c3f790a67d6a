"""Cells of a map, and which to run next: coarse first, then along the edges between those that recover and those that do not.

Cells beside one of another state, along any axis, get all seeds, and so do those that end one way with one seed and the
other way with another. Between two neighbours of different states a cell halfway is added: of times halfway on a logarithmic
scale. Everything else keeps its first seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from sfmodel.metastability.design import MapDesign
from sfmodel.metastability.recovery import Outcome, State

Axis = Literal["load", "size", "duration_s"]
AXES: tuple[Axis, ...] = ("duration_s", "size", "load")
"""The last costs a world of its own for each level."""


@dataclass(frozen=True, order=True)
class Cell:
    """A trigger of some size and duration at some load."""

    load: float
    size: float
    duration_s: float

    @property
    def name(self) -> str:
        """As in the names of its runs."""
        return f"load={self.load:g},size={self.size:g},duration={self.duration_s:g}s"


@dataclass(frozen=True, order=True)
class Job:
    """A run that is wanted."""

    change: str
    """Set of interventions that it has."""
    cell: Cell
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.change},{self.cell.name},seed={self.seed}"


Seen = Mapping[Cell, Mapping[int, Outcome]]
"""Cell → seed → outcome, of one set of interventions."""


def grid(design: MapDesign) -> list[Cell]:
    """The cells that the design names, load by load."""
    return [cell for load in design.load.levels for cell in cells_at(design, load)]


def cells_at(design: MapDesign, load: float) -> list[Cell]:
    """Every trigger of the design at a load."""
    trigger = design.trigger
    return [Cell(load, size, duration_s) for size in trigger.sizes for duration_s in trigger.durations]


def state_of(outcomes: Mapping[int, Outcome]) -> State:
    """What becomes of most runs of a cell; of as many the worse."""
    counts = {state: sum(one.state == state for one in outcomes.values()) for state in State}
    return max(counts, key=lambda state: (counts[state], state)) if outcomes else State.NOT_RUN


def is_mixed(outcomes: Mapping[int, Outcome]) -> bool:
    """Whether seeds end differently."""
    return len({one.state for one in outcomes.values()}) > 1


def next_cells(
    design: MapDesign, seen: Seen, failed: Set[tuple[Cell, int]], seeds: int, depth: int
) -> list[tuple[Cell, int]]:
    """Which cell to run next with which seed: those of the first step that is not done.

    Parameters
    ----------
    design
        Names the coarse grid.
    seen
        What is known.
    failed
        Cells and seeds whose run ended with an error: they are not asked for again, and what lies on both sides of a cell
        without any outcome are neighbours.
    seeds
        That a cell at an edge gets.
    depth
        How many times the distance of two neighbours is halved.
    """
    firsts = [(cell, 1) for cell in grid(design) if not seen.get(cell)]
    at_edge = {cell for pair in edges(seen) for cell in pair} | {cell for cell in seen if is_mixed(seen[cell])}
    further = [(cell, seed) for seed in range(1, seeds + 1) for cell in sorted(at_edge) if seed not in seen[cell]]
    halfway = {_halfway(one, other) for one, other in edges(seen) if _apart(design, one, other) > 1.05 * 0.5**depth}
    between = [(cell, 1) for cell in sorted(halfway - set(seen))]
    steps = ([one for one in step if one not in failed] for step in (firsts, further, between))
    return next((step for step in steps if step), [])


def edges(seen: Seen) -> Iterator[tuple[Cell, Cell]]:
    """Neighbours along an axis of which one recovers and the other does not."""
    for axis in AXES:
        for line in _lines(sorted(seen), axis):
            for one, other in pairwise(line):
                if state_of(seen[one]) != state_of(seen[other]):
                    yield one, other


def _lines(cells: Sequence[Cell], axis: Axis) -> list[list[Cell]]:
    """Cells that differ in nothing but one axis, in its order."""
    lines: dict[Cell, list[Cell]] = {}
    for cell in cells:
        lines.setdefault(replace(cell, **{axis: 0.0}), []).append(cell)
    return [sorted(line, key=lambda cell: float(getattr(cell, axis))) for line in lines.values()]


def _axis_of(one: Cell, other: Cell) -> Axis:
    return next(axis for axis in AXES if getattr(one, axis) != getattr(other, axis))


def _halfway(one: Cell, other: Cell) -> Cell:
    axis = _axis_of(one, other)
    low, high = (float(getattr(cell, axis)) for cell in (one, other))
    middle = math.sqrt(low * high) if axis == "duration_s" else (low + high) / 2
    return replace(one, **{axis: float(f"{middle:.4g}")})


def _apart(design: MapDesign, one: Cell, other: Cell) -> float:
    """Distance of two neighbours, of that of the neighbours of the coarse grid between which they lie."""
    axis = _axis_of(one, other)
    coarse = {
        "load": design.load.levels, "size": design.trigger.sizes, "duration_s": design.trigger.durations,
    }[axis]  # fmt: skip
    scale = math.log if axis == "duration_s" else float
    low, high = (scale(getattr(cell, axis)) for cell in (one, other))
    places = [scale(value) for value in coarse]
    around = [(a, b) for a, b in pairwise(places) if a <= low + 1e-9 and high <= b + 1e-9]
    return (high - low) / (around[0][1] - around[0][0]) if around else 1.0
