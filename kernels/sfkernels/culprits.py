"""Who is at fault when a wait ends in a failure: the end of the chain of who waits for whom; docs/model.md, section 11.

# t = tasks, s = stations
Followed only when a task fails. Cost: some 10 ns a link.
"""

import numpy as np

from sfkernels.causes import PLACES, holder
from sfkernels.flights import find, ref_of
from sfkernels.jit import hot, kernel, out_of_line
from sfkernels.keys import key_of
from sfkernels.names import (
    BACKING_OFF,
    CALLING,
    COALESCED,
    FORKED,
    LIMITED,
    NETWORK,
    QUEUED,
    READY,
    REPLYING,
    SERVED,
    SLEEPING,
    TRAVELLING,
)  # fmt: skip
from sfkernels.random import mix

_WHO = np.uint64(0x7768)
LINKS = 32
"""Longest chain that is followed."""


@kernel
def _some_holder(stations, s, key):
    """One of the sample of those that hold station s, by a draw with this key; -1: nobody holds it."""
    first = np.int64(mix(key, _WHO) & np.uint64(PLACES - 1))
    for n in range(PLACES):
        h = holder(stations, s, (first + n) % PLACES)
        if h >= 0:
            return h
    return np.int64(-1)


@hot
def _longest_child(tasks, i):
    """The child of task i that it has waited for longest."""
    c = np.int64(tasks[i].child)
    longest = c
    while c >= 0:
        if tasks[c].start < tasks[longest].start:
            longest = c
        c = np.int64(tasks[c].child_next)
    return longest


@kernel
def culprit(clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, i, now):
    """What keeps task i: the end of the chain of who waits for whom, or what took longer before; `now`: at this moment."""
    out_of_line()
    for _ in range(LINKS):
        state = tasks[i].state
        if state == TRAVELLING or (state == REPLYING and (now or tasks[i].network > tasks[i].worst)):
            return NETWORK
        if state == READY or state == REPLYING:
            break
        if not now and clock[0].now - tasks[i].since < tasks[i].worst:
            break
        following = np.int64(-1)
        if state == QUEUED:
            s = np.int64(tasks[i].station)
            following = _some_holder(stations, s, tasks[i].key)
            if following < 0:
                return np.int64(stations[s].blame)
            now = True
        elif state == SERVED:
            return np.int64(stations[tasks[i].station].cause)
        elif state == LIMITED:
            return np.int64(limiters[ops[tasks[i].pc].a].cause)
        elif state == SLEEPING:
            return np.int64(replicas[tasks[i].replica].cause)
        elif state == BACKING_OFF:
            return np.int64(tasks[i].fault)
        elif state == COALESCED:
            c = ops[tasks[i].pc].a
            row = key_of(population, caches[c].key, tasks[i].user, tasks[i].item_id)
            following = np.int64(flights[find(flights, flight_buckets, ref_of(c, row))].leader)
        elif state == CALLING or state == FORKED:
            following = _longest_child(tasks, i)
        if following < 0:
            break
        i = following
    return np.int64(tasks[i].held_blame if now else tasks[i].blame)


@kernel
def culprit_of_station(
    clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, i, s
):  # fmt: skip
    """What keeps those who wait at station s, where task i is turned away or waits no longer."""
    out_of_line()
    h = _some_holder(stations, s, tasks[i].key)
    if h < 0:
        return np.int64(stations[s].blame)
    return culprit(
        clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, h, True
    )


@kernel
def culprit_of_call(
    clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, i
):  # fmt: skip
    """What keeps those whom task i waits for."""
    out_of_line()
    c = _longest_child(tasks, i)
    if c < 0:
        return np.int64(tasks[i].blame)
    return culprit(
        clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, c, False
    )
