"""Clients' own throttles: an attempt is not sent, at random, where the backend accepts few; docs/model.md, section 4.

# b = breakers, among which a throttle is one; window[b, …] = ten triples (bucket, requests, accepts)
An attempt asks (`refuses`), and its reply, where it is no refusal, is an accept (`accept`). Order: before the breaker.
Cost: some 20 ns an attempt, and one comparison where a call site has none.
Source: Site Reliability Engineering, 2016, chapter 21.
"""

import numpy as np

from sfkernels.jit import kernel, out_of_line
from sfkernels.random import uniform
from sfkernels.recent import current, totals

THROTTLE = np.uint64(0x7468)


@kernel
def refuses(breakers, window, b, key, now):
    """An attempt, by its key, asks throttle b; True if it is not to be sent. Counts it as a request."""
    out_of_line()
    slot = current(breakers, window, b, now)
    requests, accepts = totals(window, b, slot)
    window[b, slot + 1] += 1
    surplus = requests - breakers[b].k * accepts
    return surplus > 0.0 and uniform(key, THROTTLE) < surplus / (requests + 1.0)


@kernel
def accept(breakers, window, b, outcome, now):
    """A reply has come: an accept, unless its outcome is a refusal."""
    out_of_line()
    if not (breakers[b].on >> outcome) & 1:
        window[b, current(breakers, window, b, now) + 2] += 1
