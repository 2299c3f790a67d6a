"""Whether a run recovers from its trigger: beside its pair, which has the same seed and no trigger.

In each window after the trigger's end the share of what enters the platform that fails, and the 95 % quantile of its response
time, are beside those of the pair: back is where no more fails than in the pair's worst window, but for `failing`, and p95 is
at most `slow` times the pair's highest. A run has recovered when it is back for so many windows in a row, within the horizon.
A window in which nothing ends is none in which it is back. The pair is at the same constant demand, so that nothing of this is
the end of a peak; a pair that does not answer enough is down by itself, and nothing follows for the trigger.
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
    """Not within the horizon."""
    DOWN_BY_ITSELF = 3
    """Its pair, without the trigger, is down."""


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    state: State
    seconds: float = math.nan
    """From the trigger's end until it is back, s; NaN: it is not."""


@dataclass(frozen=True)
class Answers:
    """How what enters the platform is answered, each array of shape [time]."""

    time_s: Series
    failing: Series
    """Share that fails; NaN: nothing ended."""
    p95_s: Series


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
    width_s = max(rule.window, float(ds["width"].values[0]))
    wide = measures.coarsen(ds, width_s, ("endpoint_outcomes", "endpoint_latency"))
    chosen = wide.sel(endpoint=list(rule.endpoints) or measures.roots(ds)).sum("endpoint")
    ended = chosen["endpoint_outcomes"].sum("outcome").values.astype(float)
    failed = ended - chosen["endpoint_outcomes"].sel(outcome="ok").values
    failing = np.divide(failed, ended, out=np.full_like(ended, np.nan), where=ended > 0)
    counts = chosen["endpoint_latency"].transpose("time", "latency").values.astype(float)
    return Answers(wide["time"].values.astype(float), failing, measures.quantiles_s(counts, np.array([0.95]))[:, 0])


def is_down(pair: Answers, begins_s: float, rule: Recovery) -> bool:
    """Whether a run without a trigger is down: it answers too little for so many windows in a row."""
    down = (pair.time_s + 1e-9 >= begins_s) & ~(pair.failing <= 1 - rule.up)
    return _first_lasting(down, rule.windows) is not None


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
    beside = pair.time_s + 1e-9 >= begins_s
    most_failing = float(np.nanmax(pair.failing[beside])) + rule.failing
    slowest_s = float(np.nanmax(pair.p95_s[beside])) * rule.slow
    back = (run.time_s + 1e-9 >= ends_s) & (run.failing <= most_failing) & (run.p95_s <= slowest_s)
    first = _first_lasting(back, rule.windows)
    if first is None:
        return Outcome(State.NOT_RECOVERED)
    return Outcome(State.RECOVERED, max(0.0, float(run.time_s[first]) - ends_s))


def _first_lasting(mask: NDArray[np.bool_], windows: int) -> int | None:
    """The first window of so many in a row."""
    return next((one.start for one in measures.stretches(mask) if one.stop - one.start >= windows), None)
