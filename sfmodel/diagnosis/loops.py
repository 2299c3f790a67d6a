"""Loops of a run, and their gain: how many further attempts one more attempt makes, so that above 1 they feed themselves.

A loop is attempt → failure → attempt again: requests that users ask again, calls that a caller makes again, and misses of a
cache whose answer is not stored, so that who looks next misses too. Two numbers say how near it is to feeding itself.

*Again*, of the attempts of a window those that are made again, is counted: the mean offspring of a branching process (Harris,
The Theory of Branching Processes, 1963, chapter I), of which 1/(1 − again) attempts come of one fresh one. It is never above
the chance that one who fails tries again.

The *gain* is of the loop through the load too: one more attempt also makes others fail. It is

    gain = attempts made again for each failure × failures that one more attempt makes

(the loop gain of control theory, taken around the loop once). The second factor is a slope, which the chance of arrivals
shows: fresh attempts vary from window to window for reasons of their own, and what of them the windows before do not tell is
an instrument (Wald 1940) for attempts. Failures and attempts of the next half minute are both taken beside it, as a local
projection (Jordà, American Economic Review 95, 2005), with standard errors of Newey and West (Econometrica 55, 1987).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.course import calm_stretch, ended
from sfmodel.results import measures
from sfmodel.results.intervals import LEVEL, student_quantile

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]
Kind = Literal["users", "calls", "misses"]

STRETCH_S = 900.0
"""The gain is of stretches so long, one behind the other,"""
FEWEST = 40
"""or of so many windows, if they are longer; of fewer none is told."""
HORIZON_S = 30.0
"""What one more attempt makes is looked for from its window on, so long."""
PAST = 3
"""Windows before that may tell what comes."""
SEEN = 10**0.5
"""An instrument of which attempts do not rise by so many standard errors tells nothing (F > 10, Staiger and Stock 1997)."""
RARE = 1e-2
"""A loop in which less is made again in every stretch is not told, nor a gain where less than a tenth of that fails."""


@dataclass(frozen=True)
class Stretch:
    """A loop over some windows."""

    begins_s: float
    """s since midnight of day 1."""
    ends_s: float
    attempts: int
    """What was tried; of a cache, misses."""
    failed: int
    """What of it failed; of a cache, misses after which nothing was stored."""
    again_per_failure: float
    """Attempts made again for each failure; NaN: nothing failed."""
    again: float
    """Share of the attempts that are made again."""
    gain: float
    """Further attempts that one more attempt makes, through the load too; NaN: not known."""
    low: float
    """Lower end of its interval: 95 % of such intervals of all stretches of a loop hold all of its gains."""
    high: float
    """Upper end."""

    @property
    def amplification(self) -> float:
        """Attempts that come of a fresh one, itself included."""
        return 1 / (1 - self.again) if self.again < 1 else math.inf


@dataclass(frozen=True)
class Loop:
    """A loop along a run."""

    kind: Kind
    name: str
    """Class of users' requests, call site, cache."""
    stretches: tuple[Stretch, ...]
    """In order of time."""
    most_again: float
    """Highest share that is made again of any window with twenty attempts or more,"""
    most_again_s: float
    """and when that window begins, s since midnight of day 1."""

    @property
    def closest(self) -> Stretch:
        """The stretch with the highest gain; where no gain is known, with the highest share made again."""
        return max(self.stretches, key=lambda one: (not math.isnan(one.gain), _or(one.gain, 0.0), one.again))


@dataclass(frozen=True)
class Turns:
    """What goes round in a loop, each array of shape [time]."""

    kind: Kind
    name: str
    attempts: Series
    fresh: Series
    """What was tried, and whose chance is an instrument: of retries what is not made again, of misses all."""
    failed: Series
    again: Series


def loops(ds: xr.Dataset) -> list[Loop]:
    """Find the loops of a run that turn at all, the highest gain first.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    """
    if not ds.sizes["time"]:
        return []
    found = [loop for turns in _turns(ds) if (loop := _loop(ds, turns)) is not None]
    return sorted(found, key=lambda one: (-_or(one.closest.gain, -1.0), -one.closest.again))


# what goes round


def _turns(ds: xr.Dataset) -> Iterator[Turns]:
    if "users_retries" in ds:
        attempts, again, failed = (_values(ds, name) for name in ("users_requests", "users_retries", "users_outcomes"))
        for k, name in enumerate(map(str, ds["request"].values)):
            yield Turns("users", name, attempts[:, k], (attempts - again)[:, k], failed[:, k], again[:, k])
    if "call_retries" in ds:
        attempts, again, failed = (_values(ds, name) for name in ("call_attempts", "call_retries", "call_outcomes"))
        fresh = attempts - again - _values(ds, "call_hedges")
        for k in np.flatnonzero(again.any(axis=0)).tolist():
            yield Turns(
                "calls", str(ds["call"].values[k]), attempts[:, k], fresh[:, k], failed[:, k], again[:, k]
            )  # fmt: skip
    if "cache_misses" in ds:
        yield from _misses(ds)


def _misses(ds: xr.Dataset) -> Iterator[Turns]:
    """Misses after which nothing is stored are made again by who looks next, as often as what is stored is found."""
    misses, stores = _values(ds, "cache_misses"), _values(ds, "cache_stores")
    found = sum((_values(ds, name) for name in ("cache_hits", "cache_stale", "cache_coalesced")), np.zeros_like(misses))
    roots = np.isin(ds["endpoint"].values, measures.roots(ds))
    calm = calm_stretch(ended(ds, "endpoint").of(np.flatnonzero(roots).tolist()))
    for k, name in enumerate(map(str, ds["cache"].values)):
        stored = stores[calm, k].sum()
        if stored:
            unstored = misses[:, k] - stores[:, k]  # below 0 where what was missed in the window before is stored
            looked_again = found[calm, k].sum() / (found[calm, k].sum() + stored)
            yield Turns("misses", name, misses[:, k], misses[:, k], unstored, unstored * looked_again)


def _values(ds: xr.Dataset, name: str) -> Series:
    """A variable, shape [time, thing]; of outcomes what is not ok."""
    variable = ds[name]
    if "outcome" in variable.dims:
        variable = variable.sum("outcome") - variable.sel(outcome="ok")
    return np.asarray(variable.values, float)


# how it goes round


def _loop(ds: xr.Dataset, turns: Turns) -> Loop | None:
    time_s, width_s = ds["time"].values.astype(float), ds["width"].values.astype(float)
    parts = _parts(width_s)
    level = LEVEL ** (1 / len(parts))  # Šidák 1967: all of them hold with 95 %
    found = tuple(_stretch(turns, part, time_s, width_s, level) for part in parts)
    if max(one.again for one in found) < RARE:
        return None
    again = np.where(turns.attempts >= 20, turns.again / np.maximum(turns.attempts, 1.0), 0.0)
    worst = int(np.argmax(again))
    return Loop(turns.kind, turns.name, found, float(again[worst]), float(time_s[worst]))


def _parts(width_s: Series) -> list[slice]:
    """Stretches, one behind the other; what is left over belongs to the last."""
    windows = len(width_s)
    length = max(FEWEST, math.ceil(STRETCH_S / float(np.median(width_s)) - 1e-9))
    edges = [k * length for k in range(max(1, windows // length))]
    return [slice(first, stop) for first, stop in zip(edges, [*edges[1:], windows], strict=True)]


def _stretch(turns: Turns, part: slice, time_s: Series, width_s: Series, level: float) -> Stretch:
    attempts, failed, again = (float(series[part].sum()) for series in (turns.attempts, turns.failed, turns.again))
    each = again / failed if failed > 0 else math.nan
    slope = half = math.nan
    if failed >= RARE / 10 * attempts > 0:
        slope, half = _failures_of_one_more(turns, part, float(np.median(width_s)), level)
    gain = each * slope
    return Stretch(
        float(time_s[part.start]), float(time_s[part.stop - 1] + width_s[part.stop - 1]), int(attempts), max(0, int(failed)),
        each, max(0.0, again / attempts) if attempts else 0.0, gain, gain - each * half, gain + each * half,
    )  # fmt: skip


def _failures_of_one_more(turns: Turns, part: slice, width_s: float, level: float) -> tuple[float, float]:
    """Failures that one more attempt makes, and half of the width of their interval; NaN: not known."""
    ahead = max(1, round(HORIZON_S / width_s))
    rows = np.arange(max(part.start, PAST), min(part.stop, len(turns.attempts) - ahead + 1))
    past = [series[rows - k] for series in (turns.fresh, turns.failed) for k in range(1, PAST + 1)]
    told = np.column_stack([np.ones(len(rows)), rows, *past]).astype(float)
    freedom = len(rows) - told.shape[1]
    if freedom < FEWEST // 2:
        return math.nan, math.nan
    fresh, attempts, failed = (
        _untold(told, series)
        for series in (turns.fresh[rows], _ahead(turns.attempts, rows, ahead), _ahead(turns.failed, rows, ahead))
    )
    scale = len(rows) / freedom
    rise = float(fresh @ attempts)
    # of a rise that is all of one attempt's own, nothing but chance is left beside it
    seen = rise / math.sqrt(
        _variance(fresh, attempts - fresh * rise / max(float(fresh @ fresh), 1e-12), ahead) * scale + 1e-12
    )
    if not seen >= SEEN:
        return math.nan, math.nan
    slope = float(fresh @ failed) / rise
    error = math.sqrt(_variance(fresh, failed - slope * attempts, ahead) * scale) / rise
    return slope, student_quantile((1 + level) / 2, freedom) * error


def _ahead(series: Series, rows: NDArray[np.int64], windows: int) -> Series:
    """Sums over so many windows, from each of these on."""
    return np.asarray(sum((series[rows + k] for k in range(windows)), np.zeros(len(rows))))


def _untold(told: Series, series: Series) -> Series:
    """What of a series others do not tell."""
    return np.asarray(series - told @ np.linalg.lstsq(told, series, rcond=None)[0])


def _variance(fresh: Series, rest: Series, ahead: int) -> float:
    """Variance of Σ fresh·rest, whose terms depend on those less than so many windows apart (Newey and West 1987)."""
    terms = fresh * rest
    total = float(terms @ terms)
    for k in range(1, min(ahead, len(terms))):
        total += 2 * (1 - k / ahead) * float(terms[k:] @ terms[:-k])
    return max(total, 0.0)


def _or(value: float, other: float) -> float:
    return other if math.isnan(value) else value
