"""Coalescing: one task fetches a key, others that miss it wait; docs/model.md, section 5.

# f = flights, one for each (cache, key) that is being fetched, hashed into `flight_buckets`
"""

import numpy as np

from sfkernels.causes import spent
from sfkernels.jit import kernel
from sfkernels.names import COALESCED, FLIGHT_BUCKETS, FLIGHT_RESERVE, STEP
from sfkernels.random import mix
from sfkernels.ready import make_ready

_40 = np.uint64(40)


@kernel
def ref_of(c, row):
    """Number of a key of a cache."""
    return (np.uint64(c) << _40) | np.uint64(row)


@kernel
def _bucket(ref):
    return np.int64(mix(ref, np.uint64(0)) % np.uint64(FLIGHT_BUCKETS))


@kernel
def find(flights, flight_buckets, ref):
    """Flight of this key, or -1."""
    f = flight_buckets[_bucket(ref)]
    while f >= 0 and flights[f].ref != ref:
        f = flights[f].next
    return f


@kernel
def take_off(clock, flights, flight_buckets, tasks, i, ref):
    """Task i leads the fetch of this key."""
    f = clock[0].flight_free
    clock[0].flight_free = flights[f].next
    clock[0].flights_left -= 1
    if clock[0].flights_left < FLIGHT_RESERVE:
        clock[0].low = 1
    bucket = _bucket(ref)
    flights[f].ref = ref
    flights[f].leader = i
    flights[f].head = -1
    flights[f].tail = -1
    flights[f].next = flight_buckets[bucket]
    flights[f].next_led = tasks[i].flight
    flight_buckets[bucket] = f
    tasks[i].flight = f


@kernel
def wait_for(flights, tasks, f, i):
    """Task i waits for the leader."""
    tasks[i].state = COALESCED
    tasks[i].next = -1
    if flights[f].tail >= 0:
        tasks[flights[f].tail].next = i
    else:
        flights[f].head = i
    flights[f].tail = i


@kernel
def wait_no_more(flights, tasks, f, i):
    """Task i, which waits for the leader of flight f, is stopped."""
    before = -1
    here = flights[f].head
    while here != i:
        before = here
        here = tasks[here].next
    if before >= 0:
        tasks[before].next = tasks[i].next
    else:
        flights[f].head = tasks[i].next
    if flights[f].tail == i:
        flights[f].tail = before


@kernel
def _remove(clock, flights, flight_buckets, f):
    bucket = _bucket(flights[f].ref)
    if flight_buckets[bucket] == f:
        flight_buckets[bucket] = flights[f].next
    else:
        g = flight_buckets[bucket]
        while flights[g].next != f:
            g = flights[g].next
        flights[g].next = flights[f].next
    flights[f].next = clock[0].flight_free
    clock[0].flight_free = f
    clock[0].flights_left += 1


@kernel
def _resign(flights, tasks, f):
    leader = flights[f].leader
    if tasks[leader].flight == f:
        tasks[leader].flight = flights[f].next_led
        return
    g = tasks[leader].flight
    while flights[g].next_led != f:
        g = flights[g].next_led
    flights[g].next_led = flights[f].next_led


@kernel
def land(clock, flights, flight_buckets, tasks, ready, ops, caches, i, f, stored):
    """Task i leads flight f no longer. Stored: those who wait go on as hits; else the first of them leads."""
    _resign(flights, tasks, f)
    first = flights[f].head
    if stored or first < 0:
        c = np.int64(flights[f].ref >> _40)
        while first >= 0:
            following = tasks[first].next
            caches[c].coalesced += 1
            spent(tasks, first, clock[0].now - tasks[first].since, tasks[i].blame)
            tasks[first].pc = ops[tasks[first].pc].next
            make_ready(clock, tasks, ready, first, STEP)
            first = following
        _remove(clock, flights, flight_buckets, f)
    else:
        flights[f].head = tasks[first].next
        if flights[f].head < 0:
            flights[f].tail = -1
        flights[f].leader = first
        flights[f].next_led = tasks[first].flight
        tasks[first].flight = f
        caches[np.int64(flights[f].ref >> _40)].misses += 1
        tasks[first].pc = ops[tasks[first].pc].other
        make_ready(clock, tasks, ready, first, STEP)


@kernel
def land_all(clock, flights, flight_buckets, tasks, ready, ops, caches, i):
    """Task i ends: whatever it leads goes to the next."""
    while tasks[i].flight >= 0:
        land(clock, flights, flight_buckets, tasks, ready, ops, caches, i, tasks[i].flight, False)
