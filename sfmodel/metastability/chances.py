"""What few runs say of all: the probability of recovery and its interval, the median time to it where some never recover."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sfmodel.results.intervals import share_ends


def probability(recovered: int, runs: int) -> tuple[float, float, float]:
    """Share of runs that recovered, and the ends of its interval; NaN of no runs."""
    return (recovered / runs, *share_ends(recovered, runs)) if runs else (math.nan, math.nan, math.nan)


def median_s(recovered_s: Sequence[float], censored_s: Sequence[float]) -> float:
    """Median time to recover, s, by Kaplan and Meier (JASA 53, 1958).

    Parameters
    ----------
    recovered_s
        Times of the runs that recovered.
    censored_s
        How long those were watched that did not.

    Returns
    -------
    The first time by which half are estimated to have recovered; inf: fewer do while they are watched; NaN: no runs.
    """
    from scipy.stats import CensoredData, ecdf

    if not len(recovered_s):
        return math.inf if len(censored_s) else math.nan
    left = ecdf(CensoredData(uncensored=list(recovered_s), right=list(censored_s))).sf
    reached = left.quantiles[left.probabilities <= 0.5 + 1e-12]
    return float(reached[0]) if len(reached) else math.inf
