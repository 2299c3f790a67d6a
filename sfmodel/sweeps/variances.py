"""Several variances, each known from few values: alike, but not the same.

They are taken to be draws from one scaled inverse χ² distribution, with d₀ degrees of freedom about s₀², as Smyth does for
genes (Statistical Applications in Genetics and Molecular Biology 3, 2004). He takes the likeliest d₀ and s₀²; of few
variances these are hardly known, so here they are drawn too. Log s₀² has a flat prior. That of log d₀ falls as d₀^−½, which was
chosen by how often intervals hold: with a flat one fewer of those hold where variances differ much.

Where all values look alike the variances are nearly pooled, where some do not each is nearly its own. What is said of all is
right about as often as it claims; of one that is known beforehand to be much larger than the others it is less often so, in
about 90 of 100 cases instead of 95 if it has four values: it is drawn somewhat to the others. `tests/sweeps/test_selection.py`
has both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

_ALIKE = 2.0 ** np.arange(-1, 9)[:, None, None]
"""Values of d₀, shape [d₀, 1, 1]: from 1/2, variances differ by powers of ten, to 256, they are the same."""
_PRIOR = -0.5 * np.log(_ALIKE)
"""Logarithm of the prior of each d₀."""
_STEPS = 300
"""Values of s₀²: from a millionth of the least estimate to a million times the largest, in steps of its logarithm."""
_LEAST = 1e-14
"""Of the largest estimate: less is taken for rounding."""


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
    if not found.any():
        return np.zeros((draws, len(found)))
    about, chance = _spread(found, freedom)
    alike, at = np.unravel_index(rng.choice(chance.size, draws, p=chance.ravel()), chance.shape)
    d0, s0_squared = _ALIKE[alike, 0], about[at]
    return (d0 * s0_squared + freedom * found) / rng.chisquare(d0 + freedom)


def middle_variances(found: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric means of what each true variance may be, given estimates as of `drawn_variances`, not all 0; shape [variance]."""
    about, chance = _spread(found, freedom)
    each = np.log((_ALIKE * about + freedom * found) / 2) - digamma((_ALIKE + freedom) / 2)
    return np.asarray(np.exp(np.einsum("ds,dsv->v", chance, each)))


def _spread(
    found: NDArray[np.float64], freedom: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of s₀², shape [s₀², 1], and the probability of each with each d₀, [d₀, s₀²].

    An estimate is s₀² times F with d and d₀ degrees of freedom.
    """
    most = found.max()
    least = max(found[freedom > 0].min(), _LEAST * most)
    about = np.geomspace(1e-6 * least, 1e6 * most, _STEPS)[:, None]
    both = (_ALIKE + freedom) / 2
    prior = _ALIKE * about
    each = gammaln(both) - gammaln(_ALIKE / 2) - freedom / 2 * np.log(prior) - both * np.log1p(freedom * found / prior)
    likely = _PRIOR[..., 0] + each.sum(axis=-1)
    chance = np.exp(likely - likely.max())
    return about, chance / chance.sum()
