"""Effects of changes, from a table of changes by seeds: y = a + s + e, of each change a, of each seed s, and chance e.

Chance has a variance for each change, since a change may do more on one seed than on another. Effects of changes and of seeds
have flat priors, and are fitted by least squares with weights of one over the variances; the variances are alike
(`variances`), and known by what the fit leaves of each change, in as many degrees of freedom as the fit leaves it. Weights and
variances follow from each other, and are found in turns: so a change that varies much says little of what seeds have in common,
and the others' chance is not taken for larger by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfmodel.sweeps.variances import drawn_variances, middle_variances

TURNS = 200
"""At most."""

SETTLED = 0.01
"""Weights that change by less than this part are found."""

SPREAD = 1e12
"""Of weights, at most: sums of more would round."""

LEFT = 1e-6
"""Degrees of freedom that are less than this are none."""


def runs_of(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Change and value of each run of a table as of `drawn_effects`, and the design: [run, effect of a change or seed]."""
    change, seed = np.nonzero(~np.isnan(values))
    changes, seeds = values.shape
    of_change, of_seed = change[:, None] == np.arange(1, changes), seed[:, None] == np.arange(seeds)
    return change, values[change, seed], np.hstack([of_change, of_seed]).astype(float)


def drawn_effects(
    values: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw effects of changes beside the first.

    Parameters
    ----------
    values
        What each run shows, shape [change, seed]; NaN where there is none. There are more runs than effects, changes and
        seeds hang together, and something is left by chance.
    draws
        How many.
    rng
        Source of chance.

    Returns
    -------
    The effects' means, shape [change], and draws of them, [draw, change]; of the first 0.
    """
    changes = len(values)
    change, y, design = runs_of(values - np.nanmean(values, axis=0))
    weight = np.ones(changes)
    for _ in range(TURNS):
        root = np.sqrt(weight)[change]
        solve = np.linalg.pinv(design * root[:, None]) * root
        residual = y - design @ (solve @ y)
        left = np.clip(1 - np.einsum("ij,ji->i", design, solve), 0.0, 1.0)  # of a run's degree of freedom
        freedom = np.bincount(change, left, changes).astype(np.float64)
        freedom[freedom < LEFT] = 0.0
        squares = np.bincount(change, residual**2, changes)
        found = np.divide(squares, freedom, out=np.zeros(changes), where=freedom > 0)
        before = weight
        weight = np.sqrt(before / middle_variances(found, freedom))  # half the way, else turns may go to and fro
        weight = np.maximum(weight / weight.max(), 1 / SPREAD)
        if (abs(weight / before - 1) < SETTLED).all():
            break
    if changes == 2:  # of which only the sum of their variances is known
        found, freedom = np.array([squares.sum() / freedom.sum()]), np.array([freedom.sum()])
    variances = np.broadcast_to(drawn_variances(found, freedom, draws, rng), (draws, changes))
    chance = np.sqrt(variances)[:, change] * rng.standard_normal((draws, len(y)))
    mean, own = np.append(0.0, (solve @ y)[: changes - 1]), solve[: changes - 1]
    return mean, mean + np.column_stack([np.zeros(draws), chance @ own.T])
