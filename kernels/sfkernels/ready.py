"""Ready tasks: those that run before the next event, in the order in which they became ready."""

import numpy as np

from sfkernels.jit import hot
from sfkernels.names import READY


@hot
def make_ready(clock, tasks, ready, i, todo):
    """Append task i with what it does next. `ready` is a ring, as long as `tasks`, a power of two."""
    tasks[i].state = READY
    tasks[i].todo = todo
    tail = clock[0].ready_tail
    ready[tail & np.int64(len(ready) - 1)] = i
    clock[0].ready_tail = tail + 1


@hot
def next_ready(clock, ready):
    """Take the first; the caller has seen that there is one."""
    head = clock[0].ready_head
    clock[0].ready_head = head + 1
    return ready[head & np.int64(len(ready) - 1)]
