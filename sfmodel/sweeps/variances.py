"""Several variances, each known from few values: alike, but not the same.

They are taken to be draws from one scaled inverse χ² distribution, with d₀ degrees of freedom about s₀², as Smyth does for
genes (Statistical Applications in Genetics and Molecular Biology 3, 2004), but for one in ten, which may be anything: its d₀ is
¼. He takes the likeliest d₀ and s₀²; of few variances these are hardly known, so here they are drawn too, log d₀ and log s₀²
with flat priors. The one in ten was chosen by how often intervals hold.

Where all values look alike the variances are nearly pooled, where some do not each is nearly its own. What is said of all is
right about as often as it claims; of one that is known beforehand to be much larger than the others less often: in about 91 of
100 cases instead of 95 if it has four values, in 80 if it has two, since it is drawn somewhat to the others
(`tests/sweeps/test_selection.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

_ALIKE = 2.0 ** np.arange(-1, 9)[:, None, None]
"""Values of d₀, shape [d₀, 1, 1]: from 1/2, variances differ by powers of ten, to 256, they are the same."""
RARE, APART = 0.1, 0.25
"""Share of variances that are apart, and their d₀."""
_STEPS = 160
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
    known = _known(found, freedom)
    alike, at = np.unravel_index(rng.choice(known.chance.size, draws, p=known.chance.ravel()), known.chance.shape)
    is_apart = rng.random((draws, len(found))) < known.apart[alike, at]
    d0 = np.where(is_apart, APART, _ALIKE[alike, 0])
    return (d0 * known.about[at] + freedom * found) / rng.chisquare(d0 + freedom)


def middle_variances(found: NDArray[np.float64], freedom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric means of what each true variance may be, given estimates as of `drawn_variances`, not all 0; shape [variance]."""
    known = _known(found, freedom)
    own, apart = (
        np.log((d0 * known.about + freedom * found) / 2) - digamma((d0 + freedom) / 2) for d0 in (_ALIKE, APART)
    )
    each = own + known.apart * (apart - own)
    return np.asarray(np.exp(np.einsum("ds,dsv->v", known.chance, each)))


@dataclass(frozen=True)
class _Known:
    """What estimates say."""

    about: NDArray[np.float64]
    """Values of s₀², shape [s₀², 1]."""
    chance: NDArray[np.float64]
    """Probability of each d₀ and s₀², shape [d₀, s₀²]."""
    apart: NDArray[np.float64]
    """Of each variance, with each of these, the probability that it is apart, shape [d₀, s₀², variance]."""


def _known(found: NDArray[np.float64], freedom: NDArray[np.float64]) -> _Known:
    most = found.max()
    least = max(found[freedom > 0].min(), _LEAST * most)
    about = np.geomspace(1e-6 * least, 1e6 * most, _STEPS)[:, None]
    own, apart = (_log_density(found, freedom, d0, about) for d0 in (_ALIKE, APART))
    share = np.where(freedom > 0, RARE, 0.0)  # nothing says that a variance is apart of which nothing is known
    with np.errstate(divide="ignore"):
        either = np.logaddexp(np.log1p(-share) + own, np.log(share) + apart)
        apart = np.exp(np.log(share) + apart - either)
    likely = either.sum(axis=-1)
    chance = np.exp(likely - likely.max())
    return _Known(about, chance / chance.sum(), apart)


def _log_density(
    found: NDArray[np.float64], freedom: NDArray[np.float64], d0: NDArray[Any] | float, about: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of each estimate, but for what is of the estimate alone: it is s₀² times F with d and d₀ degrees of freedom."""
    both = (d0 + freedom) / 2
    prior = d0 * about
    return np.asarray(
        gammaln(both) - gammaln(d0 / 2) - freedom / 2 * np.log(prior) - both * np.log1p(freedom * found / prior)
    )
