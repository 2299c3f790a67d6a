"""Limiters: token bucket (GCRA), fixed window, sliding window; docs/model.md, section 6.

# l = limiters; rows[key, column] = state of one key, 8 bytes
One for all keeps its state in the limiter's record; one for each key in the rows of that key.
Windows are counted from `origin`, one of their edges before the first moment.
"""

import math

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.names import BUCKET, FIXED_WINDOW

_32, _16 = np.uint64(32), np.uint64(16)
_LOW32, _LOW16 = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)


@kernel
def _book(limiters, k, wait):
    if wait < 0.0 or wait > limiters[k].max_wait:
        limiters[k].refused += 1
        return -1.0
    limiters[k].passed += 1
    limiters[k].wait += wait
    return wait


@kernel
def _bucket_wait(limiters, k, at, now):
    """Time until the bucket has a token, or -1 where the limiter does not wait."""
    wait = max(at, now) - now - limiters[k].tolerance
    if wait <= 1e-9:
        return 0.0
    return wait if limiters[k].waits else -1.0


@hot
def window_at(origin, length, now):
    """Number of the window that a time is in: who comes at exactly its start, as computed, is in it."""
    index = np.int64(math.floor((now - origin) / length))
    if now < origin + index * length:
        return index - 1
    if now >= origin + (index + 1) * length:
        return index + 1
    return index


@kernel
def _window(limiters, k, now):
    return window_at(limiters[k].origin, limiters[k].window, now)


@kernel
def _start(limiters, k, index):
    """When a window begins."""
    return limiters[k].origin + index * limiters[k].window


@kernel
def _sliding_count(limiters, k, now, index, stored, count, previous):
    """Weighted count of the sliding window, and the two counts brought up to now."""
    if stored != index:
        previous = count if stored == index - 1 else 0.0
        count = 0.0
    seen = (now - _start(limiters, k, index)) / limiters[k].window
    return previous * (1.0 - seen) + count, count, previous


@kernel
def pass_all(limiters, k, now):
    """Ask a limiter that is one for all: the wait in seconds, or -1 for a refusal."""
    if limiters[k].kind == BUCKET:
        wait = _book(limiters, k, _bucket_wait(limiters, k, limiters[k].at, now))
        if wait >= 0.0:
            limiters[k].at = max(limiters[k].at, now) + limiters[k].interval
        return wait
    index = _window(limiters, k, now)
    if limiters[k].kind == FIXED_WINDOW:
        place = limiters[k].index
        count = limiters[k].count
        if place < index:
            place = index
            count = 0.0
        if count >= limiters[k].limit:
            place += 1
            count = 0.0
        wait = 0.0 if place == index else _start(limiters, k, place) - now
        if place > index and not limiters[k].waits:
            wait = -1.0
        wait = _book(limiters, k, wait)
        if wait >= 0.0:
            limiters[k].index = place
            limiters[k].count = count + 1.0
        return wait
    seen, count, previous = _sliding_count(
        limiters, k, now, index, limiters[k].index, limiters[k].count, limiters[k].previous
    )
    limiters[k].index = index
    limiters[k].count = count
    limiters[k].previous = previous
    wait = _book(limiters, k, 0.0 if seen < limiters[k].limit else -1.0)
    if wait >= 0.0:
        limiters[k].count = count + 1.0
    return wait


@kernel
def passes_at(limiters, k, now, wait):
    """When the one that has just been told to wait passes: those of one window at the same moment, its start."""
    if limiters[k].kind == FIXED_WINDOW:
        return _start(limiters, k, limiters[k].index)
    return now + wait


@kernel
def pass_key(limiters, k, rows, rows_as_float, row, now):
    """Ask a limiter that has one limit for each key: the wait in seconds, or -1."""
    column = limiters[k].column
    if limiters[k].kind == BUCKET:
        at = rows_as_float[row, column]
        wait = _book(limiters, k, _bucket_wait(limiters, k, at, now))
        if wait >= 0.0:
            rows_as_float[row, column] = max(at, now) + limiters[k].interval
        return wait
    state = rows[row, column]
    index = _window(limiters, k, now)
    stored = np.int64(state >> _32)
    if limiters[k].kind == FIXED_WINDOW:
        count = np.int64(state & _LOW32) if stored == index else 0
        wait = _book(limiters, k, 0.0 if count < limiters[k].limit else -1.0)
        if wait >= 0.0:
            rows[row, column] = (np.uint64(index) << _32) | np.uint64(count + 1)
        return wait
    seen, now_count, before = _sliding_count(
        limiters, k, now, index, stored, np.float64(state & _LOW16), np.float64((state >> _16) & _LOW16)
    )
    wait = _book(limiters, k, 0.0 if seen < limiters[k].limit else -1.0)
    if wait >= 0.0:
        now_count += 1.0
    rows[row, column] = (np.uint64(index) << _32) | (np.uint64(before) << _16) | np.uint64(now_count)
    return wait
