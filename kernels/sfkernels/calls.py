"""Calls: attempts, replies, timeouts, hedges, zombies, cancellation; docs/model.md, section 4.

# t = tasks, k = call sites, r = replicas
A caller waits with its children linked to it. Who gives up on a child parts from it: the child goes on
as a zombie, or is stopped. A stopped task leaves its queue at once and ends with the ready tasks: so however
many are stopped at once, servers are freed one by one.
"""

import numpy as np

from sfkernels.balancers import choose
from sfkernels.breakers import ask, record
from sfkernels.calendar import schedule_task, schedule_timer
from sfkernels.culprits import culprit, culprit_of_call
from sfkernels.flights import find, ref_of, wait_no_more
from sfkernels.jit import hot, kernel, out_of_line
from sfkernels.keys import key_of
from sfkernels.meters import meter_attempt, meter_end
from sfkernels.names import (
    ARRIVE,
    BRANCH,
    CALLING,
    CANCELLED,
    COALESCED,
    CUT_SHORT,
    ENDING,
    EXPIRED,
    FORKED,
    INHERITED,
    NETWORK,
    OK,
    OP_BROADCAST,
    OP_CALL,
    OP_FORK,
    OPEN,
    QUEUED,
    READY,
    REPLY,
    REPLYING,
    SERVED,
    TIMEOUT,
    TIMER_HEDGE,
    TRAVELLING,
    UNAVAILABLE,
    ZOMBIE,
)  # fmt: skip
from sfkernels.random import mix
from sfkernels.ready import make_ready
from sfkernels.retries import earn
from sfkernels.stations import cut_short, unqueue
from sfkernels.tasks import adopt, arrive, free_task, new_task, part, void_events
from sfkernels.throttles import count, refuses
from sfkernels.timeouts import set_timeout

_TWO, _ONE = np.uint64(2), np.uint64(1)
ONE = np.uint32(1)


@hot
def inherit(tasks, i, c):
    """A called task is about the same user and item, at the same priority, as its caller."""
    tasks[c].user = tasks[i].user
    tasks[c].item_id = tasks[i].item_id
    tasks[c].priority = tasks[i].priority
    tasks[c].marks = tasks[i].marks & INHERITED
    tasks[c].trace_id = tasks[i].trace_id
    tasks[c].parent_span = tasks[i].span
    tasks[c].span = tasks[c].key


@hot
def send_off(clock, nodes, buckets, late, tasks, ready, replicas, endpoint_meters, network, c):
    """Task c travels to its endpoint, or is there at once."""
    if network > 0.0:
        tasks[c].state = TRAVELLING
        schedule_task(clock, nodes, buckets, late, clock[0].now + network, c, tasks[c].gen)
    else:
        arrive(clock, tasks, replicas, endpoint_meters, c)
        make_ready(clock, tasks, ready, c, ARRIVE)


@hot
def spawn(clock, tasks, sites, k, i, r, key):
    """Task that call site k of task i sends to replica r."""
    c = new_task(clock, tasks, key)
    inherit(tasks, i, c)
    tasks[c].endpoint = sites[k].endpoint
    tasks[c].site = k
    tasks[c].replica = r
    tasks[c].network = sites[k].network
    tasks[c].sent_as = tasks[i].attempt
    if sites[k].priority >= 0:
        tasks[c].priority = sites[k].priority
    return c


@hot
def _place(caches, population, sites, k, tasks, i):
    c = sites[k].cache
    if c < 0:
        return np.uint64(tasks[i].user)
    return np.uint64(key_of(population, caches[c].key, tasks[i].user, tasks[i].item_id))


@hot
def begin_call(clock, tasks, sites, k, i):
    """A call begins: its deadline, its budget."""
    tasks[i].attempt = 0
    tasks[i].since = clock[0].now
    tasks[i].call_deadline = min(tasks[i].deadline, clock[0].now + sites[k].deadline)
    tasks[i].backoff = sites[k].backoff_base
    if sites[k].budgeted:
        earn(sites, k, clock[0].now)


@hot
def fails(tasks, i, cause):
    """What task i waited for has failed, from this."""
    tasks[i].fault = cause
    tasks[i].last = cause


@kernel
def turn_away(
    clock, tasks, sites, replicas, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
    endpoint_causes, call_meters, call_outcomes, call_latency, k, i, r, key,
):  # fmt: skip
    """Call site k of task i meets replica r, which is down, without a network: request and reply at once."""
    out_of_line()
    c = spawn(clock, tasks, sites, k, i, r, key)
    arrive(clock, tasks, replicas, endpoint_meters, c)
    meter_end(
        clock, tasks, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes,
        c, UNAVAILABLE,
    )  # fmt: skip
    meter_attempt(call_meters, call_outcomes, call_latency, k, UNAVAILABLE, 0.0)
    free_task(clock, tasks, c)


@hot
def remember(breakers, sites, k, cause):
    """What call site k's breaker and throttle refuse for, if they do."""
    if sites[k].breaker >= 0:
        breakers[sites[k].breaker].cause = cause
    if sites[k].throttle >= 0:
        breakers[sites[k].throttle].cause = cause


@hot
def attempt(
    clock, nodes, buckets, late, tasks, ready, sites, breakers, breaker_window, endpoints, services, replicas, caches,
    population, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes,
    call_meters, call_outcomes, call_latency, k, i, hedge,
):  # fmt: skip
    """One attempt of call site k by task i: OK if a reply comes, or has come, else the outcome it has at once."""
    now = clock[0].now
    if now >= tasks[i].deadline:
        fails(tasks, i, tasks[i].blame)
        return EXPIRED
    permit = np.uint32(0)
    b = sites[k].breaker
    key = mix(mix(tasks[i].key, sites[k].salt), np.uint64(tasks[i].attempt) * _TWO + np.uint64(hedge))
    refused = sites[k].throttle >= 0 and refuses(breakers, breaker_window, sites[k].throttle, key, now)
    by = np.int64(sites[k].throttle)
    if b >= 0 and not refused:
        permit = ask(breakers, breaker_window, b, now)
        refused = permit == 0
        by = np.int64(b)
    if refused:
        if not hedge:
            fails(tasks, i, breakers[by].cause)
        if not hedge:
            call_meters[k].attempts += 1
            call_meters[k].open += 1
            call_outcomes[k, OPEN] += 1
        return OPEN
    call_meters[k].attempts += 1
    call_meters[k].hedges += hedge
    s = endpoints[sites[k].endpoint].service
    r = choose(services, replicas, s, key, _place(caches, population, sites, k, tasks, i))
    if r < 0:
        call_outcomes[k, UNAVAILABLE] += 1
        cause = replicas[services[s].replica].cause
        remember(breakers, sites, k, cause)
        if not hedge:
            fails(tasks, i, cause)
        if b >= 0:
            record(breakers, breaker_window, b, permit, UNAVAILABLE, 0.0, now)
        if sites[k].throttle >= 0:
            count(breakers, breaker_window, sites[k].throttle, UNAVAILABLE, now)
        return UNAVAILABLE
    if sites[k].network == 0.0 and replicas[r].up != 1:
        turn_away(
            clock, tasks, sites, replicas, spans, endpoint_meters, endpoint_outcomes, endpoint_latency,
            endpoint_latency_ok, endpoint_causes, call_meters, call_outcomes, call_latency, k, i, r, key,
        )  # fmt: skip
        remember(breakers, sites, k, replicas[r].cause)
        if b >= 0:
            record(breakers, breaker_window, b, permit, UNAVAILABLE, 0.0, now)
        if sites[k].throttle >= 0:
            count(breakers, breaker_window, sites[k].throttle, UNAVAILABLE, now)
        if not hedge:
            fails(tasks, i, replicas[r].cause)
            tasks[i].outcome = UNAVAILABLE
            make_ready(clock, tasks, ready, i, REPLY)
        return OK
    until = min(now + sites[k].timeout, tasks[i].call_deadline)
    if not hedge:
        tasks[i].state = CALLING
        tasks[i].call_gen += ONE
        tasks[i].attempt_start = now
        if until < np.inf:
            set_timeout(clock, nodes, buckets, late, tasks, i, until)
        if sites[k].hedge_after < np.inf:
            schedule_timer(clock, nodes, buckets, late, now + sites[k].hedge_after, TIMER_HEDGE, i, tasks[i].call_gen)
    else:
        until = min(tasks[i].attempt_start + sites[k].timeout, tasks[i].call_deadline)
    c = spawn(clock, tasks, sites, k, i, r, key)
    tasks[c].permit = permit
    if sites[k].propagate:
        tasks[c].deadline = until
    adopt(tasks, i, c)
    send_off(clock, nodes, buckets, late, tasks, ready, replicas, endpoint_meters, sites[k].network, c)
    return OK


@kernel
def _leave_place(clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, i, outcome):
    """Task i leaves its queue, its service, whatever it waits for, and ends with the ready tasks."""
    out_of_line()
    state = tasks[i].state
    if state == REPLYING or (state == READY and tasks[i].todo == ENDING):
        return
    tasks[i].outcome = outcome
    if state == TRAVELLING:
        return
    if state == READY:
        tasks[i].todo = ENDING
        return
    void_events(tasks, i)
    if state == QUEUED:
        s = tasks[i].station
        unqueue(clock, tasks, stations, s, i)
        stations[s].left += 1
    elif state == SERVED:
        s = tasks[i].station
        cut_short(clock, tasks, stations, s, i)
        tasks[i].marks |= CUT_SHORT
    elif state == COALESCED:
        c = ops[tasks[i].pc].a
        row = key_of(population, caches[c].key, tasks[i].user, tasks[i].item_id)
        wait_no_more(flights, tasks, find(flights, flight_buckets, ref_of(c, row)), i)
    make_ready(clock, tasks, ready, i, ENDING)


@kernel
def _disown(
    clock, tasks, ops, sites, breakers, breaker_window, call_meters, call_outcomes, call_latency, i, outcome, doomed
):
    """Task i parts from its children: zombies, or, where it cancels, put before the list `doomed`; returns the list."""
    out_of_line()
    op = ops[tasks[i].pc]
    cancel = sites[op.a].cancel if op.code == OP_CALL else op.third if op.code == OP_FORK else 0
    while tasks[i].child >= 0:
        c = np.int64(tasks[i].child)
        part(tasks, c)
        if not tasks[c].marks & BRANCH:
            k = tasks[c].site
            took = clock[0].now - tasks[c].start
            if outcome == TIMEOUT:
                remember(breakers, sites, k, tasks[i].fault)
            meter_attempt(call_meters, call_outcomes, call_latency, k, outcome, took)
            call_meters[k].timeouts += outcome == TIMEOUT
            if sites[k].breaker >= 0:
                record(breakers, breaker_window, sites[k].breaker, tasks[c].permit, outcome, took, clock[0].now)
            if sites[k].throttle >= 0 and outcome == TIMEOUT:
                count(breakers, breaker_window, sites[k].throttle, TIMEOUT, clock[0].now)
        tasks[c].marks |= ZOMBIE
        if cancel:
            tasks[c].child_next = doomed
            doomed = c
    return doomed


@kernel
def abandon(
    clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window, sites,
    call_meters, call_outcomes, call_latency, i, outcome,
):  # fmt: skip
    """Task i gives up on its children: their attempts end with this outcome, they become zombies or are cancelled."""
    out_of_line()
    doomed = _disown(
        clock, tasks, ops, sites, breakers, breaker_window, call_meters, call_outcomes, call_latency, i, outcome,
        np.int64(-1),
    )  # fmt: skip
    while doomed >= 0:
        c = doomed
        doomed = np.int64(tasks[c].child_next)
        _leave_place(clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, c, CANCELLED)
        doomed = _disown(
            clock, tasks, ops, sites, breakers, breaker_window, call_meters, call_outcomes, call_latency, c, CANCELLED,
            doomed,
        )  # fmt: skip


@kernel
def stop(
    clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window, sites,
    call_meters, call_outcomes, call_latency, i, outcome,
):  # fmt: skip
    """Stop task i wherever it is, with what it waits for."""
    out_of_line()
    _leave_place(clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, i, outcome)
    abandon(
        clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window,
        sites, call_meters, call_outcomes, call_latency, i, CANCELLED,
    )  # fmt: skip


@hot
def deliver(
    clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window, sites,
    call_meters, call_outcomes, call_latency, c,
):  # fmt: skip
    """The reply of task c reaches its caller: the attempt or the branch has ended."""
    i = tasks[c].parent
    outcome = tasks[c].outcome
    part(tasks, c)
    now = clock[0].now
    if outcome != OK:
        fails(tasks, i, tasks[c].fault)
    else:
        tasks[i].last = tasks[c].blame if tasks[c].worst >= tasks[c].network else NETWORK
    if not tasks[c].marks & BRANCH:
        k = tasks[c].site
        took = now - tasks[c].start
        if outcome != OK:
            remember(breakers, sites, k, tasks[c].fault)
        meter_attempt(call_meters, call_outcomes, call_latency, k, outcome, took)
        if sites[k].breaker >= 0:
            record(breakers, breaker_window, sites[k].breaker, tasks[c].permit, outcome, took, now)
        if sites[k].throttle >= 0:
            count(breakers, breaker_window, sites[k].throttle, outcome, now)
    if tasks[i].state == FORKED:
        tasks[i].left -= 1
        if outcome == OK or ops[tasks[i].pc].code == OP_BROADCAST:
            tasks[i].need -= 1
        if tasks[i].need <= 0:
            outcome = OK
        elif tasks[i].left >= tasks[i].need:
            return
    elif outcome != OK and tasks[i].child >= 0:
        return
    if tasks[i].child >= 0:
        abandon(
            clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window,
            sites, call_meters, call_outcomes, call_latency, i, CANCELLED,
        )  # fmt: skip
    tasks[i].call_gen += ONE
    tasks[i].outcome = outcome
    make_ready(clock, tasks, ready, i, REPLY)


@kernel
def time_out(
    clock, tasks, ready, ops, stations, limiters, replicas, flights, flight_buckets, caches, population, breakers,
    breaker_window, sites, call_meters, call_outcomes, call_latency, i,
):  # fmt: skip
    """The time of task i's attempt, or of its broadcast, is over, or that of the task itself."""
    out_of_line()
    outcome = EXPIRED
    if clock[0].now >= tasks[i].deadline:
        cause = culprit(
            clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, i, False
        )
    else:
        outcome = TIMEOUT
        cause = culprit_of_call(
            clock, tasks, ops, stations, limiters, replicas, caches, population, flights, flight_buckets, i
        )
    fails(tasks, i, cause)
    abandon(
        clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers, breaker_window,
        sites, call_meters, call_outcomes, call_latency, i, outcome,
    )  # fmt: skip
    tasks[i].call_gen += ONE
    tasks[i].outcome = OK if tasks[i].state == FORKED else outcome
    make_ready(clock, tasks, ready, i, REPLY)
