"""Queues with consumers: messages wait until a consumer takes a batch; docs/model.md, section 8.

# q = queues, g = messages (one pool for all queues, linked)
"""

import numpy as np

from sfkernels.calendar import schedule_timer
from sfkernels.jit import hot, kernel
from sfkernels.levels import head, set_head, set_tail, tail
from sfkernels.memory import prefetch
from sfkernels.names import MESSAGE_RESERVE, TIMER_LINGER
from sfkernels.random import mix

ONE = np.uint64(1)


@hot
def account_queue(queues, q, now):
    """Bring the integral of the length up to now."""
    queues[q].length += (now - queues[q].updated) * queues[q].waiting
    queues[q].updated = now


@kernel
def _oldest(queues, q, messages):
    """Level whose first message is the oldest, or -1."""
    best = -1
    for level in range(4):
        g = head(queues, q, level)
        if g >= 0 and (best < 0 or messages[g].number < messages[head(queues, q, best)].number):
            best = level
    return best


@kernel
def _take(queues, q, messages, level):
    g = head(queues, q, level)
    set_head(queues, q, level, messages[g].next)
    if messages[g].next < 0:
        set_tail(queues, q, level, -1)
    queues[q].waiting -= 1
    return g


@hot
def free_message(clock, messages, g):
    """Give a message's slot back."""
    messages[g].next = clock[0].message_free
    clock[0].message_free = g
    clock[0].messages_left += 1


@hot
def _free_messages(clock, messages, first, last, n):
    """Give the slots of n linked messages back, in their order: so those that follow each other stay side by side."""
    if n > 0:
        messages[last].next = clock[0].message_free
        clock[0].message_free = first
        clock[0].messages_left += n


@kernel
def append(clock, queues, q, messages, user, item, priority):
    """Append a message: False if the queue is full."""
    account_queue(queues, q, clock[0].now)
    if queues[q].waiting >= queues[q].limit:
        if not queues[q].drop_oldest or queues[q].limit == 0:
            queues[q].rejected += 1
            return False
        free_message(clock, messages, _take(queues, q, messages, _oldest(queues, q, messages)))
        queues[q].dropped += 1
    g = clock[0].message_free
    clock[0].message_free = messages[g].next
    clock[0].messages_left -= 1
    if clock[0].messages_left < MESSAGE_RESERVE:
        clock[0].low = 1
    messages[g].published = clock[0].now
    messages[g].number = queues[q].published
    messages[g].user = user
    messages[g].item_id = item
    messages[g].priority = priority
    messages[g].next = -1
    prefetch(messages, np.int64(clock[0].message_free))
    level = np.int64(priority) if queues[q].priority else 0
    last = tail(queues, q, level)
    if last >= 0:
        messages[last].next = g
    else:
        set_head(queues, q, level, g)
    set_tail(queues, q, level, g)
    queues[q].published += 1
    queues[q].waiting += 1
    if queues[q].waiting > queues[q].length_max:
        queues[q].length_max = queues[q].waiting
    return True


@hot
def _take_all(queues, q):
    """Take all of a queue that has one level: its first message, to which the others are linked."""
    first = np.int64(queues[q].head0)
    queues[q].head0 = -1
    queues[q].tail0 = -1
    queues[q].waiting = 0
    return first


@hot
def may_take(queues, q, now):
    """Whether a free consumer may have something to do after a message to queue q: `take_batch` says what.

    Else a consumer has found less than a batch, and waits for the first message until `due`.
    """
    if queues[q].busy >= queues[q].consumers:
        return False
    few = 1 < queues[q].waiting < queues[q].batch and now < queues[q].due
    return not few or queues[q].drop_oldest != 0


@kernel
def take_batch(clock, nodes, buckets, late, queues, q, messages):
    """Messages for a free consumer, linked, and their number; (-1, 0) if it is not yet time.

    Sets the linger timer where a smaller batch waits for it.
    """
    if queues[q].busy >= queues[q].consumers or queues[q].waiting == 0:
        return -1, 0
    now = clock[0].now
    if queues[q].waiting < queues[q].batch:
        oldest = messages[head(queues, q, _oldest(queues, q, messages))].published
        due = oldest + queues[q].linger
        if now < due:
            if queues[q].due != due:
                queues[q].due = due
                queues[q].timer += np.uint32(1)
                schedule_timer(clock, nodes, buckets, late, due, TIMER_LINGER, q, queues[q].timer)
            return -1, 0
    account_queue(queues, q, now)
    n = min(queues[q].waiting, np.int64(queues[q].batch))
    queues[q].busy += 1
    queues[q].batches += 1
    if n == queues[q].waiting and not queues[q].priority:
        return _take_all(queues, q), n
    first = -1
    last = -1
    level = 0
    for _ in range(n):
        while head(queues, q, level) < 0:
            level += 1
        g = _take(queues, q, messages, level)
        messages[g].next = -1
        if last >= 0:
            messages[last].next = g
        else:
            first = g
        last = g
    return first, n


@kernel
def batch_key(queues, q):
    """Key of the next batch's draws."""
    n = queues[q].number
    queues[q].number = n + ONE
    return mix(queues[q].salt, n)


@kernel
def settle_batch(clock, queues, q, messages, first, delivered):
    """The handler has ended: its messages are delivered or failed, the consumer is free."""
    now = clock[0].now
    g = first
    last = first
    n = 0
    delay = queues[q].delay
    while g >= 0:
        delay += now - messages[g].published
        last = g
        n += 1
        g = messages[g].next
    if delivered:
        queues[q].delivered += n
        queues[q].delay = delay
    else:
        queues[q].failed += n
    _free_messages(clock, messages, first, last, n)
    queues[q].busy -= 1
