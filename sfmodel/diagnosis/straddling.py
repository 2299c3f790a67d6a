"""Two meters of the same thing, one that counts as it happens and one that counts when it is over: may they differ so much?

An operational law holds for tasks that begin and end in what is looked at (Denning and Buzen, "The Operational Analysis of
Queueing Network Models", Computing Surveys 10(3), 1978). A window cuts through tasks. What the two have counted up to an edge
differs by what those that straddle it have contributed so far, A(t): never less than 0, and at most their number times the age
of the oldest. So the law holds if some A at the beginning leaves it within these bounds at every edge.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

ROUNDING = 1e-9
"""Sums of floating-point numbers differ by so much of the total."""


@dataclass(frozen=True)
class Difference:
    """How two series of windows differ."""

    whole: float
    """Relative difference of their sums."""
    explained: float
    """What tasks that straddle the first and the last edge may make of it, relative to the larger sum; ∞: not known."""
    worst: float
    """Largest relative difference in a window, corrected for tasks that straddle its edges: 0 where these explain it all."""
    window: int
    """Which that is; −1: none."""
    never_ended: int = 0
    """So many tasks, at least, that never end in the run are needed to explain it."""


def compare(
    running: Series, over: Series, most: Series, staying: Series | None = None, width_s: Series | None = None,
    rounding: float = ROUNDING,
) -> Difference:  # fmt: skip
    """Compare what was counted as it happened with what was counted when it was over.

    Parameters
    ----------
    running, over
        What each has counted in every window, shape [time].
    most
        The most that straddling tasks may have contributed up to each edge, shape [time + 1]; ∞ where it is not known.
    staying, width_s
        How many tasks there may be in each window that never end, and its width, s, shape [time]: each of them may contribute
        as much besides. None: all of them end.
    rounding
        By so much of the total sums may differ; 0 of whole numbers.
    """
    ahead = np.concatenate([[0.0], np.cumsum(running - over)])
    total = max(float(running.sum()), float(over.sum()))
    whole = abs(float(running.sum() - over.sum()))
    explained = float(max(most[-1], most[0] if math.isfinite(most[0]) or whole > most[-1] else 0.0))
    whole, explained = (whole / total, explained / total) if total > 0 else (0.0, 0.0)
    at_least, at_most = float(np.max(-ahead)), float(np.min(most - ahead))
    if at_least <= at_most + rounding * total:
        return Difference(whole, explained, 0.0, -1)
    if staying is not None and width_s is not None:
        count = _never_ended(most - ahead, staying, width_s, at_least - rounding * total)
        if count:
            return Difference(whole, explained, 0.0, -1, count)
    left = _left_over(running - over, most, min(max(at_least, 0.0), float(most[0])))
    size = np.maximum(np.maximum(running, over), 1e-300)
    shares = np.where(np.abs(left) > rounding * total, np.abs(left) / size, 0.0)
    worst = max(float(shares.max(initial=0.0)), (at_least - at_most) / total)
    return Difference(whole, explained, worst, int(np.argmax(shares)))


def _never_ended(room: Series, staying: Series, width_s: Series, at_least: float) -> int:
    """The least number of tasks that never end with which the bounds can be kept; 0: no number is enough."""

    def is_enough(count: int) -> bool:
        besides = np.concatenate([[0.0], np.cumsum(np.minimum(staying, count) * width_s)])
        return at_least <= float(np.min(room + besides))

    highest = int(staying.max(initial=0.0))
    count = bisect_left(range(highest + 1), True, key=is_enough)
    return count if count <= highest else 0


def _left_over(steps: Series, most: Series, first: float) -> Series:
    """What of each window's difference no straddling task explains, shape [time]: A is kept within its bounds."""
    left, ahead = np.zeros(len(steps)), first
    for k, step in enumerate(steps.tolist()):
        kept = min(max(ahead + step, 0.0), float(most[k + 1]))
        left[k], ahead = ahead + step - kept, kept
    return left


def since_empty(count: Series, edges_s: Series) -> Series:
    """The age of the oldest at each edge, s, at most: the time since the last edge with nobody there; ∞: there was none."""
    empty = np.where(count == 0, edges_s, -np.inf)
    return edges_s - np.maximum.accumulate(empty)


def since_admitted(count: Series, admitted: Series, gone: Series, edges_s: Series) -> Series:
    """The age of the oldest in a FIFO queue at each edge, s, at most: of so many that wait now none came before that edge.

    Parameters
    ----------
    count
        Number waiting at each edge, shape [time + 1].
    admitted, gone
        Those who joined, and who left without their turn, in each window, shape [time].
    edges_s
        Times of the edges, shape [time + 1].
    """
    net = np.concatenate([[0.0], np.cumsum(admitted - gone)])
    highest = np.maximum.accumulate(net)
    first = np.searchsorted(highest, net - count + 1 - 0.5, side="left") - 1
    age = edges_s - edges_s[np.clip(first, 0, len(edges_s) - 1)]
    return np.where(count == 0, 0.0, np.where(first < 0, np.inf, age))
