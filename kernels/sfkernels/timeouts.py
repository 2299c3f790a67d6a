"""Timeouts of attempts: one event of the calendar serves all attempts of a task slot, one after another.

# t = tasks
Most attempts end long before their timeout. So a slot remembers the timeout of its attempt, and keeps one
event in the calendar, no later than that; when it comes and the timeout is a later one, it moves there.
The order of a timeout is taken when the attempt begins, so that nothing of this shows in the results.
"""

import numpy as np

from sfkernels.calendar import schedule, sequenced
from sfkernels.jit import hot
from sfkernels.names import CLASS_TIMER, TIMER_ATTEMPT

_ONE = np.uint32(1)


@hot
def set_timeout(clock, nodes, buckets, late, tasks, i, time):
    """The attempt that task i begins now is over at `time`."""
    order = sequenced(clock, CLASS_TIMER, TIMER_ATTEMPT)
    tasks[i].timeout = time
    tasks[i].timeout_order = order
    tasks[i].timeout_gen = tasks[i].call_gen
    if tasks[i].timed == 0 or time < tasks[i].timed_at:
        tasks[i].timed = 1
        tasks[i].timed_at = time
        tasks[i].timed_gen += _ONE
        schedule(clock, nodes, buckets, late, time, order, i, tasks[i].timed_gen)


@hot
def has_timed_out(clock, nodes, buckets, late, tasks, i, gen, order):
    """Whether the event (gen, order) of slot i is the timeout of the attempt that it is in now."""
    if tasks[i].timed_gen != gen:
        return False
    tasks[i].timed = 0
    if tasks[i].timeout_gen != tasks[i].call_gen:
        return False
    if tasks[i].timeout_order == order:
        return True
    tasks[i].timed = 1
    tasks[i].timed_at = tasks[i].timeout
    schedule(clock, nodes, buckets, late, tasks[i].timeout, tasks[i].timeout_order, i, gen)
    return False
