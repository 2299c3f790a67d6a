"""Counts over the last while: ten buckets of a tenth of it each, for breakers with a window of time and for throttles.

# window[b, …] = ten triples (index of a bucket, count, count of those that are marked)
A bucket whose index is not the current one, nor one of the nine before it, holds nothing any more.
"""

from sfkernels.jit import kernel
from sfkernels.limiters import window_at


@kernel
def current(breakers, window, b, now):
    """Place of the current bucket in the window of b, emptied where it held an earlier one's counts."""
    index = window_at(breakers[b].origin, breakers[b].window_s / 10.0, now)
    slot = 3 * (index % 10)
    if window[b, slot] != index:
        window[b, slot] = index
        window[b, slot + 1] = 0
        window[b, slot + 2] = 0
    return slot


@kernel
def totals(window, b, slot):
    """Both counts over the bucket at `slot`, the current one, and the nine before it."""
    index = window[b, slot]
    count = 0
    marked = 0
    for k in range(10):
        if window[b, 3 * k] > index - 10:
            count += window[b, 3 * k + 1]
            marked += window[b, 3 * k + 2]
    return count, marked
