"""Effects of changes, from a table of changes by seeds: y = a + s + e, of each change a, of each seed s, and chance e.

Chance has a variance for each change, since a change may do more on one seed than on another. Effects of changes and of seeds
have flat priors, variances are alike (`variances`), and all are drawn together by Gibbs sampling (Gelman and others, Bayesian
Data Analysis, 3rd ed., 2013, chapter 11.6): so a change that varies much says little of what seeds have in common, and the
others' chance is not taken for larger by it.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from sfmodel.sweeps.variances import drawn_spread

BURN_IN = 40
"""Steps of each chain that are not kept."""

KEPT = 10
"""Steps of each chain that are."""

LEAST = 1e-8
"""Of the mean variance: below it a change's chance is none, and sums of its weights would round."""


def drawn_effects(
    values: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw effects of changes beside the first.

    Parameters
    ----------
    values
        What each run shows, shape [change, seed]; NaN where there is none. There are more runs than effects, and changes and
        seeds hang together.
    draws
        How many, a multiple of `KEPT`.
    rng
        Source of chance.

    Returns
    -------
    The effects' means, shape [change], and draws of them, [draw, change]; of the first 0.
    """
    is_seen = ~np.isnan(values)
    changes, runs, chains = len(values), is_seen.sum(axis=1), draws // KEPT
    y = np.where(is_seen, values, 0.0)
    about = _first_variances(values)
    least = LEAST * about.mean()
    apart = np.exp(rng.standard_normal((chains, changes)))
    variances: NDArray[np.float64] = np.maximum(about, 0.01 * about.mean()) * apart
    means, drawn = np.zeros((KEPT, changes)), np.zeros((KEPT, chains, changes))
    for step in range(-BURN_IN, KEPT):
        weight = is_seen / variances[:, :, None]  # [chain, change, seed]
        of_seed = weight.sum(axis=1)
        share = weight / of_seed[:, None]
        precision = np.eye(changes) * weight.sum(axis=2)[:, None] - weight @ share.swapaxes(1, 2)
        pull = (weight * (y - (share * y).sum(axis=1)[:, None])).sum(axis=2)
        mean, effect = _normal(precision[:, 1:, 1:], pull[:, 1:], rng)
        gap = np.where(is_seen, y - np.pad(effect, ((0, 0), (1, 0)))[:, :, None], 0.0)
        common = (share * gap).sum(axis=1) + rng.standard_normal(of_seed.shape) / np.sqrt(of_seed)
        squares = (is_seen * (gap - common[:, None]) ** 2).sum(axis=2)
        freedom, prior = drawn_spread(variances, rng)
        variances = np.maximum((freedom * prior + squares) / rng.chisquare(freedom + runs), least)
        if step >= 0:
            means[step, 1:] = mean.mean(axis=0)
            drawn[step, :, 1:] = effect
    return np.asarray(means.mean(axis=0)), drawn.reshape(-1, changes)


def _normal(
    precision: NDArray[np.float64], pull: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means, and a draw each, of normal vectors of inverse covariance `precision` and of mean precision⁻¹ pull."""
    root = np.linalg.cholesky(precision).swapaxes(1, 2)
    mean = np.asarray(np.linalg.solve(precision, pull[..., None])[..., 0], dtype=np.float64)
    chance = np.linalg.solve(root, rng.standard_normal((*pull.shape, 1)))[..., 0]
    return mean, mean + chance


def _first_variances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each change's variance, shape [change]: those that explain best how much the differences of each two changes vary."""
    pairs = np.array(list(combinations(range(len(values)), 2)))
    apart = values[pairs[:, 0]] - values[pairs[:, 1]]
    shared = (~np.isnan(apart)).sum(axis=1)
    known = shared > 1
    if not known.any():
        return np.full(len(values), np.nanvar(values - np.nanmean(values, axis=0)))
    spread = np.nanvar(apart[known], axis=1, ddof=1)
    member = (pairs[known][:, :, None] == np.arange(len(values))).any(axis=1).astype(float)
    return nnls(member, spread)[0]
