"""Users: sessions, requests, what an answer leads to; docs/model.md, section 7.

# y = session types, q = request classes
Nothing of a session is stored: user, type, number of requests, class and item of each request are draws
keyed by (session, request). What sleeps is (time, session, request, retries).
"""

import math

import numpy as np

from sfkernels.durations import draw
from sfkernels.jit import hot, kernel
from sfkernels.keys import NOBODY, draw_item, session_key
from sfkernels.memory import prefetch
from sfkernels.names import OK, STILL, TRACED, USER
from sfkernels.random import mix, uniform
from sfkernels.sleepers import RETRYING, THINKING, sleep_until
from sfkernels.tasks import new_task

_WHO, _TYPE, _LENGTH, _CLASS, _VIEW, _THINK, _AFTER, _RETRY, _LEAVE, _SLOW, _PATIENCE, _TRACE = (
    np.uint64(1001), np.uint64(1002), np.uint64(1003), np.uint64(1004), np.uint64(1005), np.uint64(1006),
    np.uint64(1007), np.uint64(1008), np.uint64(1009), np.uint64(1010), np.uint64(1011), np.uint64(1012),
)  # fmt: skip
_ONE = np.uint64(1)

LAST_TURN = 65535
"""Requests of a session, at most; a closed user goes on under another session number."""


@hot
def _type_of(population, types, key):
    u = uniform(key, _TYPE)
    y = 0
    while y < population[0].types_count - 1 and u >= types[y].upto:
        y += 1
    return y


@hot
def _is_last(types, y, key, turn):
    mean = types[y].requests
    if mean <= 1.0:
        return True
    count = 1 + np.int64(math.log(uniform(key, _LENGTH)) / math.log(1.0 - 1.0 / mean))
    return turn >= min(count, LAST_TURN)


@hot
def _class_of(types, requests, y, key):
    u = uniform(key, _CLASS)
    q = np.int64(types[y].first)
    last = q + types[y].count - 1
    while q < last and u >= requests[q].upto:
        q += 1
    return q


@hot
def trace_if_sampled(clock, tasks, i, key):
    """Trace this request, by the hash of its key, one in so many; the warm-up is not traced."""
    tasks[i].trace_id = tasks[i].key
    tasks[i].span = tasks[i].key
    tasks[i].parent_span = np.uint64(0)
    if clock[0].traced_below and clock[0].now >= clock[0].traced_from:
        if mix(key, _TRACE) < clock[0].traced_below:
            tasks[i].marks |= TRACED


@hot
def new_request(
    clock, tasks, population, types, requests, endpoints, request_meters, item_rows, session, user, turn, retries
):
    """Root task of a user's request. Its draws belong to (session, request, attempt)."""
    skey = session_key(population, session)
    rkey = mix(skey, np.uint64(turn))
    person = np.uint64(session) % population[0].count if population[0].closed else np.uint64(session)
    y = _type_of(population, types, session_key(population, person))
    q = _class_of(types, requests, y, rkey)
    i = new_task(clock, tasks, mix(rkey, np.uint64(retries) + _ONE))
    tasks[i].marks = USER
    tasks[i].user = user
    tasks[i].item_id = NOBODY
    tasks[i].session = session
    tasks[i].turn = turn
    tasks[i].retries = retries
    tasks[i].request = q
    tasks[i].endpoint = requests[q].endpoint
    tasks[i].priority = requests[q].priority
    if endpoints[requests[q].endpoint].uses_item:
        tasks[i].item_id = draw_item(population, rkey)
        prefetch(item_rows, np.int64(tasks[i].item_id))
    trace_if_sampled(clock, tasks, i, rkey)
    clock[0].requests += 1
    request_meters[q].requests += 1
    if retries > 0:
        request_meters[q].retries += 1
    return i


@kernel
def _lose_view(request_meters, q, views, key):
    if views > 0.0 and uniform(key, _VIEW) < views:
        request_meters[q].views_lost += 1


@hot
def answered(
    clock, nodes, buckets, late, tasks, durations, values, population, types, requests, request_meters, sleepers,
    chunk_next, slot_head, slot_fill, i, outcome,
):  # fmt: skip
    """The user of root task i has an answer: retry, give up, leave or think."""
    now = clock[0].now
    took = now - tasks[i].start
    session = tasks[i].session
    turn = tasks[i].turn
    retries = tasks[i].retries
    q = tasks[i].request
    skey = session_key(population, session)
    rkey = mix(skey, np.uint64(turn))
    key = tasks[i].key
    views = requests[q].views
    request_meters[q].time += took
    over = False
    if population[0].patience >= 0 and took > draw(durations, values, population[0].patience, key, _PATIENCE):
        request_meters[q].abandoned += 1
        _lose_view(request_meters, q, views, rkey)
        over = True
    elif outcome != OK:
        if retries < population[0].attempts and uniform(key, _RETRY) < population[0].retry:
            after = draw(durations, values, population[0].after, key, _AFTER)
            sleep_until(
                clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, now + after, session,
                turn, retries + 1, RETRYING,
            )  # fmt: skip
            return
        request_meters[q].given_up += 1
        _lose_view(request_meters, q, views, rkey)
        over = population[0].leave_failure > 0.0 and uniform(key, _LEAVE) < population[0].leave_failure
    else:
        if views > 0.0 and uniform(rkey, _VIEW) < views:
            request_meters[q].views += 1
        over = took > population[0].slow and uniform(key, _SLOW) < population[0].leave_slow
    if not population[0].closed and (over or _is_last(types, _type_of(population, types, skey), skey, turn)):
        clock[0].sessions_ended += 1
        return
    pause = draw(durations, values, population[0].think, rkey, _THINK) + population[0].stretch * took
    if took + pause > 0.0:
        clock[0].still = 0
    else:
        clock[0].still += 1
        if clock[0].still > STILL:
            clock[0].low = 1
    if turn == LAST_TURN:
        session = np.uint32(np.uint64(session) + population[0].count)
        turn = np.uint16(0)
    sleep_until(
        clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, now + pause, session, turn + 1,
        0, THINKING,
    )  # fmt: skip
