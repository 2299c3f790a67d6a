"""What each change of a sweep does to each figure: of a factorial design or a grid its effects, else each point beside the first.

The points are taken apart by what is no change, such as levels of demand or scenarios: effects are found for each alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, RunError
from sfmodel.results.intervals import Interval, interval
from sfmodel.sweeps import factorial
from sfmodel.sweeps.observations import Observation, Observations
from sfmodel.sweeps.points import NONE
from sfmodel.sweeps.rounding import without_rounding

CHANGES = "intervention"
"""Parameter whose labels are sets of changes, a+b."""


Kind = Literal["factorial", "grid", "beside"]
"""What a row is: an effect over all points of a design of two levels; a value of a key beside the key's first, over all points of
a grid; the difference of a point and the first one."""


@dataclass(frozen=True)
class Row:
    """A change, or several that the design does not tell apart, and what it does to each figure."""

    title: str
    sizes: Mapping[str, Interval]
    """By figure; its half is NaN where it is not known."""
    by_seed: Mapping[str, NDArray[np.float64]]
    """The same of each seed alone, by figure; shape [seed]."""
    is_interaction: bool = False


@dataclass(frozen=True)
class Effects:
    """What changes do, all else being the same."""

    where: Mapping[str, str]
    """What else is the same: labels of the other parameters."""
    kind: Kind
    beside: str
    """The first point, where rows are differences to it."""
    level: Mapping[str, float]
    """Mean of each figure: over all points of a design or grid, else of the first."""
    rows: list[Row]
    seeds: list[int]
    """Which all points have."""
    is_regular: bool = True
    """Whether a design tells interactions apart from all else, or takes them for the very same; else none are estimated."""


def effects_of(observations: Observations, figures: Sequence[str]) -> list[Effects]:
    """Find the effects of the changes of a sweep.

    Parameters
    ----------
    observations
        What its runs show.
    figures
        Keys of figures; of those that a run does not show nothing is said.

    Raises
    ------
    ConfigError
        The sweep changes nothing.
    RunError
        Of no part anything can be said: points of the design are missing, or the one beside which the others are taken, or the
        points have no seed in common.
    """
    by_point: dict[tuple[tuple[str, str], ...], dict[int, Observation]] = {
        tuple(values.items()): {} for values in observations.points
    }
    for one in observations.every:
        by_point[tuple(one.values.items())][one.seed] = one
    changed = list(dict.fromkeys(key for point in by_point for key, _ in point))
    changes = [CHANGES] if CHANGES in changed else changed
    if not changes:
        raise ConfigError("the sweep has seeds, but changes nothing; sweep over interventions or other keys")
    apart: dict[tuple[tuple[str, str], ...], dict[tuple[str, ...], dict[int, Observation]]] = {}
    for point, runs in by_point.items():
        where = tuple((key, label) for key, label in point if key not in changes)
        apart.setdefault(where, {})[tuple(label for key, label in point if key in changes)] = runs
    found: list[Effects] = []
    unfinished: list[RunError] = []
    for where, points in apart.items():
        try:
            found.append(_effects(dict(where), changes, points, figures))
        except RunError as error:
            unfinished.append(error)
    if not found:
        raise unfinished[0]
    return found


def _effects(
    where: Mapping[str, str], changes: Sequence[str], points: Mapping[tuple[str, ...], Mapping[int, Observation]],
    figures: Sequence[str],
) -> Effects:  # fmt: skip
    names, levels, titles = _levels(changes, list(points))
    is_design = levels is not None and factorial.is_factorial(levels)
    unfinished = [
        ", ".join([_title(changes, point), *(f"{key}={label}" for key, label in where.items())])
        for point, runs in points.items()
        if not runs
    ]
    if is_design and unfinished:
        raise RunError(
            f"{len(unfinished)} points of the design have no run that is finished, the first is {unfinished[0]}, so nothing can "
            "be said of effects; go on with the sweep first"
        )
    first = next(iter(points))
    if not points[first]:
        raise RunError(
            f"{unfinished[0]} is not finished, beside which all others are taken; go on with the sweep first"
        )
    there = {labels: runs for labels, runs in points.items() if runs}
    seeds = sorted(set.intersection(*(set(runs) for runs in there.values())))
    if not seeds:
        raise RunError("the points have no seed in common; go on with the sweep until each has the same seeds")
    values = {
        key: np.array([[runs[seed].figures.get(key, math.nan) for seed in seeds] for runs in there.values()])
        for key in figures
    }  # figure → [point, seed]
    shown = {key: found for key, found in values.items() if np.isfinite(found).all()}
    if levels is not None and is_design:
        return _of_design(where, names, levels, titles, shown, seeds)
    if levels is None and len(there) == len(points) and (labels := _grid(list(points))):
        return _of_grid(where, changes, labels, list(points), shown, seeds)
    return _beside_first(where, changes, list(there), shown, seeds)


def _grid(points: Sequence[tuple[str, ...]]) -> list[list[str]] | None:
    """Labels of each key where the points are all their combinations, of several keys; else none."""
    labels = [list(dict.fromkeys(own)) for own in zip(*points, strict=True)]
    is_grid = sum(len(own) > 1 for own in labels) > 1 and math.prod(map(len, labels)) == len(set(points))
    return labels if is_grid else None


def _levels(
    changes: Sequence[str], points: Sequence[tuple[str, ...]]
) -> tuple[list[str], NDArray[np.float64] | None, Mapping[str, str]]:
    """Factors; their levels, ±1, shape [point, factor], none where one has more than two; what their effects are called."""
    if list(changes) == [CHANGES]:
        sets = [set(label.split("+")) - {NONE} for (label,) in points]
        names = list(dict.fromkeys(name for (label,) in points for name in label.split("+") if name != NONE))
        return names, np.array([[1.0 if name in chosen else -1.0 for name in names] for chosen in sets]), {}
    every = [list(dict.fromkeys(labels)) for labels in zip(*points, strict=True)]
    if any(len(labels) != 2 for labels in every):
        return [], None, {}
    names = short_keys(changes)
    titles = {name: f"{name} {low} → {high}" for name, (low, high) in zip(names, every, strict=True)}
    signs = [[2.0 * labels.index(one) - 1 for one, labels in zip(point, every, strict=True)] for point in points]
    return names, np.array(signs), titles


def _of_design(
    where: Mapping[str, str], names: Sequence[str], levels: NDArray[np.float64], titles: Mapping[str, str],
    values: Mapping[str, NDArray[np.float64]], seeds: list[int],
) -> Effects:  # fmt: skip
    found = {key: factorial.effects(names, levels, response) for key, response in values.items()}
    terms = [one.term for one in next(iter(found.values()), [])]
    rows = [
        Row(
            titles.get(term.written, term.written),
            {key: every[k].size for key, every in found.items()},
            {key: every[k].by_seed for key, every in found.items()},
            not term.is_main,
        )
        for k, term in enumerate(terms)
    ]
    level = {key: float(response.mean()) for key, response in values.items()}
    return Effects(where, "factorial", "", level, rows, seeds, factorial.is_regular(levels))


def _of_grid(
    where: Mapping[str, str], changes: Sequence[str], labels: Sequence[Sequence[str]], points: Sequence[tuple[str, ...]],
    values: Mapping[str, NDArray[np.float64]], seeds: list[int],
) -> Effects:  # fmt: skip
    """Each value of a key beside its first, over all values of the others; of two keys half of what one adds to the other."""
    names = short_keys(changes)
    order = [points.index(point) for point in product(*labels)]
    shape = tuple(map(len, labels))
    cells = {key: response[order].reshape(*shape, -1) for key, response in values.items()}  # figure → [*label, seed]
    rows = []
    for count in (1, 2):
        for keys in combinations(range(len(labels)), count):
            others = tuple(axis for axis in range(len(labels)) if axis not in keys)
            means = {key: found.mean(axis=others) for key, found in cells.items()}  # figure → [*label of keys, seed]
            for chosen in product(*(range(1, shape[axis]) for axis in keys)):
                title = " × ".join(
                    f"{names[axis]} {labels[axis][0]} → {labels[axis][k]}" for axis, k in zip(keys, chosen, strict=True)
                )
                by_seed = {
                    key: without_rounding(_contrast(found, chosen) / count, values[key]) for key, found in means.items()
                }
                sizes = {key: interval(list(found)) for key, found in by_seed.items()}
                rows.append(Row(title, sizes, by_seed, count > 1))
    level = {key: float(response.mean()) for key, response in values.items()}
    return Effects(where, "grid", "", level, rows, seeds)


def _contrast(means: NDArray[np.float64], chosen: Sequence[int]) -> NDArray[np.float64]:
    """What the chosen places of the leading axes add to one another, beside place 0; shape [seed]."""
    for place in chosen:
        means = means[place] - means[0]
    return means


def _beside_first(
    where: Mapping[str, str], changes: Sequence[str], points: Sequence[tuple[str, ...]],
    values: Mapping[str, NDArray[np.float64]], seeds: list[int],
) -> Effects:  # fmt: skip
    titles = [_title(changes, point) for point in points]
    apart = {key: without_rounding(response - response[0], response) for key, response in values.items()}
    rows = [
        Row(
            titles[k],
            {key: interval(list(found[k])) for key, found in apart.items()},
            {key: found[k] for key, found in apart.items()},
        )
        for k in range(1, len(points))
    ]
    level = {key: float(response[0].mean()) for key, response in values.items()}
    return Effects(where, "beside", titles[0], level, rows, seeds)


def _title(changes: Sequence[str], point: Sequence[str]) -> str:
    if list(changes) == [CHANGES]:
        return point[0]
    return ", ".join(f"{key}={label}" for key, label in zip(short_keys(changes), point, strict=True))


def short_keys(keys: Sequence[str]) -> list[str]:
    """Keys without their common beginning; the last two parts where they are enough."""
    for count in range(2, 99):
        short = [".".join(key.split(".")[-count:]) for key in keys]
        if len(set(short)) == len(keys):
            return short
    return list(keys)
