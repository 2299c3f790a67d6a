"""The course of a run: how much worse than usual services and dependencies are, window by window.

Usual is what each does in the calmest fifth of the run: the stretch in which what enters the platform fails least and is
answered soonest, as far as so few requests as there are can tell. Times are compared endpoint by endpoint, so that other
requests than usual are not slower ones. Worse than usual is what is so by more than chance: the arcsine of the root of a share of
n has a standard error of 1/(2√n) whatever the share (Anscombe 1948), and the logarithm of a mean of n exponential times one of
1/√n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]
Mask = NDArray[np.bool_]

CALM = 0.2
"""Share of the run that is the calm stretch."""
FAILING = 0.01
"""Who is in trouble fails for so much more of what ends than usual,"""
SLOW = 1.5
"""or takes so many times as long as usual,"""
NOISE = 5.0
"""and by so many standard deviations of the calm stretch more, and standard errors of what ends in it and in as many windows as
trouble lasts,"""
LASTING = 3
"""in so many windows, one after the other,"""
FEW = 20.0
"""in each of which so much ends."""
UPPER = 2.0
"""So many standard errors above what it shows a stretch of the run may be, when the calm one is chosen."""
APART_S = 300.0
"""Troubles of one thing that are less apart are one."""
_NOT_ITS_OWN = "cancelled"
"""Outcome of a task that its caller gave up: the caller's trouble."""


@dataclass(frozen=True)
class Ended:
    """What ended of some endpoints or call sites; every array has shape [time, thing]."""

    count: Series
    """What was not cancelled."""
    failed: Series
    """What failed of it."""
    every: Series
    """All that ended, cancelled or not."""
    seconds: Series
    """Time of all that ended, s."""

    def of(self, things: Sequence[int]) -> Ended:
        """Of some of them."""
        return Ended(*(array[:, list(things)] for array in (self.count, self.failed, self.every, self.seconds)))


@dataclass(frozen=True)
class Usual:
    """What is usual of some endpoints or call sites; arrays have shape [thing]."""

    failing: Series
    """Share that fails."""
    seconds: Series
    """Time that each takes, s; 0 of what is not seen in the calm stretch."""
    failing_noise: float
    """Standard deviation from window to window of the share that fails, of all together."""
    slow_noise: float
    """The same of the time, beside the usual time."""
    count: float
    """What ended in the calm stretch, of all together."""


@dataclass(frozen=True)
class Course:
    """How a service or a dependency fares; every array has shape [time]."""

    count: Series
    """What ended."""
    failing: Series
    """Share of it that failed, beyond the usual share."""
    slow: Series
    """Time that it took, of what it usually takes."""
    expected_s: Series
    """Time that it usually takes, s, of all together."""
    troubled: Mask
    """Whether it is in trouble."""
    failed: Mask
    """Whether its trouble is that it fails."""

    def harm(self, when: slice, failing: bool) -> float:
        """How much more failed than usually does, or how much longer it took, s, over some windows."""
        if failing:
            return float((np.maximum(self.failing, 0.0) * self.count)[when].sum())
        return float((np.maximum(self.slow - 1.0, 0.0) * self.expected_s)[when].sum())


def spells(troubled: Mask, width_s: Series) -> list[slice]:
    """Times of trouble, each from its first window to behind its last; those that are little apart are one."""
    found: list[slice] = []
    for one in measures.stretches(troubled):
        if found and width_s[found[-1].stop : one.start].sum() < APART_S:
            found[-1] = slice(found[-1].start, one.stop)
        else:
            found.append(one)
    return found


def ended(ds: xr.Dataset, of: str) -> Ended:
    """What ended of all endpoints, or (`of` call) call sites."""
    outcomes = ds[f"{of}_outcomes"].load()
    every = outcomes.sum("outcome").values.astype(float)
    count = every - outcomes.sel(outcome=_NOT_ITS_OWN).values
    return Ended(count, count - outcomes.sel(outcome="ok").values, every, ds[f"{of}_time"].values)


def calm_stretch(at_roots: Ended) -> Mask:
    """Which windows are the calm stretch, shape [time], by what ended where requests enter."""
    windows = len(at_roots.count)
    length = max(1, round(CALM * windows))
    usual_s = _share(at_roots.seconds.sum(axis=0), at_roots.every.sum(axis=0))
    count, failed, seconds, expected = (
        _moving_sum(array.sum(axis=1), length)
        for array in (at_roots.count, at_roots.failed, at_roots.seconds, at_roots.every * usual_s)
    )
    error = UPPER / np.sqrt(np.maximum(count, 1.0))
    worse = higher_share(_share(failed, count), error) / FAILING + _share(seconds, expected) * np.exp(error)
    first = int(np.argmin(np.where(count > 0, worse, np.inf)))
    return (np.arange(windows) >= first) & (np.arange(windows) < first + length)


def usual(one: Ended, calm: Mask) -> Usual:
    """What the calm stretch shows of endpoints or call sites."""
    count, failed, every, seconds = (
        array[calm].sum(axis=0) for array in (one.count, one.failed, one.every, one.seconds)
    )
    plain = Usual(_share(failed, count), _share(seconds, every), 0.0, 0.0, float(count.sum()))
    own = course(one, plain)
    judged = calm & (own.count >= FEW)
    if not judged.any():
        return plain
    return replace(plain, failing_noise=float(np.std(own.failing[judged])), slow_noise=float(np.std(own.slow[judged])))


def course(one: Ended, usual: Usual) -> Course:
    """Judge what ended of the endpoints of a service, or of the call sites of a dependency, together."""
    known = usual.seconds > 0
    count = one.count.sum(axis=1)
    share, usual_share = (_share(part.sum(axis=1), count) for part in (one.failed, one.count * usual.failing))
    failing = share - usual_share
    expected_s = (one.every * usual.seconds)[:, known].sum(axis=1)
    slow = _share(one.seconds[:, known].sum(axis=1), expected_s, nothing=1.0)
    error = NOISE * standard_error(LASTING * count, usual.count)
    fails = (failing >= max(FAILING, NOISE * usual.failing_noise)) & (share > higher_share(usual_share, error))
    lasts = slow >= np.maximum(max(SLOW, 1 + NOISE * usual.slow_noise), np.exp(error))
    judged = count >= FEW
    failed, slowed = _lasting(judged & fails), _lasting(judged & lasts)
    return Course(count, failing, slow, expected_s, failed | slowed, failed)


def standard_error(count: Series, calm: float) -> Series:
    """Of the difference of what so many show and what so many in the calm stretch do, ∞ where either is nothing."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt(1 / np.asarray(count, float) + 1 / np.float64(calm)))


def higher_share(share: Series, error: Series) -> Series:
    """Share that is by so much above another, as twice the arcsine of the root; 1 where there is none."""
    angle = np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0))) + error / 2
    return np.asarray(np.sin(np.minimum(angle, np.pi / 2)) ** 2)


def _lasting(mask: Mask) -> Mask:
    """The mask without what does not last."""
    kept = np.zeros_like(mask)
    for one in measures.stretches(mask):
        kept[one] = one.stop - one.start >= min(LASTING, len(mask))
    return kept


def _moving_sum(series: Series, length: int) -> Series:
    """Sums over so many windows from each on, as far as there are so many."""
    sums = np.concatenate([[0.0], np.cumsum(series)])
    return np.asarray(sums[length:] - sums[:-length])


def _share(part: Series, whole: Series, nothing: float = 0.0) -> Series:
    """Quotient; `nothing` where there is nothing to divide by."""
    return np.divide(part, whole, out=np.full_like(np.asarray(part, float), nothing), where=whole > 0)
