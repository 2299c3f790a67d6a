"""Sources: when the next arrival is; docs/model.md, section 7.

# o = sources, k = knots of an integrated rate (time, total, pace: s for each arrival from there on), or times
A Poisson source's n-th arrival is when the integral of its rate reaches the n-th point of a unit Poisson
process: so a change of the rate moves arrivals, and not who arrives.
"""

import math

import numpy as np

from sfkernels.jit import hot
from sfkernels.names import SOURCE_EVERY, SOURCE_TIMES
from sfkernels.random import uniform

_GAP = np.uint64(0x6761)
_ONE = np.uint64(1)


@hot
def next_time(sources, knots, o, now):
    """Time of the next arrival of source o, infinity if there is none; advances the source."""
    n = sources[o].number
    sources[o].number = n + _ONE
    kind = sources[o].kind
    if kind == SOURCE_EVERY:
        return now + sources[o].every
    last = sources[o].first + sources[o].count - 1
    k = sources[o].at
    if kind == SOURCE_TIMES:
        if k > last:
            return np.inf
        sources[o].at = k + 1
        return knots[k].time
    sources[o].target -= math.log(uniform(sources[o].salt + _GAP, n))
    return _reached(sources, knots, o, k)


@hot
def time_again(sources, knots, o):
    """Time of the arrival that was asked for last, of a source whose rates or times to come have changed."""
    first = sources[o].first
    if sources[o].kind != SOURCE_TIMES:
        return _reached(sources, knots, o, first)
    k = first + np.int64(sources[o].number) - 1
    if k >= first + sources[o].count:
        return np.inf
    sources[o].at = k + 1
    return knots[k].time


@hot
def _reached(sources, knots, o, k):
    """When the integral reaches the target; it does not before knot k."""
    last = sources[o].first + sources[o].count - 1
    target = sources[o].target
    while k < last and knots[k + 1].total < target:
        k += 1
    sources[o].at = k
    if k >= last:
        return np.inf
    return knots[k].time + (target - knots[k].total) * knots[k].pace
