"""The event calendar: one bucket per tick, exact times inside.

# n = events, b = buckets
Two wheels of linked lists: `buckets[:NB]` are the ticks of the current rotation, `buckets[NB:]` are
the NC rotations after it. A bucket is sorted by (time, order) when it is opened; what falls into the
open bucket afterwards goes to the small heap `late`. The order of an event is its class, then what its
class says (names.CLASS_…): so the tick decides where an event is kept, never when it happens.
Cost: some 15 ns to insert and take out.
"""

import numpy as np

from sfkernels.jit import hot, kernel
from sfkernels.names import CLASS_SHIFT, CLASS_TASK, CLASS_TIMER, NB, NC

_CLASS, _4 = np.uint64(CLASS_SHIFT), np.uint64(4)
_ONE = np.uint64(1)
_LAST_BUCKET = 2.0**62


@hot
def sequenced(clock, class_, kind):
    """Order of an event of this class that is scheduled now."""
    number = clock[0].sequence
    clock[0].sequence = number + _ONE
    return (np.uint64(class_) << _CLASS) | (number << _4) | np.uint64(kind)


@hot
def placed(class_, place, kind):
    """Order of an event whose class orders by place, not by the order of scheduling."""
    return (np.uint64(class_) << _CLASS) | (np.uint64(place) << _4) | np.uint64(kind)


@hot
def _before(nodes, time, node, other_time, other_node):
    if time != other_time:
        return time < other_time
    return nodes[node].order < nodes[other_node].order


@kernel
def push_late(clock, nodes, late, time, node):
    """Insert into the heap of the open bucket."""
    i = clock[0].late_count
    clock[0].late_count = i + 1
    while i > 0:
        up = (i - 1) >> 1
        if not _before(nodes, time, node, late[up].time, late[up].node):
            break
        late[i].time = late[up].time
        late[i].node = late[up].node
        i = up
    late[i].time = time
    late[i].node = node


@kernel
def pop_late(clock, nodes, late):
    """Remove the first of the heap of the open bucket; returns its node."""
    first = late[0].node
    n = clock[0].late_count - 1
    clock[0].late_count = n
    time = late[n].time
    node = late[n].node
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        right = child + 1
        if right < n and _before(nodes, late[right].time, late[right].node, late[child].time, late[child].node):
            child = right
        if not _before(nodes, late[child].time, late[child].node, time, node):
            break
        late[i].time = late[child].time
        late[i].node = late[child].node
        i = child
    late[i].time = time
    late[i].node = node
    return first


@hot
def _bucket_of(clock, time):
    """Bucket of a time; what lies beyond the end of days, or is no number, waits there."""
    at = time * clock[0].per_tick
    return np.int64(at) if at < _LAST_BUCKET else np.int64(_LAST_BUCKET)


@hot
def _link(clock, nodes, buckets, late, node, time):
    bucket = _bucket_of(clock, time)
    here = clock[0].bucket
    if bucket <= here:
        push_late(clock, nodes, late, time, node)
    else:
        rotation = bucket // NB
        slot = bucket % NB
        if rotation != here // NB:
            slot = NB + rotation % NC
        nodes[node].next = buckets[slot]
        buckets[slot] = node


@hot
def schedule(clock, nodes, buckets, late, time, order, task, gen):
    """Put an event into the calendar; returns its node. Writes clock, nodes, buckets, late."""
    node = clock[0].node_free
    clock[0].node_free = nodes[node].next
    clock[0].nodes_left -= 1
    if clock[0].nodes_left < clock[0].node_reserve:
        clock[0].low = 1
    nodes[node].time = time
    nodes[node].order = order
    nodes[node].task = task
    nodes[node].gen = gen
    _link(clock, nodes, buckets, late, node, time)
    return node


@hot
def schedule_task(clock, nodes, buckets, late, time, task, gen):
    """Task event: the end of a service, a sleep, a trip."""
    schedule(clock, nodes, buckets, late, time, sequenced(clock, CLASS_TASK, 0), task, gen)


@hot
def schedule_timer(clock, nodes, buckets, late, time, kind, task, gen):
    """Timer event: a timeout, a hedge, patience, a linger."""
    schedule(clock, nodes, buckets, late, time, sequenced(clock, CLASS_TIMER, kind), task, gen)


@hot
def free_node(clock, nodes, node):
    """Give a node back."""
    nodes[node].next = clock[0].node_free
    clock[0].node_free = node
    clock[0].nodes_left += 1


@kernel
def _sift(nodes, batch, i, n):
    time = batch[i].time
    node = batch[i].node
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        right = child + 1
        if right < n and _before(nodes, batch[child].time, batch[child].node, batch[right].time, batch[right].node):
            child = right
        if not _before(nodes, time, node, batch[child].time, batch[child].node):
            break
        batch[i].time = batch[child].time
        batch[i].node = batch[child].node
        i = child
    batch[i].time = time
    batch[i].node = node


@kernel
def _heap_sort(nodes, batch, n):
    for i in range(n // 2 - 1, -1, -1):
        _sift(nodes, batch, i, n)
    for end in range(n - 1, 0, -1):
        time = batch[0].time
        node = batch[0].node
        batch[0].time = batch[end].time
        batch[0].node = batch[end].node
        batch[end].time = time
        batch[end].node = node
        _sift(nodes, batch, 0, end)


@hot
def _insert(nodes, batch, n, time, node):
    i = n
    while i > 0 and _before(nodes, time, node, batch[i - 1].time, batch[i - 1].node):
        batch[i].time = batch[i - 1].time
        batch[i].node = batch[i - 1].node
        i -= 1
    batch[i].time = time
    batch[i].node = node


@kernel
def open_bucket(clock, nodes, buckets, batch):
    """Collect the current bucket into `batch`, sorted by (time, order)."""
    slot = clock[0].bucket % NB
    node = buckets[slot]
    buckets[slot] = -1
    n = 0
    while node >= 0 and n < 32:
        _insert(nodes, batch, n, nodes[node].time, node)
        node = nodes[node].next
        n += 1
    if node >= 0:
        while node >= 0:
            batch[n].time = nodes[node].time
            batch[n].node = node
            node = nodes[node].next
            n += 1
        _heap_sort(nodes, batch, n)
    clock[0].batch_at = 0
    clock[0].batch_count = n


@kernel
def turn(clock, nodes, buckets):
    """Begin the next rotation: its events go to their ticks."""
    rotation = clock[0].bucket // NB
    slot = NB + rotation % NC
    node = buckets[slot]
    buckets[slot] = -1
    while node >= 0:
        following = nodes[node].next
        bucket = _bucket_of(clock, nodes[node].time)
        if bucket // NB != rotation:
            nodes[node].next = buckets[slot]
            buckets[slot] = node
        else:
            nodes[node].next = buckets[bucket % NB]
            buckets[bucket % NB] = node
        node = following
