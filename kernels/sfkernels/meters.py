"""Meters: counts and histograms of the current window.

# i = task, e = endpoints, k = call sites, q = request classes, b = latency bins
"""

import numpy as np

from sfkernels.jit import hot
from sfkernels.names import LATENCY_BINS, LATENCY_FIRST_S, LATENCY_RATIO, OK, TRACED, ZOMBIE
from sfkernels.traces import write_span

_EDGES = LATENCY_FIRST_S * LATENCY_RATIO ** np.arange(LATENCY_BINS)
_EDGES = np.append(_EDGES, np.inf)
"""Lower edge of each bin; above the last is none."""

_CELL_BITS = 46
_CELL_0 = np.float64(LATENCY_FIRST_S).view(np.int64) >> _CELL_BITS
_CELLS = (_EDGES[LATENCY_BINS - 1].view(np.int64) >> _CELL_BITS) - _CELL_0 + 1
_BEFORE = (np.searchsorted(_EDGES, ((_CELL_0 + np.arange(_CELLS)) << _CELL_BITS).view(np.float64), "right") - 1).clip(0)
_BEFORE = _BEFORE.astype(np.int16)
"""Bin at the beginning of each cell: a 64th of a power of two, which at most one edge divides."""


@hot
def latency_bin(seconds):
    """Bin of a latency: bin 0 is below first·ratio, the last is everything above."""
    cell = (np.float64(seconds).view(np.int64) >> _CELL_BITS) - _CELL_0
    if cell < 0:
        return 0
    if cell >= _CELLS:
        return LATENCY_BINS - 1
    b = np.int64(_BEFORE[cell])
    return b + 1 if seconds >= _EDGES[b + 1] else b


@hot
def meter_end(
    clock, tasks, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes, i,
    outcome,
):  # fmt: skip
    """Task i, no branch, has ended: its endpoint's meters, its span."""
    if tasks[i].marks & TRACED:
        write_span(clock, spans, tasks, i, outcome)
    if tasks[i].arrived < 0.0:
        return
    e = tasks[i].endpoint
    seconds = clock[0].now - tasks[i].arrived
    endpoint_meters[e].in_flight -= 1
    if tasks[i].marks & ZOMBIE:
        endpoint_meters[e].wasted += 1
    endpoint_meters[e].time += seconds
    endpoint_outcomes[e, outcome] += 1
    b = latency_bin(seconds)
    endpoint_latency[e, b] += 1
    endpoint_causes[e, tasks[i].blame].time += seconds
    if outcome != OK:
        endpoint_causes[e, tasks[i].fault].failed += 1
    else:
        endpoint_meters[e].time_ok += seconds
        endpoint_latency_ok[e, b] += 1


@hot
def meter_attempt(call_meters, call_outcomes, call_latency, k, outcome, seconds):
    """An attempt of call site k has ended."""
    call_meters[k].time += seconds
    call_outcomes[k, outcome] += 1
    call_latency[k, latency_bin(seconds)] += 1
