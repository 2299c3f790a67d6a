"""Whether a run recovers from its trigger: beside its pair, which has the same seed and no trigger.

Means over so many windows in a row, from each window on, of the share of what enters the platform that fails and of the 95 %
quantile of its response time, are beside those of the pair: back is where no more fails than in the pair's worst such mean,
but for `failing`, and p95 is at most `slow` times the pair's highest. Both sides are means over as many windows, so that one odd
window of the pair widens the bound by no more than one of the run counts; by the worst single window of the pair a platform
could be down for good and within it. A window in which nothing ends has no share and no quantile; of these no more may be in a
row's windows than in any of the pair's.

A run has recovered where from a window on all means are back, to the end of the run, at the first window in them that is back
itself: one that is back and goes down again has not recovered yet, and one that is down in a mean of the last windows has not
within the horizon, however long it was back between. The pair is at the same constant demand, so that nothing of this is the
end of a peak; a pair that does not answer enough is down by itself, and nothing follows for the trigger.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import NotInRunError, nearest
from sfmodel.metastability.design import Recovery
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]


class State(IntEnum):
    """How a run ends."""

    NOT_RUN = 0
    RECOVERED = 1
    NOT_RECOVERED = 2
    """Down at the end of the horizon."""
    DOWN_BY_ITSELF = 3
    """Its pair, without the trigger, is down."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    state: State
    seconds: float = math.nan
    """From the trigger's end until it is back and stays so, s; NaN: it does not."""


@dataclass(frozen=True)
class Answers:
    """How what enters the platform is answered, each array of shape [time]."""

    time_s: Series
    failing: Series
    """Share that fails; NaN: nothing ended."""
    p95_s: Series
    waits: NDArray[np.bool_]
    """Whether nothing ended, although something came."""


def answers(ds: xr.Dataset, rule: Recovery) -> Answers:
    """Measure a run, in the windows of the rule.

    Raises
    ------
    NotInRunError
        It has no such endpoint.
    """
    known = [str(name) for name in ds["endpoint"].values]
    for name in rule.endpoints:
        if name not in known:
            raise NotInRunError(f"recovery.endpoints: there is no endpoint '{name}'; {nearest(name, known)}")
    wide = measures.coarsen(ds, rule.window, ("endpoint_outcomes", "endpoint_latency", "endpoint_arrivals"))
    wide = wide.isel(time=wide["width"].values >= rule.window - 1e-9)  # the first and the last may be cut
    chosen = wide.sel(endpoint=list(rule.endpoints) or measures.roots(ds)).sum("endpoint")
    ended = chosen["endpoint_outcomes"].sum("outcome").values.astype(float)
    failed = ended - chosen["endpoint_outcomes"].sel(outcome="ok").values
    failing = np.divide(failed, ended, out=np.full_like(ended, np.nan), where=ended > 0)
    counts = chosen["endpoint_latency"].transpose("time", "latency").values.astype(float)
    waits = (ended == 0) & (chosen["endpoint_arrivals"].values > 0)
    return Answers(
        wide["time"].values.astype(float), failing, measures.quantiles_s(counts, np.array([0.95]))[:, 0], waits
    )


def is_down(pair: Answers, begins_s: float, rule: Recovery) -> bool:
    """Whether a run without a trigger is down: it answers too little for so many windows in a row in which it is asked."""
    judged = (pair.time_s + 1e-9 >= begins_s) & (~np.isnan(pair.failing) | pair.waits)
    down = (pair.failing > 1 - rule.up) | pair.waits
    return _first_lasting(down[judged], rule.windows) is not None


def outcome(run: Answers, pair: Answers, begins_s: float, ends_s: float, rule: Recovery) -> Outcome:
    """Judge a run beside its pair.

    Parameters
    ----------
    run, pair
        With the trigger, and without.
    begins_s, ends_s
        When the trigger begins and ends, s since midnight.
    rule
        What recovery is.
    """
    if is_down(pair, begins_s, rule):
        return Outcome(State.DOWN_BY_ITSELF)
    beside, after = pair.time_s + 1e-9 >= begins_s, run.time_s + 1e-9 >= ends_s
    usual, found = _means(pair, beside, rule.windows), _means(run, after, rule.windows)
    most_failing, most_s = np.nanmax(usual.failing) + rule.failing, np.nanmax(usual.p95_s) * rule.slow
    back = ~(found.failing > most_failing) & ~(found.p95_s > most_s) & (found.filled >= usual.filled.min())
    first = int(np.flatnonzero(~back)[-1]) + 1 if not back.all() else 0
    if first == len(back):
        return Outcome(State.NOT_RECOVERED)
    row = slice(first, first + rule.windows)  # one that is not back itself may be in it
    well = (run.failing[after][row] <= most_failing) & (run.p95_s[after][row] <= most_s)
    begins = first + int(np.argmax(well))
    return Outcome(State.RECOVERED, max(0.0, float(run.time_s[after][begins]) - ends_s))


@dataclass(frozen=True)
class _Means:
    """Means over so many windows in a row, each array of shape [first of these windows]."""

    time_s: Series
    failing: Series
    p95_s: Series
    filled: Series
    """Share of the windows in which something ended."""


def _means(one: Answers, chosen: NDArray[np.bool_], windows: int) -> _Means:
    """Means over each so many chosen windows in a row, of which there are as many at least."""
    filled = (~np.isnan(one.failing)).astype(float)
    found = (_mean(series[chosen], windows) for series in (one.failing, one.p95_s, filled))
    return _Means(one.time_s[chosen][: int(chosen.sum()) - windows + 1], *found)


def _mean(series: Series, windows: int) -> Series:
    """Means of the values that are known of so many in a row; NaN: of none."""
    rows = np.lib.stride_tricks.sliding_window_view(series, windows)
    known = (~np.isnan(rows)).sum(axis=1)
    return np.divide(np.nansum(rows, axis=1), known, out=np.full(len(rows), np.nan), where=known > 0)


def _first_lasting(mask: NDArray[np.bool_], windows: int) -> int | None:
    """The first window of so many in a row."""
    return next((one.start for one in measures.stretches(mask) if one.stop - one.start >= windows), None)
