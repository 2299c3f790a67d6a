"""Traces: one span for each task of a sampled request."""

import numpy as np

from sfkernels.jit import kernel, out_of_line
from sfkernels.names import OK, ZOMBIE


@kernel
def write_span(clock, spans, tasks, i, outcome):
    """Record task i, which ends now. Lost spans are counted when there is no room."""
    out_of_line()
    n = clock[0].span_count
    if n >= len(spans):
        clock[0].spans_lost += 1
        return
    clock[0].span_count = n + 1
    spans[n].trace_id = tasks[i].trace_id
    spans[n].span = tasks[i].span
    spans[n].parent = tasks[i].parent_span
    spans[n].start = tasks[i].start
    spans[n].arrived = tasks[i].arrived if tasks[i].arrived >= 0.0 else np.nan
    spans[n].ended = clock[0].now
    spans[n].queued = tasks[i].queued
    spans[n].served = tasks[i].served
    spans[n].endpoint = tasks[i].endpoint
    spans[n].call = tasks[i].site
    spans[n].replica = tasks[i].replica
    spans[n].user = tasks[i].user
    spans[n].item_id = tasks[i].item_id
    spans[n].outcome = outcome
    spans[n].attempt = tasks[i].sent_as
    spans[n].cause = tasks[i].blame if outcome == OK else tasks[i].fault
    spans[n].zombie = 1 if tasks[i].marks & ZOMBIE else 0
