"""Stations: c identical servers and one queue, as in docs/model.md, section 3.

# s = stations, t = tasks
A task joins (`join`), starts at once or waits, and leaves its server (`leave`), which serves those who
wait. `use` draws its service time when it starts, by the Universal Scalability Law in the number in
service; `hold` keeps the server until it is released. Queues are doubly linked through the tasks, so
that leaving one costs the same at any length. Cost: some 20 ns to join, some 20 ns to leave.
"""

import numpy as np

from sfkernels.calendar import schedule_task, schedule_timer
from sfkernels.causes import burnt, hold, spent, used
from sfkernels.codel import sloughs
from sfkernels.durations import draw
from sfkernels.jit import hot, kernel
from sfkernels.levels import head, set_head, set_tail, tail
from sfkernels.names import (
    EXPIRED,
    FAILED,
    INHERITED,
    LIFO,
    OP_HOLD,
    PRIORITY,
    QUEUED,
    REJECTED,
    SERVED,
    STEP,
    TIMER_PATIENCE,
    TRACED,
    ZOMBIE,
)  # fmt: skip
from sfkernels.random import mix
from sfkernels.ready import make_ready

PATIENCE = np.uint64(0x7061)
ONE = np.uint32(1)


@hot
def account(stations, s, now):
    """Bring the integrals of a station up to now."""
    dt = now - stations[s].updated
    if dt > 0.0:
        stations[s].updated = now
        stations[s].queue += dt * stations[s].waiting
        if stations[s].waiting_cost > 0.0:
            burnt = stations[s].waiting_cost * stations[s].waiters
            busy = min(max(stations[s].servers, np.float64(stations[s].in_service)), stations[s].in_service + burnt)
            stations[s].busy += dt * busy
            stations[s].burnt += dt * max(0.0, busy - stations[s].in_service)
        else:
            stations[s].busy += dt * stations[s].in_service


@hot
def is_free(stations, s):
    """Whether one more may start."""
    n = stations[s].in_service
    if stations[s].waiting_cost > 0.0:
        taken = n + 1.0 + stations[s].waiting_cost * stations[s].waiters
        return taken <= stations[s].servers + 1e-9 or (n == 0 and stations[s].servers >= 1.0)
    return n + 1.0 <= stations[s].servers + 1e-9


@kernel
def _slowdown(slowdowns, first, count, base, stations, totals):
    f = 1.0
    for k in range(first, first + count):
        if slowdowns[k].counter < 0:
            f *= 1.0 + slowdowns[k].each * stations[base + slowdowns[k].station].in_service
        else:
            value = totals[slowdowns[k].counter]
            f *= (max(value, 0.0) / slowdowns[k].reference) ** slowdowns[k].exponent
    return f


@hot
def _start(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s, i, queued
):
    """Give task i a server of station s."""
    now = clock[0].now
    n = stations[s].in_service + 1
    stations[s].in_service = n
    stations[s].starts += 1
    op = ops[tasks[i].pc]
    if op.code == OP_HOLD:
        hold(tasks, stations, s, i)
        tasks[i].pc = op.next
        if queued:
            make_ready(clock, tasks, ready, i, STEP)
    else:
        time = draw(durations, values, op.duration, tasks[i].key, op.salt)
        if op.x > 0.0:
            time += op.x * tasks[i].batch
        if stations[s].contended:
            time *= 1.0 + stations[s].serial * (n - 1) + stations[s].crosstalk * (n * (n - 1.0))
        if op.slow_count > 0:
            time *= _slowdown(slowdowns, op.slow, op.slow_count, tasks[i].first_station, stations, totals)
        time /= stations[s].speed
        tasks[i].state = SERVED
        tasks[i].since = now
        schedule_task(clock, nodes, buckets, late, now + time, i, tasks[i].gen)


@kernel
def _append(tasks, stations, s, i):
    level = np.int64(tasks[i].priority) if stations[s].order == PRIORITY else 0
    if stations[s].order == LIFO:
        first = head(stations, s, level)
        tasks[i].prev = -1
        tasks[i].next = first
        if first >= 0:
            tasks[first].prev = i
        else:
            set_tail(stations, s, level, i)
        set_head(stations, s, level, i)
    else:
        last = tail(stations, s, level)
        tasks[i].next = -1
        tasks[i].prev = last
        if last >= 0:
            tasks[last].next = i
        else:
            set_head(stations, s, level, i)
        set_tail(stations, s, level, i)


@kernel
def unqueue(clock, tasks, stations, s, i):
    """Take a waiting task out of its queue. Writes tasks, stations."""
    account(stations, s, clock[0].now)
    level = np.int64(tasks[i].priority) if stations[s].order == PRIORITY else 0
    before = tasks[i].prev
    after = tasks[i].next
    if before >= 0:
        tasks[before].next = after
    else:
        set_head(stations, s, level, after)
    if after >= 0:
        tasks[after].prev = before
    else:
        set_tail(stations, s, level, before)
    stations[s].waiting -= 1
    if stations[s].patience >= 0:
        tasks[i].call_gen += ONE
    if tasks[i].marks & TRACED:
        tasks[i].queued += clock[0].now - tasks[i].since


@kernel
def _wait(clock, nodes, buckets, late, tasks, durations, values, stations, s, i, salt):
    """Task i waits at station s, or is turned away: then False."""
    if stations[s].waiting >= stations[s].limit:
        stations[s].rejected += 1
        return False
    _append(tasks, stations, s, i)
    stations[s].waiting += 1
    if stations[s].waiting > stations[s].queue_max:
        stations[s].queue_max = stations[s].waiting
    tasks[i].state = QUEUED
    tasks[i].since = clock[0].now
    if stations[s].patience >= 0:
        tasks[i].call_gen += ONE
        time = draw(durations, values, stations[s].patience, mix(tasks[i].key, salt), PATIENCE)
        schedule_timer(clock, nodes, buckets, late, clock[0].now + time, TIMER_PATIENCE, i, tasks[i].call_gen)
    return True


@hot
def join(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s, i):
    """Task i comes to station s: 2 started, 1 waits, 0 rejected."""
    account(stations, s, clock[0].now)
    stations[s].arrivals += 1
    tasks[i].station = s
    if stations[s].waiting == 0 and is_free(stations, s):
        if stations[s].codel_target > 0.0:
            sloughs(stations, s, 0.0, clock[0].now)
        _start(
            clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s, i, False
        )
        return 2
    if _wait(clock, nodes, buckets, late, tasks, durations, values, stations, s, i, ops[tasks[i].pc].salt):
        return 1
    tasks[i].outcome = REJECTED
    return 0


@kernel
def serve(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s):
    """Serve those who wait, in order, as many as fit."""
    while stations[s].waiting > 0 and is_free(stations, s):
        i = stations[s].head0
        if i < 0:
            i = stations[s].head1
        if i < 0:
            i = stations[s].head2
        if i < 0:
            i = stations[s].head3
        unqueue(clock, tasks, stations, s, i)
        if stations[s].drop_expired and tasks[i].deadline <= clock[0].now:
            stations[s].expired += 1
            tasks[i].outcome = EXPIRED
            tasks[i].fault = stations[s].blame
            make_ready(clock, tasks, ready, i, FAILED)
        elif stations[s].codel_target > 0.0 and sloughs(
            stations, s, clock[0].now - tasks[i].since, clock[0].now
        ):
            stations[s].rejected += 1
            tasks[i].outcome = REJECTED
            tasks[i].fault = stations[s].blame
            make_ready(clock, tasks, ready, i, FAILED)
        else:
            stations[s].wait += clock[0].now - tasks[i].since
            spent(tasks, i, clock[0].now - tasks[i].since, stations[s].blame)
            _start(
                clock,
                nodes,
                buckets,
                late,
                tasks,
                ready,
                ops,
                durations,
                values,
                slowdowns,
                totals,
                stations,
                s,
                i,
                True,
            )


@hot
def leave(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s):
    """A server of station s becomes free."""
    account(stations, s, clock[0].now)
    stations[s].in_service -= 1
    stations[s].ends += 1
    if stations[s].waiting > 0:
        serve(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s)


@kernel
def cut_short(clock, tasks, stations, s, i):
    """The service of task i stops before its end: the work done so far is wasted."""
    tasks[i].served += clock[0].now - tasks[i].since
    stations[s].wasted += clock[0].now - tasks[i].since


@kernel
def _burn(clock, stations, replicas, r, more):
    """One waiter more, or less, burns its share at the stations of replica r that have a waiting cost."""
    for s in range(replicas[r].first_station, replicas[r].first_station + replicas[r].stations):
        if stations[s].waiting_cost > 0.0:
            account(stations, s, clock[0].now)
            stations[s].waiters += more


@hot
def waits_for_call(clock, stations, tasks, ops, replicas, i):
    """Task i begins to wait for a call: if it holds a station it is a waiter."""
    if tasks[i].waiter == 0 and ops[tasks[i].pc].hold >= 0:
        r = tasks[i].replica
        tasks[i].waiter = 1
        replicas[r].waiters += 1
        if replicas[r].burns:
            _burn(clock, stations, replicas, r, 1)


@kernel
def _serve_burnt(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, replicas, r
):
    """A waiter less may leave room for another in service."""
    for s in range(replicas[r].first_station, replicas[r].first_station + replicas[r].stations):
        if stations[s].waiting_cost > 0.0 and stations[s].waiting > 0:
            serve(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s)


@hot
def goes_on(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, replicas, i
):
    """Task i, a waiter, waits no longer."""
    r = tasks[i].replica
    tasks[i].waiter = 0
    replicas[r].waiters -= 1
    if replicas[r].burns:
        burnt(stations, replicas, tasks, i, clock[0].now)
        _burn(clock, stations, replicas, r, -1)
        _serve_burnt(
            clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, replicas, r
        )


@hot
def reprice(stations, replicas, r):
    """Waiting costs may have changed: those who wait in replica r burn at the new ones."""
    for s in range(replicas[r].first_station, replicas[r].first_station + replicas[r].stations):
        stations[s].waiters = replicas[r].waiters if stations[s].waiting_cost > 0.0 else 0


@hot
def count_served(tasks, stations, s, i, now):
    """A service has ended: time of the task, and wasted if it is a zombie's."""
    spent(tasks, i, now - tasks[i].since, stations[s].cause)
    if stations[s].waiting_cost > 0.0:
        used(stations, s, stations[s].cause, now - tasks[i].since, tasks[i].key)
    if tasks[i].marks & INHERITED:
        tasks[i].served += now - tasks[i].since
        if tasks[i].marks & ZOMBIE:
            stations[s].wasted += now - tasks[i].since
