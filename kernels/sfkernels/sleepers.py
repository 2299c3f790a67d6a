"""The sleepers' wheel: users who think or wait to try again; 16 bytes each, in chunks.

# n = sleepers, s = slots of SLOT_S seconds
Sleepers are no tasks: what is hot stays small. When a slot is due its sleepers go into the calendar,
as events whose order is (session, request): so it does not matter when a slot is opened.
"""

import numpy as np

from sfkernels.calendar import placed, schedule
from sfkernels.jit import hot, kernel, out_of_line
from sfkernels.keys import user_of
from sfkernels.names import CHUNK, CHUNK_RESERVE, CLASS_USER, NS, SLOT_S

_16, _24 = np.uint64(16), np.uint64(24)
_8, _SHIFT16 = np.uint32(8), np.uint32(16)

THINKING, RETRYING = 0, 1


@hot
def order_of(session, turn):
    """Order of a user's event: by session, then by request."""
    return placed(CLASS_USER, (np.uint64(session) << _16) | np.uint64(turn), 0)


@hot
def _to_calendar(clock, nodes, buckets, late, population, time, session, turn, retries, why):
    packed = (np.uint32(turn) << _SHIFT16) | (np.uint32(retries) << _8) | np.uint32(why)
    order = order_of(session, turn)
    node = schedule(clock, nodes, buckets, late, time, order, np.int32(np.uint32(session)), packed)
    nodes[node].user = user_of(population, session)


@kernel
def _wake_soon(clock, nodes, buckets, late, population, time, session, turn, retries, why):
    out_of_line()
    _to_calendar(clock, nodes, buckets, late, population, time, session, turn, retries, why)


@kernel
def _append(clock, sleepers, chunk_next, slot_head, slot_fill, slot, time, session, turn, retries, why):
    chunk = slot_head[slot]
    fill = slot_fill[slot]
    if chunk < 0 or fill == CHUNK:
        fresh = clock[0].chunk_free
        clock[0].chunk_free = chunk_next[fresh]
        clock[0].chunks_left -= 1
        if clock[0].chunks_left < CHUNK_RESERVE:
            clock[0].low = 1
        chunk_next[fresh] = chunk
        slot_head[slot] = fresh
        chunk = fresh
        fill = 0
    at = chunk * CHUNK + fill
    sleepers[at].time = time
    sleepers[at].session = session
    sleepers[at].turn = turn
    sleepers[at].retries = retries
    sleepers[at].why = why
    slot_fill[slot] = fill + 1


@hot
def sleep_until(
    clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, time, session, turn, retries, why,
):  # fmt: skip
    """A user sleeps until `time`."""
    if why == RETRYING:
        clock[0].retrying += 1
    else:
        clock[0].thinking += 1
    slot = np.int64(time / SLOT_S)
    if slot < clock[0].slot:
        _wake_soon(clock, nodes, buckets, late, population, time, session, turn, retries, why)
    else:
        _append(clock, sleepers, chunk_next, slot_head, slot_fill, slot % NS, time, session, turn, retries, why)


@kernel
def open_slot(clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill):
    """Move the sleepers of the next slot into the calendar."""
    slot = clock[0].slot
    place = slot % NS
    chunk = slot_head[place]
    fill = slot_fill[place]
    slot_head[place] = -1
    slot_fill[place] = 0
    clock[0].slot = slot + 1
    while chunk >= 0:
        for at in range(chunk * CHUNK, chunk * CHUNK + fill):
            time = sleepers[at].time
            if np.int64(time / SLOT_S) > slot:
                _append(
                    clock, sleepers, chunk_next, slot_head, slot_fill, place, time, sleepers[at].session,
                    sleepers[at].turn, sleepers[at].retries, sleepers[at].why,
                )  # fmt: skip
            else:
                _to_calendar(
                    clock, nodes, buckets, late, population, time, sleepers[at].session, sleepers[at].turn,
                    sleepers[at].retries, sleepers[at].why,
                )  # fmt: skip
        following = chunk_next[chunk]
        chunk_next[chunk] = clock[0].chunk_free
        clock[0].chunk_free = chunk
        clock[0].chunks_left += 1
        chunk = following
        fill = CHUNK


@kernel
def slot_size(clock, chunk_next, slot_head, slot_fill):
    """Sleepers in the next slot, at most: what opening it needs in nodes."""
    place = clock[0].slot % NS
    chunk = slot_head[place]
    n = 0
    while chunk >= 0:
        n += CHUNK
        chunk = chunk_next[chunk]
    return n
