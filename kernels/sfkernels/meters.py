"""Meters: counts and histograms of the current window.

# e = endpoints, k = call sites, q = request classes, b = latency bins
"""

import math

import numpy as np

from sfkernels.jit import hot
from sfkernels.names import LATENCY_BINS, LATENCY_FIRST_S, LATENCY_RATIO, OK, UNAVAILABLE

_PER_BIN = 1.0 / math.log(LATENCY_RATIO)
_FIRST = LATENCY_FIRST_S


@hot
def latency_bin(seconds):
    """Bin of a latency: bin 0 is below first·ratio, the last is everything above."""
    if seconds <= _FIRST:
        return 0
    return min(np.int64(math.log(seconds / _FIRST) * _PER_BIN), LATENCY_BINS - 1)


@hot
def meter_end(endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, e, outcome, seconds):
    """A task of endpoint e has ended."""
    endpoint_meters[e].in_flight -= 1
    endpoint_meters[e].time += seconds
    endpoint_outcomes[e, outcome] += 1
    b = latency_bin(seconds)
    endpoint_latency[e, b] += 1
    if outcome == OK:
        endpoint_meters[e].time_ok += seconds
        endpoint_latency_ok[e, b] += 1


@hot
def turned_away(endpoint_meters, endpoint_outcomes, endpoint_latency, e):
    """A call of endpoint e has met a replica that is down: it has arrived, and ended at once."""
    endpoint_meters[e].arrivals += 1
    endpoint_outcomes[e, UNAVAILABLE] += 1
    endpoint_latency[e, 0] += 1


@hot
def meter_attempt(call_meters, call_outcomes, call_latency, k, outcome, seconds):
    """An attempt of call site k has ended."""
    call_meters[k].time += seconds
    call_outcomes[k, outcome] += 1
    call_latency[k, latency_bin(seconds)] += 1
