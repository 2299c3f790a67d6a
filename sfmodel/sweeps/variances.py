"""Several variances, each known from few values: alike, but not the same.

They are taken to be draws from one scaled inverse χ² distribution, with d₀ degrees of freedom about s₀², as Smyth does for
genes (Statistical Applications in Genetics and Molecular Biology 3, 2004). He takes the likeliest d₀ and s₀²; of few
variances these are hardly known, so here they are drawn too, log d₀ and log s₀² with flat priors. Where all values look alike
the variances are nearly pooled, where some do not each is nearly its own; a single one is judged as by Student's t.

So what is said of all of them is right as often as it claims. Of one that is known beforehand to be much larger than the others
it is not: only its own values speak of it, and they must be several.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9
"""Differences that are less than this, of the largest figure, are none."""

_ALIKE = 2.0 ** np.arange(9)[:, None, None]
"""Values of d₀, shape [d₀, 1, 1]: from 1, variances differ by factors of ten, to 256, they are the same."""
_ABOUT = 10.0 ** np.linspace(-3, 3, 121)[:, None]
"""Values of s₀² as multiples of the mean variance, shape [s₀², 1]."""


def drawn_variances(
    found: NDArray[np.float64], freedom: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw true variances, given estimates.

    Parameters
    ----------
    found
        Estimates, in any unit squared; shape [variance].
    freedom
        Degrees of freedom of each, 0 where nothing is known of it, not of all; shape [variance].
    draws
        How many.
    rng
        Source of chance.

    Returns
    -------
    Shape [draw, variance]; 0 where all estimates are.
    """
    mean = float(np.average(found, weights=freedom))
    if mean == 0:
        return np.zeros((draws, len(found)))
    likely = _log_likelihood(found / mean, freedom)
    chance = np.exp(likely - likely.max()).ravel()
    alike, about = np.unravel_index(rng.choice(chance.size, draws, p=chance / chance.sum()), likely.shape)
    d0, s0_squared = _ALIKE[alike, 0], mean * _ABOUT[about]
    return (d0 * s0_squared + freedom * found) / rng.chisquare(d0 + freedom)


def _log_likelihood(found: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each d₀ and s₀², shape [d₀, s₀²]: an estimate is s₀² times F with d and d₀ degrees of freedom."""
    log_gamma = np.vectorize(math.lgamma)
    both = (_ALIKE + freedom) / 2
    prior = _ALIKE * _ABOUT
    each = (
        log_gamma(both) - log_gamma(_ALIKE / 2) - freedom / 2 * np.log(prior) - both * np.log1p(freedom * found / prior)
    )
    return each.sum(axis=-1)
