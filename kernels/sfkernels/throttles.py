"""Clients' own throttles: an attempt is not sent, at random, where the backend accepts few; docs/model.md, section 4.

# b = breakers, among which a throttle is one; window[b, …] = ten triples (bucket, requests, accepts)
An attempt asks (`refuses`); one that was sent is counted when it has ended (`count`), so that what is under way does not look
like what was refused. Order: before the breaker. Cost: some 20 ns an attempt, and one comparison where a call site has none.
Source: Site Reliability Engineering, 2016, chapter 21.
"""

import numpy as np

from sfkernels.jit import kernel, out_of_line
from sfkernels.names import TIMEOUT
from sfkernels.random import uniform
from sfkernels.recent import current, totals

THROTTLE = np.uint64(0x7468)


@kernel
def refuses(breakers, window, b, key, now):
    """An attempt, by its key, asks throttle b; True if it is not to be sent, which counts as a request."""
    out_of_line()
    slot = current(breakers, window, b, now)
    requests, accepts = totals(window, b, slot)
    surplus = requests - breakers[b].k * accepts
    refused = surplus > 0.0 and uniform(key, THROTTLE) < surplus / (requests + 1.0)
    window[b, slot + 1] += refused
    return refused


@kernel
def count(breakers, window, b, outcome, now):
    """An attempt that was sent has ended: a request, and an accept if it had a reply that is no refusal."""
    out_of_line()
    slot = current(breakers, window, b, now)
    window[b, slot + 1] += 1
    if outcome != TIMEOUT and not (breakers[b].on >> outcome) & 1:
        window[b, slot + 2] += 1
