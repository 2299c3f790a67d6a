"""Which replica of a service gets a call: among those seen healthy; docs/model.md, section 3."""

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.names import BY_KEY, LEAST_REQUESTS, RANDOM, ROUND_ROBIN
from sfkernels.random import below, mix

_PICK = np.uint64(0x7069)


@hot
def _nth_healthy(services, replicas, s, n):
    first = services[s].replica
    for r in range(first, first + services[s].replicas):
        if replicas[r].healthy:
            if n == 0:
                return r
            n -= 1
    return -1


@hot
def _healthy(services, replicas, s):
    n = 0
    first = services[s].replica
    for r in range(first, first + services[s].replicas):
        n += replicas[r].healthy
    return n


@kernel
def _better_of_two(services, replicas, s, key, one, n):
    two = below(key, _PICK + np.uint64(1), n - 1)
    if two >= one:
        two += 1
    a = _nth_healthy(services, replicas, s, one)
    b = _nth_healthy(services, replicas, s, two)
    return b if replicas[b].tasks < replicas[a].tasks else a


@kernel
def _choose(services, replicas, s, key, place):
    n = _healthy(services, replicas, s)
    if n == 0:
        return -1
    balancer = services[s].balancer
    if balancer == BY_KEY:
        nth = np.int64(mix(services[s].salt, place) % np.uint64(n))
    elif balancer == ROUND_ROBIN:
        turn = services[s].turn
        services[s].turn = turn + 1
        nth = turn % n
    elif balancer == LEAST_REQUESTS:
        best = -1
        first = services[s].replica
        for r in range(first, first + services[s].replicas):
            if replicas[r].healthy and (best < 0 or replicas[r].tasks < replicas[best].tasks):
                best = r
        return best
    else:
        nth = below(key, _PICK, n)
        if balancer != RANDOM and n > 1:
            return _better_of_two(services, replicas, s, key, nth, n)
    return _nth_healthy(services, replicas, s, nth)


@hot
def choose(services, replicas, s, key, place):
    """Replica of service s for the task with this key; `place` is what the balancer `key` hashes. -1: none."""
    if services[s].replicas == 1 and replicas[services[s].replica].healthy:
        return services[s].replica
    return _choose(services, replicas, s, key, place)
