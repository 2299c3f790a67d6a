"""Tasks: one call in flight each. Their slots, and who waits for whom.

A task's children are the calls and branches that it waits for, doubly linked. `gen` tells one use of a
slot from the next, `call_gen` one attempt from the next: an event that carries an old number is void.
"""

import numpy as np

from sfkernels.jit import hot
from sfkernels.names import CALLER, FREE, NETWORK, OK, OUTSIDE, UNAVAILABLE

ONE = np.uint32(1)
_ONE = np.uint64(1)


@hot
def new_task(clock, tasks, key):
    """A slot with the key of its draws, everything else at rest."""
    i = clock[0].task_free
    clock[0].task_free = tasks[i].next
    clock[0].tasks_left -= 1
    if clock[0].tasks_left < clock[0].task_reserve:
        clock[0].low = 1
    tasks[i].key = key
    tasks[i].start = clock[0].now
    tasks[i].arrived = -1.0
    tasks[i].outcome = 0
    tasks[i].marks = 0
    tasks[i].sent_as = 0
    tasks[i].waiter = 0
    tasks[i].child = -1
    tasks[i].parent = -1
    tasks[i].site = -1
    tasks[i].deadline = np.inf
    tasks[i].batch = 1
    tasks[i].network = 0.0
    tasks[i].flight = -1
    tasks[i].queued = 0.0
    tasks[i].served = 0.0
    tasks[i].worst = 0.0
    tasks[i].held = 0.0
    tasks[i].blame = NETWORK
    tasks[i].fault = CALLER
    return i


@hot
def come_in(clock, tasks, i):
    """Task i begins in its replica: `number` orders those of the same moment."""
    tasks[i].arrived = clock[0].now
    tasks[i].number = clock[0].sequence
    clock[0].sequence += _ONE


@hot
def arrive(clock, tasks, replicas, endpoint_meters, i):
    """Task i begins at its endpoint, or has been cancelled; it is in its replica from now on, unless that is down."""
    r = tasks[i].replica
    come_in(clock, tasks, i)
    tasks[i].pc = 0
    tasks[i].first_station = replicas[r].first_station
    tasks[i].blame = replicas[r].cause
    if replicas[r].up == 1:
        replicas[r].tasks += 1
    else:
        tasks[i].marks |= OUTSIDE
        if tasks[i].outcome == OK:
            tasks[i].outcome = UNAVAILABLE
            tasks[i].fault = replicas[r].cause
    e = tasks[i].endpoint
    endpoint_meters[e].arrivals += 1
    endpoint_meters[e].in_flight += 1


@hot
def void_events(tasks, i):
    """Whatever was scheduled for this task happens no more."""
    tasks[i].gen += ONE
    tasks[i].call_gen += ONE


@hot
def free_task(clock, tasks, i):
    """Give a slot back."""
    void_events(tasks, i)
    tasks[i].state = FREE
    tasks[i].next = clock[0].task_free
    clock[0].task_free = i
    clock[0].tasks_left += 1


@hot
def adopt(tasks, parent, i):
    """The parent waits for task i."""
    first = tasks[parent].child
    tasks[i].parent = parent
    tasks[i].child_prev = -1
    tasks[i].child_next = first
    if first >= 0:
        tasks[first].child_prev = i
    tasks[parent].child = i


@hot
def part(tasks, i):
    """The parent waits for task i no longer."""
    parent = tasks[i].parent
    before = tasks[i].child_prev
    after = tasks[i].child_next
    if before >= 0:
        tasks[before].child_next = after
    else:
        tasks[parent].child = after
    if after >= 0:
        tasks[after].child_prev = before
    tasks[i].parent = -1
