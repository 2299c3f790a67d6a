"""The interpreter: a task runs its endpoint's script until it waits or ends.

# p = operations of all scripts
An endpoint is a short program of operations with explicit successors; nothing is compiled for a
platform. Cost: some 5 ns an operation, apart from what the operation does.
"""

import numpy as np

from sfkernels.balancers import choose
from sfkernels.caches import HIT, STALE, invalidate, look_up, looks_ahead, put
from sfkernels.calendar import schedule_task
from sfkernels.calls import attempt, begin_call, send_off, spawn, turn_away
from sfkernels.causes import let_go, spent
from sfkernels.culprits import culprit_of_station
from sfkernels.durations import draw
from sfkernels.flights import find, land, ref_of, take_off, wait_for
from sfkernels.jit import hot, kernel, out_of_line
from sfkernels.keys import address, key_of, topic
from sfkernels.limiters import pass_all, pass_key, passes_at
from sfkernels.names import (
    ARRIVE,
    BACKING_OFF,
    BRANCH,
    CALLER,
    ENDING,
    FAILED,
    FORKED,
    INHERITED,
    JITTER_DECORRELATED,
    KEY_ITEM,
    KEY_NONE,
    KEY_USER,
    LIMITED,
    OK,
    OP_AWAITED,
    OP_BROADCAST,
    OP_CALL,
    OP_CHOOSE,
    OP_COUNT,
    OP_FORK,
    OP_HOLD,
    OP_INVALIDATE,
    OP_JUMP,
    OP_LOOKUP,
    OP_MISS,
    OP_PASS,
    OP_PUBLISH,
    OP_RELEASE,
    OP_RETURN,
    OP_SEND,
    OP_SLEEP,
    OP_STORE,
    OP_USE,
    PUBLISHED,
    REJECTED,
    REPLY,
    RETRY,
    SCOPE_KEY,
    SLEEPING,
    THROTTLED,
    UNAVAILABLE,
    WAITS,
    ZOMBIE,
)  # fmt: skip
from sfkernels.queues import append, may_take
from sfkernels.random import mix, uniform
from sfkernels.ready import make_ready
from sfkernels.retries import delay, spend
from sfkernels.shedding import sheds
from sfkernels.stations import goes_on, join, leave, waits_for_call
from sfkernels.tasks import adopt, come_in, new_task
from sfkernels.timeouts import set_timeout

_SKIP, _CHOICE = np.uint64(0x736B), np.uint64(0x6368)
_FRESH, _ATTEMPT, _REPLIED, _FAILED = range(4)


@kernel
def fork(clock, tasks, ready, replicas, ops, branches, i):
    """Task i starts its branches, each a task of its own in the same replica."""
    op = ops[tasks[i].pc]
    tasks[i].state = FORKED
    tasks[i].since = clock[0].now
    tasks[i].need = np.int32(op.x)
    tasks[i].left = op.b
    here = mix(tasks[i].key, op.salt)
    for n in range(op.b):
        c = new_task(clock, tasks, mix(here, np.uint64(n)))
        tasks[c].user = tasks[i].user
        tasks[c].item_id = tasks[i].item_id
        tasks[c].priority = tasks[i].priority
        tasks[c].marks = tasks[i].marks & INHERITED | BRANCH
        tasks[c].trace_id = tasks[i].trace_id
        tasks[c].span = tasks[i].span
        tasks[c].parent_span = tasks[i].parent_span
        tasks[c].deadline = tasks[i].deadline
        tasks[c].endpoint = tasks[i].endpoint
        tasks[c].replica = tasks[i].replica
        tasks[c].batch = tasks[i].batch
        tasks[c].pc = branches[op.a + n]
        tasks[c].first_station = tasks[i].first_station
        tasks[c].blame = replicas[tasks[i].replica].cause
        come_in(clock, tasks, c)
        replicas[tasks[i].replica].tasks += 1
        adopt(tasks, i, c)
        make_ready(clock, tasks, ready, c, ARRIVE)


@kernel
def broadcast(
    clock, nodes, buckets, late, tasks, ready, ops, sites, endpoints, services, replicas, spans, endpoint_meters,
    endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes, call_meters, call_outcomes, call_latency,
    i,
):  # fmt: skip
    """Task i calls every replica, also those that are down; False if its deadline has passed."""
    out_of_line()
    now = clock[0].now
    if now >= tasks[i].deadline:
        return False
    k = ops[tasks[i].pc].a
    s = endpoints[sites[k].endpoint].service
    tasks[i].state = FORKED
    tasks[i].since = now
    tasks[i].left = services[s].replicas
    tasks[i].need = services[s].replicas
    tasks[i].attempt = 0
    tasks[i].call_gen += np.uint32(1)
    until = min(now + sites[k].timeout, tasks[i].deadline)
    if until < np.inf:
        set_timeout(clock, nodes, buckets, late, tasks, i, until)
    for n in range(services[s].replicas):
        key = mix(mix(tasks[i].key, sites[k].salt), np.uint64(n))
        r = services[s].replica + n
        call_meters[k].attempts += 1
        if sites[k].network == 0.0 and replicas[r].up != 1:
            turn_away(
                clock, tasks, sites, replicas, spans, endpoint_meters, endpoint_outcomes, endpoint_latency,
                endpoint_latency_ok, endpoint_causes, call_meters, call_outcomes, call_latency, k, i, r, key,
            )  # fmt: skip
            tasks[i].left -= 1
            tasks[i].need -= 1
            continue
        c = spawn(clock, tasks, sites, k, i, r, key)
        adopt(tasks, i, c)
        send_off(clock, nodes, buckets, late, tasks, ready, replicas, endpoint_meters, sites[k].network, c)
    if tasks[i].need == 0:
        tasks[i].call_gen += np.uint32(1)
        tasks[i].outcome = OK
        make_ready(clock, tasks, ready, i, REPLY)
    return True


@kernel
def send(
    clock, nodes, buckets, late, tasks, ready, sites, endpoints, services, replicas, endpoint_meters, call_meters,
    call_outcomes, k, i, salt,
):  # fmt: skip
    """Task i calls and does not wait."""
    key = mix(tasks[i].key, salt)
    call_meters[k].attempts += 1
    r = choose(services, replicas, endpoints[sites[k].endpoint].service, key, np.uint64(tasks[i].user))
    if r < 0:
        call_outcomes[k, UNAVAILABLE] += 1
        return
    tasks[i].attempt = 0
    c = spawn(clock, tasks, sites, k, i, r, key)
    send_off(clock, nodes, buckets, late, tasks, ready, replicas, endpoint_meters, sites[k].network, c)


@kernel
def ask_limiter(limiters, k, population, user_rows, user_rows_float, item_rows, item_rows_float, user, item, now):
    """Ask limiter k for this task: the wait in seconds, or -1."""
    kind = limiters[k].key
    if kind == KEY_NONE:
        return pass_all(limiters, k, now)
    if kind == KEY_ITEM:
        row = key_of(population, KEY_ITEM, user, item)
        return pass_key(limiters, k, item_rows, item_rows_float, row, now)
    row = key_of(population, KEY_USER, user, item) if kind == KEY_USER else address(population, user)
    return pass_key(limiters, k, user_rows, user_rows_float, row, now)


@kernel
def is_fetched(caches, c, flights, flight_buckets, row):
    """Whether somebody fetches this key for all who miss it."""
    return caches[c].coalesce and find(flights, flight_buckets, ref_of(c, row)) >= 0


@hot
def read_cache(
    clock, tasks, ops, caches, stores, versions, population, user_rows, item_rows, cluster_rows, flights,
    flight_buckets, i,
):  # fmt: skip
    """Look task i's key up: its next operation, or -1 when it waits for another's fetch."""
    op = ops[tasks[i].pc]
    c = op.a
    row = key_of(population, caches[c].key, tasks[i].user, tasks[i].item_id)
    if op.code == OP_MISS:
        caches[c].misses += 1
    else:
        ahead = 0.0
        if caches[c].early > 0.0 and not is_fetched(caches, c, flights, flight_buckets, row):
            ahead = looks_ahead(caches, c, tasks[i].key, op.salt)
        found = look_up(
            caches, c, stores, versions, population, user_rows, item_rows, cluster_rows, row, clock[0].now, ahead
        )
        if found == HIT:
            return op.next
        if found == STALE:
            return op.third
    if caches[c].coalesce:
        ref = ref_of(c, row)
        f = find(flights, flight_buckets, ref)
        if f < 0:
            take_off(clock, flights, flight_buckets, tasks, i, ref)
        elif flights[f].leader != i:
            caches[c].misses -= 1
            tasks[i].since = clock[0].now
            wait_for(flights, tasks, f, i)
            return WAITS
    return op.other


@hot
def write_cache(
    clock, tasks, ready, ops, caches, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows,
    flights, flight_buckets, i,
):  # fmt: skip
    """Store, or invalidate, what task i is about."""
    op = ops[tasks[i].pc]
    c = op.a
    row = key_of(population, caches[c].key, tasks[i].user, tasks[i].item_id)
    if op.code == OP_STORE:
        put(
            clock, caches, c, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows, row,
            tasks[i].key, op.salt,
        )  # fmt: skip
    else:
        about = topic(population, tasks[i].item_id)
        invalidate(
            caches, c, stores, versions, population, user_rows, item_rows, cluster_rows, op.b, op.x, op.y, op.third, row,
            about, clock[0].now,
        )  # fmt: skip
        if op.b != SCOPE_KEY:
            return
    if caches[c].coalesce:
        f = find(flights, flight_buckets, ref_of(c, row))
        if f >= 0 and flights[f].leader == i:
            land(clock, flights, flight_buckets, tasks, ready, ops, caches, i, f, op.code == OP_STORE)


@kernel
def may_retry(tasks, sites, k, i, now):
    """Backoff in seconds before the next attempt, or -1 if there is none."""
    n = np.int64(tasks[i].attempt) + 1
    if n >= sites[k].attempts or not (sites[k].retry_on >> tasks[i].outcome) & 1:
        return -1.0
    pause = delay(sites[k], n, tasks[i].backoff, tasks[i].key)
    if now + pause >= tasks[i].call_deadline:
        return -1.0
    if sites[k].budgeted and not spend(sites, k, now):
        return -1.0
    if sites[k].jitter == JITTER_DECORRELATED:
        tasks[i].backoff = pause
    tasks[i].attempt = n
    return pause


@hot
def run(
    clock, nodes, buckets, late, tasks, ready, ops, handlers, choices, branches, durations, values, slowdowns, totals,
    stations, sites, breakers, breaker_window, endpoints, services, replicas, caches, stores, versions, pool, listed,
    flights, flight_buckets, population, user_rows, user_rows_float, item_rows, item_rows_float, cluster_rows, limiters,
    queues, messages, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes,
    call_meters, call_outcomes, call_latency, i, todo,
):  # fmt: skip
    """Run ready task i. Returns WAITS, the outcome with which it ends, or PUBLISHED + a queue that has a new message."""
    now = clock[0].now
    phase = _FRESH
    if todo == ARRIVE:
        if not tasks[i].marks & BRANCH:
            if tasks[i].outcome != OK:
                return np.int64(tasks[i].outcome)
            tasks[i].pc = endpoints[tasks[i].endpoint].pc
    elif todo == REPLY:
        phase = _REPLIED
    elif todo == FAILED:
        phase = _FAILED
    elif todo == RETRY:
        phase = _ATTEMPT
    elif todo == ENDING:
        return np.int64(tasks[i].outcome)
    while True:
        op = ops[tasks[i].pc]
        code = op.code
        if phase == _FRESH:
            if op.probability < 1.0 and uniform(tasks[i].key, op.salt + _SKIP) >= op.probability:
                tasks[i].pc = op.skip
                continue
            if code == OP_USE or code == OP_HOLD:
                s = np.int64(tasks[i].first_station + op.a)
                started = 0
                if stations[s].shedder < 0 or not sheds(tasks, stations, breaker_window, s, i, now):
                    started = join(
                        clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations,
                        s, i,
                    )  # fmt: skip
                if started == 0:
                    tasks[i].fault = culprit_of_station(
                        clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets,
                        i, s,
                    )  # fmt: skip
                    phase = _FAILED
                elif started == 1 or code == OP_USE:
                    return WAITS
            elif code == OP_CALL:
                begin_call(clock, tasks, sites, op.a, i)
                phase = _ATTEMPT
            elif code == OP_RETURN:
                return OK
            elif code == OP_SLEEP:
                time = draw(durations, values, op.duration, tasks[i].key, op.salt)
                tasks[i].state = SLEEPING
                tasks[i].since = now
                schedule_task(clock, nodes, buckets, late, now + time, i, tasks[i].gen)
                return WAITS
            elif code == OP_RELEASE:
                let_go(tasks, stations, np.int64(tasks[i].first_station + op.a), i)
                leave(
                    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations,
                    tasks[i].first_station + op.a,
                )  # fmt: skip
                tasks[i].pc = op.next
            elif code == OP_CHOOSE:
                u = uniform(tasks[i].key, op.salt + _CHOICE)
                n = op.a
                while n < op.a + op.b - 1 and u >= choices[n].upto:
                    n += 1
                tasks[i].pc = choices[n].pc
            elif code == OP_JUMP:
                tasks[i].pc = op.next
            elif code == OP_AWAITED:
                tasks[i].pc = op.other if tasks[i].marks & ZOMBIE else op.next
            elif code == OP_LOOKUP or code == OP_MISS:
                following = read_cache(
                    clock, tasks, ops, caches, stores, versions, population, user_rows, item_rows, cluster_rows,
                    flights, flight_buckets, i,
                )  # fmt: skip
                if following < 0:
                    return WAITS
                tasks[i].pc = following
            elif code == OP_STORE or code == OP_INVALIDATE:
                write_cache(
                    clock, tasks, ready, ops, caches, stores, versions, population, pool, listed, user_rows, item_rows,
                    cluster_rows, flights, flight_buckets, i,
                )  # fmt: skip
                tasks[i].pc = op.next
            elif code == OP_PASS:
                wait = ask_limiter(
                    limiters, op.a, population, user_rows, user_rows_float, item_rows, item_rows_float, tasks[i].user,
                    tasks[i].item_id, now,
                )  # fmt: skip
                if wait < 0.0:
                    tasks[i].outcome = THROTTLED
                    tasks[i].fault = limiters[op.a].cause
                    phase = _FAILED
                else:
                    if wait > 0.0:
                        tasks[i].state = LIMITED
                        tasks[i].since = now
                        time = passes_at(limiters, op.a, now, wait)
                        schedule_task(clock, nodes, buckets, late, time, i, tasks[i].gen)
                        return WAITS
                    tasks[i].pc = op.next
            elif code == OP_SEND:
                send(
                    clock, nodes, buckets, late, tasks, ready, sites, endpoints, services, replicas, endpoint_meters,
                    call_meters, call_outcomes, op.a, i, op.salt,
                )  # fmt: skip
                tasks[i].pc = op.next
            elif code == OP_COUNT:
                totals[op.a] += op.x
                tasks[i].pc = op.next
            elif code == OP_PUBLISH:
                if append(
                    clock,
                    queues,
                    op.a,
                    messages,
                    tasks[i].user,
                    tasks[i].item_id,
                    op.b if op.b >= 0 else np.int32(tasks[i].priority),
                ):
                    tasks[i].pc = op.next
                    if may_take(queues, op.a, now):
                        return PUBLISHED + op.a
                else:
                    tasks[i].outcome = REJECTED
                    tasks[i].fault = queues[op.a].cause
                    phase = _FAILED
            elif code == OP_FORK:
                waits_for_call(clock, stations, tasks, ops, replicas, i)
                fork(clock, tasks, ready, replicas, ops, branches, i)
                return WAITS
            elif code == OP_BROADCAST:
                if broadcast(
                    clock, nodes, buckets, late, tasks, ready, ops, sites, endpoints, services, replicas, spans,
                    endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes,
                    call_meters, call_outcomes, call_latency, i,
                ):  # fmt: skip
                    waits_for_call(clock, stations, tasks, ops, replicas, i)
                    return WAITS
                tasks[i].pc = op.next
            else:
                tasks[i].outcome = op.a
                if tasks[i].fault == CALLER:
                    tasks[i].fault = replicas[tasks[i].replica].cause
                return np.int64(op.a)
        elif phase == _ATTEMPT:
            if tasks[i].attempt > 0:
                call_meters[op.a].retries += 1
            outcome = attempt(
                clock, nodes, buckets, late, tasks, ready, sites, breakers, breaker_window, endpoints, services,
                replicas, caches, population, spans, endpoint_meters, endpoint_outcomes, endpoint_latency,
                endpoint_latency_ok, endpoint_causes, call_meters, call_outcomes, call_latency, op.a, i, 0,
            )  # fmt: skip
            if outcome == OK:
                waits_for_call(clock, stations, tasks, ops, replicas, i)
                return WAITS
            tasks[i].outcome = outcome
            phase = _REPLIED
        elif phase == _REPLIED:
            if tasks[i].outcome != OK and code == OP_CALL and sites[op.a].attempts > 1:
                pause = may_retry(tasks, sites, op.a, i, now)
                if pause == 0.0:
                    phase = _ATTEMPT
                    continue
                if pause > 0.0:
                    waits_for_call(clock, stations, tasks, ops, replicas, i)
                    tasks[i].state = BACKING_OFF
                    schedule_task(clock, nodes, buckets, late, now + pause, i, tasks[i].gen)
                    return WAITS
            spent(tasks, i, now - tasks[i].since, tasks[i].last)
            if tasks[i].waiter:
                goes_on(
                    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations,
                    replicas, i,
                )  # fmt: skip
            if tasks[i].outcome == OK:
                tasks[i].pc = op.next
                phase = _FRESH
            else:
                phase = _FAILED
        else:
            following = handlers[op.handlers, tasks[i].outcome]
            if following < 0:
                return np.int64(tasks[i].outcome)
            tasks[i].outcome = OK
            tasks[i].pc = following
            phase = _FRESH
