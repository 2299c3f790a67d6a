"""The end of a task: what it holds is released, what it leads passes on, then its reply travels.

# t = tasks
"""

import numpy as np

from sfkernels.calendar import schedule_task
from sfkernels.calls import deliver
from sfkernels.causes import let_go
from sfkernels.flights import land_all
from sfkernels.jit import hot
from sfkernels.meters import latency_bin, meter_end
from sfkernels.names import BRANCH, CUT_SHORT, HANDLER, OK, OUTSIDE, REPLYING, USER
from sfkernels.queues import settle_batch
from sfkernels.stations import goes_on, leave
from sfkernels.tasks import free_task
from sfkernels.users import answered


@hot
def end_task(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, flights,
    flight_buckets, caches, replicas, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
    endpoint_causes, i, outcome,
):  # fmt: skip
    """Task i ends with this outcome. True if its reply arrives at once, False if it travels."""
    now = clock[0].now
    tasks[i].outcome = outcome
    if tasks[i].arrived >= 0.0:
        if not tasks[i].marks & OUTSIDE:
            replicas[tasks[i].replica].tasks -= 1
        if tasks[i].waiter:
            goes_on(
                clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations,
                replicas, i,
            )  # fmt: skip
        if tasks[i].marks & CUT_SHORT:
            leave(
                clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations,
                np.int64(tasks[i].station),
            )  # fmt: skip
        hold = ops[tasks[i].pc].hold
        base = tasks[i].first_station
        while hold >= 0:
            let_go(tasks, stations, np.int64(base + ops[hold].a), i)
            leave(
                clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations,
                base + ops[hold].a,
            )  # fmt: skip
            hold = ops[hold].hold
    if tasks[i].flight >= 0:
        land_all(clock, flights, flight_buckets, tasks, ready, ops, caches, i)
    if not tasks[i].marks & BRANCH:
        meter_end(
            clock, tasks, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
            endpoint_causes, i, outcome,
        )  # fmt: skip
    if tasks[i].parent >= 0 and tasks[i].network > 0.0:
        tasks[i].state = REPLYING
        schedule_task(clock, nodes, buckets, late, now + tasks[i].network, i, tasks[i].gen)
        return False
    return True


@hot
def settle(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, stations, flights, flight_buckets, caches,
    population, breakers, breaker_window, sites, queues, messages, types, requests, request_meters, request_outcomes,
    request_latency, sleepers, chunk_next, slot_head, slot_fill, call_meters, call_outcomes, call_latency, i,
):  # fmt: skip
    """The reply of task i arrives: at its caller, its user, its queue. Returns a queue with a free consumer, or -1."""
    queue = -1
    marks = tasks[i].marks
    if tasks[i].parent >= 0:
        deliver(
            clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window,
            sites, call_meters, call_outcomes, call_latency, i,
        )  # fmt: skip
    elif marks & USER:
        q = tasks[i].request
        outcome = tasks[i].outcome
        request_outcomes[q, outcome] += 1
        request_latency[q, latency_bin(clock[0].now - tasks[i].start)] += 1
        answered(
            clock, nodes, buckets, late, tasks, durations, values, population, types, requests, request_meters,
            sleepers, chunk_next, slot_head, slot_fill, i, outcome,
        )  # fmt: skip
    elif marks & HANDLER:
        queue = tasks[i].queue
        settle_batch(clock, queues, queue, messages, tasks[i].messages, tasks[i].outcome == OK)
    free_task(clock, tasks, i)
    return queue
