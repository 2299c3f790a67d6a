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

The first factor counts what is made again after the failures of a segment: not in its windows but so many later as failures and
what is made again go together best, along the run. What is left of the shift at the segment's two edges is what fails within
half a window, and within the spread of the delays about their mean: with 10 s windows and constant delays the factor is wrong
by at most the failures of 5 s at each edge, beside those of the segment; with exponential delays of 10 s, of some 10 s more.
Where failures are the same all along the two edges cancel. A delay beyond half a minute is taken for half a minute. Its standard
error is that of a ratio of two sums (Cochran, Sampling Techniques, 1977, chapter 6); the two factors' are taken together as those
of a product.

A loop *dies out* only if it does in every segment in which it turns: where the gain of one of these is not known, as of a storm
in which everything fails, a calm one says nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.course import calm_stretch, ended
from sfmodel.results import measures
from sfmodel.results.intervals import LEVEL, student_quantile

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]
Kind = Literal["users", "calls", "misses"]
Verdict = Literal["dies out", "not known", "may grow", "grows"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""The one that tells most of the loop is the last."""

SEGMENT_S = 900.0
"""The gain is of segments so long, one behind the other,"""
FEWEST = 40
"""or of so many windows, if they are longer; of fewer none is told."""
HORIZON_S = 30.0
"""What one more attempt makes is looked for from its window on, so long."""
PAST = 3
"""Windows before that may tell what comes."""
SEEN = 10**0.5
"""An instrument of which attempts do not rise by so many standard errors tells nothing (F > 10, Staiger and Stock 1997)."""
RARE = 1e-2
"""A loop turns where at least so much is made again; no gain is told where less than a tenth of that fails."""


@dataclass(frozen=True)
class Segment:
    """A loop over some windows in a row."""

    begins_s: float
    """s since midnight of day 1."""
    ends_s: float
    attempts: int
    """What was tried; of a cache, misses."""
    failed: int
    """What of it failed; of a cache, misses after which nothing was stored."""
    made_again: int
    """Attempts that were made again; of a cache, misses."""
    again_per_failure: float
    """Attempts made again for each failure, when its delay is over; NaN: nothing failed."""
    again: float
    """Share of the attempts that are made again."""
    gain: float
    """Further attempts that one more attempt makes, through the load too; NaN: not known."""
    low: float
    """Lower end of its interval: with 95 % those of all segments of all loops of a run hold all of its gains."""
    high: float
    """Upper end."""

    @property
    def amplification(self) -> float:
        """Attempts that come of a fresh one, itself included."""
        return 1 / (1 - self.again) if self.again < 1 else math.inf

    @property
    def is_told(self) -> bool:
        """Whether its gain says anything: not if its interval holds both no loop at all, 0, and one that feeds itself, 1."""
        return not math.isnan(self.gain) and not self.low <= 0 <= 1 <= self.high

    @property
    def verdict(self) -> Verdict:
        """What its gain means, as far as it is known."""
        if not self.is_told:
            return "not known"
        return "dies out" if self.high < 1 else "grows" if self.low > 1 else "may grow"

    @property
    def nearness(self) -> tuple[bool, int, float]:
        """Order of segments and loops: what turns, by what is known of it, by its gain or else by what is made again."""
        return self.again >= RARE, VERDICTS.index(self.verdict), self.gain if self.is_told else self.again


@dataclass(frozen=True)
class Loop:
    """A loop along a run."""

    kind: Kind
    name: str
    """Class of users' requests, call site, cache."""
    segments: tuple[Segment, ...]
    """In order of time."""
    most_again: float
    """Highest share that is made again of any window with twenty attempts or more,"""
    most_again_s: float
    """and when that window begins, s since midnight of day 1."""

    @property
    def closest(self) -> Segment:
        """The segment that tells most of the loop, among those that turn if any does: one that grows before one that may, that
        before one whose gain is not known; of these that with the highest gain, or with most made again."""
        return max(self.segments, key=lambda one: one.nearness)


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
    """Find the loops of a run that turn at all, those first that come closest to feeding themselves.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    """
    if not ds.sizes["time"]:
        return []
    parts = _parts(ds["width"].values.astype(float))
    turning = [turns for turns in _turns(ds) if max(_share(turns, part) for part in parts) >= RARE]
    level = 1 - (1 - LEVEL) / max(1, len(turning) * len(parts))  # Bonferroni: all of them hold with 95 %
    found = [_loop(ds, turns, parts, level) for turns in turning]
    return sorted(found, key=lambda one: one.closest.nearness, reverse=True)


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


def _loop(ds: xr.Dataset, turns: Turns, parts: Sequence[slice], level: float) -> Loop:
    time_s, width_s = ds["time"].values.astype(float), ds["width"].values.astype(float)
    found = tuple(_segment(turns, part, time_s, width_s, level) for part in parts)
    again = np.where(turns.attempts >= 20, turns.again / np.maximum(turns.attempts, 1.0), 0.0)
    worst = int(np.argmax(again))
    return Loop(turns.kind, turns.name, found, float(again[worst]), float(time_s[worst]))


def _share(turns: Turns, part: slice) -> float:
    """Of the attempts of a part those that are made again."""
    attempts = float(turns.attempts[part].sum())
    return max(0.0, float(turns.again[part].sum()) / attempts) if attempts else 0.0


def _parts(width_s: Series) -> list[slice]:
    """Segments, one behind the other; what is left over belongs to the last."""
    windows = len(width_s)
    length = max(FEWEST, math.ceil(SEGMENT_S / float(np.median(width_s)) - 1e-9))
    edges = [k * length for k in range(max(1, windows // length))]
    return [slice(first, stop) for first, stop in zip(edges, [*edges[1:], windows], strict=True)]


def _segment(turns: Turns, part: slice, time_s: Series, width_s: Series, level: float) -> Segment:
    attempts, failed, again = (float(series[part].sum()) for series in (turns.attempts, turns.failed, turns.again))
    ahead = max(1, round(HORIZON_S / float(np.median(width_s))))
    each, each_half = _again_per_failure(turns, part, ahead, level)
    slope = slope_half = math.nan
    if failed >= RARE / 10 * attempts > 0:
        slope, slope_half = _failures_of_one_more(turns, part, ahead, level)
    gain, half = each * slope, math.hypot(each * slope_half, slope * each_half)
    return Segment(
        float(time_s[part.start]), float(time_s[part.stop - 1] + width_s[part.stop - 1]), int(attempts), max(0, int(failed)),
        max(0, int(again)), each, _share(turns, part), gain, gain - half, gain + half,
    )  # fmt: skip


def _again_per_failure(turns: Turns, part: slice, ahead: int, level: float) -> tuple[float, float]:
    """Attempts made again for each failure of a segment, counted as much later as they usually are, and half of the width of
    their interval; NaN: nothing failed."""
    later = _delay(turns, ahead)
    stop = min(part.stop, len(turns.failed) - later)  # of what fails later the run does not show what is made again
    failed, again = turns.failed[part.start : stop], turns.again[part.start + later : stop + later]
    windows, total = len(failed), float(failed.sum())
    if total <= 0 or windows < 2:
        return math.nan, math.nan
    each = float(again.sum()) / total
    error = math.sqrt(windows / (windows - 1) * float(((again - each * failed) ** 2).sum())) / total
    return each, student_quantile((1 + level) / 2, windows - 1) * error


def _delay(turns: Turns, ahead: int) -> int:
    """Windows from failures to what is made again: of up to so many those with which the two go together best."""
    windows = len(turns.failed)

    def together(later: int) -> float:
        failed, again = turns.failed[: windows - later], turns.again[later:]
        return float(failed @ again) / math.sqrt(max(float(failed @ failed) * float(again @ again), 1e-12))

    return max(range(min(ahead, windows - 1) + 1), key=together)


def _failures_of_one_more(turns: Turns, part: slice, ahead: int, level: float) -> tuple[float, float]:
    """Failures that one more attempt makes, and half of the width of their interval; NaN: not known."""
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
    if error <= 1e-9:  # all fail, or as good as none: what fewer would do is not seen
        return math.nan, math.nan
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
