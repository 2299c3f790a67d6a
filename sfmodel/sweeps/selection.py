"""Which of several changes is best, while seeds are still being run: how probable each is, and which to run next.

What a run shows is the effect of its change, plus what its seed has in common for all changes, plus chance: y = a + s + e, e
normal with a variance for each change, since a change may do more on one seed than on another. What effects may be, given what
has been seen, is drawn (`two_way`). Changes that show the same on every seed are one, and share its probability.

Runs are given out by successive halving: all changes get seeds in rounds, and after each round only the better half, and
whatever may still be best, goes on (Karnin, Koren and Somekh, Almost Optimal Exploration in Multi-Armed Bandits, ICML 2013).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfmodel.results.intervals import LEVEL, Interval
from sfmodel.sweeps.rounding import ROUNDING
from sfmodel.sweeps.two_way import drawn_effects, runs_of

DRAWS = 10_000
"""The standard error of a probability of one half is 0.5 points."""

CONTENDER = 0.02
"""A change that is best with less than this is not run again, if it is in the worse half."""


@dataclass(frozen=True)
class Contest:
    """What is known of the changes."""

    names: list[str]
    mean: NDArray[np.float64]
    """Effect of each beside the first, in the unit of the figure; shape [change]."""
    best: NDArray[np.float64]
    """Probability that each is the best; NaN where chance is not known yet."""
    draws: NDArray[np.float64]
    """What the effects may be, shape [draw, change]; NaN where chance is not known yet."""

    def size(self, name: str, beside: str | None = None) -> Interval:
        """Effect of a change beside another, or the first; its half is NaN where chance is not known yet."""
        k, first = self.names.index(name), self.names.index(beside) if beside else 0
        apart = self.mean[k] - self.mean[first]
        half = np.quantile(abs(self.draws[:, k] - self.draws[:, first] - apart), LEVEL)
        return Interval(float(apart), float(half), 0)


def contest(seen: Mapping[tuple[str, int], float], names: Sequence[str], *, more_is_better: bool) -> Contest:
    """Judge changes by the runs that are there.

    Parameters
    ----------
    seen
        (change, seed) → value, finite; each change has at least one run.
    names
        Changes; the first is what the others are beside.
    more_is_better
        Which way is better.
    """
    none = ROUNDING * max(map(abs, seen.values()))
    stands_for = _alike(seen, names, none)
    distinct = list(dict.fromkeys(stands_for))
    place = np.array([distinct.index(one) for one in stands_for])  # of each name
    runs = {(int(place[names.index(name)]), seed): value for (name, seed), value in seen.items()}
    mean, draws = _effects(runs, len(distinct), none)
    best = np.full(len(distinct), np.nan)
    if not np.isnan(draws).any():
        good = draws if more_is_better else -draws
        is_best = good >= good.max(axis=1, keepdims=True) - none
        best = (is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0)
    return Contest(list(names), mean[place], (best / np.bincount(place))[place], draws[:, place])


def joined(seen: Collection[tuple[str, int]], first: str) -> set[str]:
    """Changes of runs (change, seed) that can be taken beside the first: by seeds that they share with it, or with such a one."""
    found, before = {first}, set[str]()
    while found != before:
        before = found
        seeds = {seed for change, seed in seen if change in found}
        found = {change for change, seed in seen if seed in seeds}
    return found


def _alike(seen: Mapping[tuple[str, int], float], names: Sequence[str], none: float) -> list[str]:
    """Of each change the one that it is the same as, or itself: both show the same on all seeds that they share, two at least,
    or all of both, and so does whoever else is the same as that one; whoever could be the same as two is by itself."""
    of_change: dict[str, dict[int, float]] = {name: {} for name in names}
    for (name, seed), value in seen.items():
        of_change[name][seed] = value

    def are_same(one: dict[int, float], other: dict[int, float]) -> bool:
        apart = [abs(value - other[seed]) for seed, value in one.items() if seed in other]
        return (len(apart) > 1 or one.keys() == other.keys()) and max(apart) <= none

    groups: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: -len(of_change[name])):
        own = of_change[name]
        same = [group for group, members in groups.items() if all(are_same(own, of_change[one]) for one in members)]
        groups.setdefault(same[0] if len(same) == 1 else name, []).append(name)
    stands_for = {name: group for group, members in groups.items() for name in members}
    return [stands_for[name] for name in names]


def _effects(
    runs: Mapping[tuple[int, int], float], changes: int, none: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Effects beside the first, shape [change], and what they may be, [draw, change], of runs (change, seed) → value."""
    seeds = sorted({seed for _, seed in runs})
    if changes == 1:
        return np.zeros(1), np.full((1, 1), 0.0 if len(seeds) > 1 else np.nan)
    values = np.full((changes, len(seeds)), np.nan)
    for (change, seed), value in runs.items():
        values[change, seeds.index(seed)] = value
    _, y, design = runs_of(values)
    found, _, rank, _ = np.linalg.lstsq(design, y)
    mean = np.append(0.0, found[: changes - 1])
    mean[abs(mean) <= none] = 0.0
    if rank < design.shape[1] or len(y) == rank:
        return mean, np.full((1, changes), np.nan)
    if abs(y - design @ found).max() <= none:
        return mean, mean[None]
    return drawn_effects(values, DRAWS, np.random.default_rng(0))  # the same runs, the same answer


def go_on(found: Contest, going: Sequence[str], *, more_is_better: bool) -> list[str]:
    """Which of the changes that get seeds get more: their better half, who may still be best, and the first of all."""
    order = [int(k) for k in np.argsort(-found.mean if more_is_better else found.mean, kind="stable")]
    half = [k for k in order if found.names[k] in going][: max(2, (len(going) + 1) // 2)]
    open_ones = np.flatnonzero(np.isnan(found.best) | (found.best >= CONTENDER)).tolist()
    return [name for k, name in enumerate(found.names) if k in {0, *half, *open_ones}]
