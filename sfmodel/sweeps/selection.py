"""Which of several changes is best, while seeds are still being run: how probable each is, and which to run next.

What a run shows is the effect of its change, plus what its seed has in common for all changes, plus chance: y = a + s + e, e
normal with one variance. With every prior flat the effects are, given what has been seen, distributed as a multivariate
Student t about their least-squares estimates; the probability of being best is found by drawing from it.

Runs are given out by successive halving: all changes get seeds in rounds, and after each round only the better half, and
whatever may still be best, goes on (Karnin, Koren and Somekh, Almost Optimal Exploration in Multi-Armed Bandits, ICML 2013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS = 20_000
"""Standard error of a probability of one half: 0.35 points."""

CONTENDER = 0.02
"""A change that is best with less than this is not run again, if it is in the worse half."""


@dataclass(frozen=True)
class Contest:
    """What is known of the changes."""

    names: list[str]
    mean: NDArray[np.float64]
    """Effect of each beside the first, in the unit of the figure; shape [change]."""
    deviation: NDArray[np.float64]
    """Standard error of each; NaN where chance is not known yet."""
    best: NDArray[np.float64]
    """Probability that each is the best; NaN where chance is not known yet."""
    freedom: int
    """Degrees of freedom of the variance; 0: it is not known."""


def contest(seen: Mapping[tuple[str, int], float], names: Sequence[str], *, more_is_better: bool) -> Contest:
    """Judge changes by the runs that are there.

    Parameters
    ----------
    seen
        (change, seed) → value; each change has at least one run.
    names
        Changes; the first is what the others are beside.
    more_is_better
        Which way is better.
    """
    seeds = sorted({seed for _, seed in seen})
    rows, values = [], []
    for (name, seed), value in seen.items():
        row = np.zeros(len(names) - 1 + len(seeds))
        if name != names[0]:
            row[names.index(name) - 1] = 1.0
        row[len(names) - 1 + seeds.index(seed)] = 1.0
        rows.append(row)
        values.append(value)
    design, y = np.array(rows), np.array(values)
    found, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    freedom = len(y) - int(rank)
    mean = np.append(0.0, found[: len(names) - 1])
    if freedom < 1:
        unknown = np.full(len(names), np.nan)
        return Contest(list(names), mean, unknown, unknown, 0)
    variance = float(((y - design @ found) ** 2).sum()) / freedom
    spread = variance * np.linalg.pinv(design.T @ design)[: len(names) - 1, : len(names) - 1]
    deviation = np.append(0.0, np.sqrt(np.diag(spread)))
    return Contest(list(names), mean, deviation, _best(mean, spread, freedom, more_is_better), freedom)


def _best(mean: NDArray[np.float64], spread: NDArray[Any], freedom: int, more_is_better: bool) -> NDArray[np.float64]:
    """Share of draws in which each is best."""
    rng = np.random.default_rng(0)  # the same runs, the same answer
    draws = rng.multivariate_normal(np.zeros(len(spread)), spread, DRAWS, method="eigh")
    draws *= np.sqrt(freedom / rng.chisquare(freedom, (DRAWS, 1)))
    values = mean + np.column_stack([np.zeros(DRAWS), draws])
    winners = np.argmax(values if more_is_better else -values, axis=1)
    return np.bincount(winners, minlength=len(mean)) / DRAWS


def go_on(found: Contest, going: Sequence[str], *, more_is_better: bool) -> list[str]:
    """Which of the changes that get seeds get more: their better half, who may still be best, and the first of all."""
    order = [int(k) for k in np.argsort(-found.mean if more_is_better else found.mean, kind="stable")]
    half = [k for k in order if found.names[k] in going][: max(2, (len(going) + 1) // 2)]
    open_ones = np.flatnonzero(np.isnan(found.best) | (found.best >= CONTENDER)).tolist()
    return [name for k, name in enumerate(found.names) if k in {0, *half, *open_ones}]
