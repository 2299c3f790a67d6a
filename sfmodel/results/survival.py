"""What few runs say of all: the probability of an event and its interval, the median time to it where in some it never comes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sfmodel.results.intervals import share_ends


def probability(events: int, runs: int) -> tuple[float, float, float]:
    """Share of runs in which it came, and the ends of its interval; NaN of no runs."""
    return (events / runs, *share_ends(events, runs)) if runs else (math.nan, math.nan, math.nan)


def median_s(times_s: Sequence[float], censored_s: Sequence[float]) -> float:
    """Median time to an event, s, by Kaplan and Meier (JASA 53, 1958).

    Parameters
    ----------
    times_s
        Of the runs in which it came.
    censored_s
        How long those were watched in which it did not.

    Returns
    -------
    The first time by which it is estimated to have come in half; inf: in fewer while they are watched; NaN: no runs.
    """
    from scipy.stats import CensoredData, ecdf

    if not len(times_s):
        return math.inf if len(censored_s) else math.nan
    left = ecdf(CensoredData(uncensored=list(times_s), right=list(censored_s))).sf
    reached = left.quantiles[left.probabilities <= 0.5 + 1e-12]
    return float(reached[0]) if len(reached) else math.inf
