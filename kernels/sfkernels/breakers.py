"""Circuit breakers, as in resilience4j 2: closed, open, half open; docs/model.md, section 4.

# b = breakers; window[b, …] = last outcomes (0, 1) of a count window, or ten triples (index, calls, failures)
Buckets of a time window (`recent`) are counted from `origin`, one of their edges before the first moment.
`epoch` counts the changes of state: an attempt is recorded only in the epoch that let it through.
"""

import numpy as np

from sfkernels.jit import kernel
from sfkernels.names import CANCELLED, CLOSED, EXPIRED, HALF_OPEN, OK, OPENED
from sfkernels.recent import current, totals

_ONE = np.uint32(1)


@kernel
def _change(breakers, b, state, now):
    breakers[b].state = state
    breakers[b].epoch += _ONE
    breakers[b].granted = 0
    breakers[b].ended = 0
    breakers[b].ended_failures = 0
    if state == OPENED:
        breakers[b].opened_at = now
        breakers[b].openings += 1


@kernel
def _clear(breakers, window, b):
    breakers[b].at = 0
    breakers[b].count = 0
    breakers[b].failures = 0
    for k in range(30):
        window[b, k] = 0
    if breakers[b].window_s > 0.0:
        for k in range(10):
            window[b, 3 * k] = -1


@kernel
def _judge(breakers, window, b, now):
    """The probes have ended: open again, or closed."""
    if breakers[b].ended_failures >= breakers[b].failure_rate * breakers[b].ended:
        _change(breakers, b, OPENED, now)
    else:
        _change(breakers, b, CLOSED, now)
        _clear(breakers, window, b)


@kernel
def ask(breakers, window, b, now):
    """Permit for an attempt: its epoch, or 0 for a refusal."""
    if breakers[b].state == HALF_OPEN and breakers[b].ended >= breakers[b].probes:
        _judge(breakers, window, b, now)
    if breakers[b].state == OPENED:
        if now < breakers[b].opened_at + breakers[b].open_for:
            return np.uint32(0)
        _change(breakers, b, HALF_OPEN, now)
    if breakers[b].state == HALF_OPEN:
        if breakers[b].granted >= breakers[b].probes:
            return np.uint32(0)
        breakers[b].granted += 1
    return breakers[b].epoch


@kernel
def _count_window(breakers, window, b, failed):
    at = breakers[b].at
    if breakers[b].count == breakers[b].calls:
        breakers[b].failures -= np.int32(window[b, at])
    else:
        breakers[b].count += 1
    window[b, at] = failed
    breakers[b].failures += np.int32(failed)
    breakers[b].at = (at + 1) % breakers[b].calls


@kernel
def _time_window(breakers, window, b, failed, now):
    slot = current(breakers, window, b, now)
    window[b, slot + 1] += 1
    window[b, slot + 2] += failed
    breakers[b].count, breakers[b].failures = totals(window, b, slot)


@kernel
def record(breakers, window, b, permit, outcome, took, now):
    """An attempt that was let through with `permit` has ended, `took` seconds after it began."""
    if permit != breakers[b].epoch:
        return
    half_open = breakers[b].state == HALF_OPEN
    if outcome == EXPIRED or outcome == CANCELLED:
        if half_open:
            breakers[b].granted -= 1
        return
    failed = (breakers[b].on >> outcome) & 1
    if outcome == OK and took > breakers[b].slow:
        failed = 1
    if half_open:
        breakers[b].ended += 1
        breakers[b].ended_failures += failed
        if breakers[b].ended >= breakers[b].probes:
            _judge(breakers, window, b, now)
    elif breakers[b].state == CLOSED:
        if breakers[b].window_s > 0.0:
            _time_window(breakers, window, b, failed, now)
        else:
            _count_window(breakers, window, b, failed)
        n = breakers[b].count
        if n >= breakers[b].minimum and breakers[b].failures >= breakers[b].failure_rate * n:
            _change(breakers, b, OPENED, now)
            _clear(breakers, window, b)
