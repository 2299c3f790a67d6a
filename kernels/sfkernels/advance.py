"""The engine's loop: the next event, the tasks it makes ready, the next event.

A long function that nobody could split: one dispatch on the kind of event, everything inlined once.
"""

import numpy as np

from sfkernels.balancers import choose
from sfkernels.caches import expire_some, make_room, warm_one
from sfkernels.calendar import free_node, open_bucket, placed, pop_late, schedule, turn
from sfkernels.calls import attempt, stop, time_out
from sfkernels.causes import spent
from sfkernels.culprits import culprit_of_station
from sfkernels.durations import draw
from sfkernels.endings import end_task, settle
from sfkernels.housekeeping import bring_back, check_scaler, deliver_servers, mark_servers, probe, schedule_house
from sfkernels.jit import apart, entry, hot, kernel, out_of_line
from sfkernels.keys import NOBODY, draw_item, draw_user, user_of
from sfkernels.memory import LINE, prefetch
from sfkernels.names import (
    ARRIVE,
    BACKING_OFF,
    CALLING,
    CLASS_SHIFT,
    CLASS_SOURCE,
    CLASS_TASK,
    CLASS_TIMER,
    CLASS_USER,
    DONE,
    ENDING,
    EXPIRED,
    FAILED,
    FORKED,
    FREE,
    GROW,
    HANDLER,
    HOUSE_EXPIRY,
    HOUSE_HEALTH,
    HOUSE_SCALE,
    HOUSE_UP,
    LIMITED,
    NB,
    PUBLISHED,
    QUEUED,
    READY,
    REPLYING,
    RETRY,
    SERVED,
    SLOT_S,
    SOURCE_EVERY,
    SOURCE_SESSIONS,
    STEP,
    TIMER_ATTEMPT,
    TIMER_HEDGE,
    TIMER_PATIENCE,
    TRAVELLING,
    UNAVAILABLE,
)  # fmt: skip
from sfkernels.queues import account_queue, batch_key, take_batch
from sfkernels.random import mix
from sfkernels.ready import make_ready, next_ready
from sfkernels.script import run
from sfkernels.sleepers import RETRYING, THINKING, open_slot, order_of, sleep_until, slot_size
from sfkernels.sources import next_time, time_again
from sfkernels.stations import account, count_served, leave, reprice, serve, unqueue
from sfkernels.tasks import arrive, new_task
from sfkernels.timeouts import has_timed_out
from sfkernels.users import new_request, trace_if_sampled

_SHIFT, _16, _8 = np.uint64(CLASS_SHIFT), np.uint32(16), np.uint32(8)
_BYTE, _KIND = np.uint32(255), np.uint64(15)
_ZERO = np.uint32(0)
EXPIRY_S = 0.1
TASK_BYTES = 3 * LINE
"""Bytes of a task, from its beginning, that an event of it touches."""


@hot
def _begin(clock, tasks, ready, endpoints, services, replicas, endpoint_meters, i):
    """A task without a caller goes to a replica of its endpoint's service."""
    r = choose(services, replicas, endpoints[tasks[i].endpoint].service, tasks[i].key, np.uint64(tasks[i].user))
    tasks[i].replica = r
    if r < 0:
        tasks[i].outcome = UNAVAILABLE
        make_ready(clock, tasks, ready, i, ENDING)
    else:
        arrive(clock, tasks, replicas, endpoint_meters, i)
        make_ready(clock, tasks, ready, i, ARRIVE)


@kernel
def _serve_queue(
    clock, nodes, buckets, late, queues, messages, tasks, ready, endpoints, services, replicas, endpoint_meters, q
):  # fmt: skip
    """Free consumers of queue q take what they may."""
    while True:
        first, n = take_batch(clock, nodes, buckets, late, queues, q, messages)
        if first < 0:
            return
        i = new_task(clock, tasks, batch_key(queues, q))
        tasks[i].marks = HANDLER
        tasks[i].endpoint = queues[q].handler
        tasks[i].queue = q
        tasks[i].messages = first
        tasks[i].batch = n
        tasks[i].user = messages[first].user
        tasks[i].item_id = messages[first].item_id
        tasks[i].priority = messages[first].priority
        trace_if_sampled(clock, tasks, i, tasks[i].key)
        _begin(clock, tasks, ready, endpoints, services, replicas, endpoint_meters, i)


@hot
def _session_due(sources, o):
    """Session that comes with the arrival that source o has due."""
    return np.uint32(sources[o].number - np.uint64(1))


@hot
def _schedule_source(clock, nodes, buckets, late, population, sources, knots, o):
    _schedule_arrival(clock, nodes, buckets, late, population, sources, o, next_time(sources, knots, o, clock[0].now))


@hot
def _schedule_arrival(clock, nodes, buckets, late, population, sources, o, time):
    if time < np.inf:
        if sources[o].kind == SOURCE_SESSIONS:
            session = _session_due(sources, o)
            node = schedule(clock, nodes, buckets, late, time, order_of(session, 0), o, _ZERO)
            nodes[node].user = user_of(population, session)
        else:
            schedule(clock, nodes, buckets, late, time, placed(CLASS_SOURCE, o, 0), o, _ZERO)


@hot
def _arrivals(
    clock, nodes, buckets, late, sources, knots, tasks, ready, endpoints, services, replicas, endpoint_meters,
    population, o,
):  # fmt: skip
    """Source o starts its tasks."""
    here = mix(sources[o].salt, sources[o].number)
    for n in range(sources[o].batch):
        i = new_task(clock, tasks, mix(here, np.uint64(n)))
        tasks[i].endpoint = sources[o].endpoint
        tasks[i].priority = sources[o].priority
        tasks[i].user = draw_user(population, tasks[i].key) if sources[o].user else NOBODY
        tasks[i].item_id = draw_item(population, tasks[i].key) if sources[o].item_id else NOBODY
        trace_if_sampled(clock, tasks, i, tasks[i].key)
        clock[0].requests += 1
        _begin(clock, tasks, ready, endpoints, services, replicas, endpoint_meters, i)
    _schedule_source(clock, nodes, buckets, late, population, sources, knots, o)


@kernel
def _expire(
    clock, nodes, buckets, late, caches, stores, m, versions, population, listed, user_rows, item_rows, cluster_rows
):
    expire_some(caches, stores, m, versions, population, listed, user_rows, item_rows, cluster_rows, clock[0].now)
    schedule_house(clock, nodes, buckets, late, clock[0].now + EXPIRY_S, HOUSE_EXPIRY, m, _ZERO)


@hot
def _ask_ahead(clock, nodes, buckets, tasks, user_rows):
    """Ask for what the events of the bucket after the open one are about: tasks, and users' rows."""
    slot = (clock[0].bucket + 1) % NB
    node = buckets[slot] if slot > 0 else np.int32(-1)
    while node >= 0:
        class_ = np.int64(nodes[node].order >> _SHIFT)
        if class_ == CLASS_TASK:
            for offset in range(0, TASK_BYTES, LINE):
                prefetch(tasks, np.int64(nodes[node].task), offset)
        elif class_ == CLASS_USER:
            prefetch(user_rows, np.int64(nodes[node].user))
        node = nodes[node].next


@kernel
def _next_bucket(
    clock, nodes, buckets, batch, late, tasks, population, user_rows, sleepers, chunk_next, slot_head, slot_fill, until
):
    """Open the next bucket with events: 0; -1: none before `until`; -2: nodes run short."""
    last = np.int64(until * clock[0].per_tick)
    while True:
        if clock[0].batch_at < clock[0].batch_count or clock[0].late_count > 0:
            return 0
        bucket = clock[0].bucket + 1
        if bucket > last:
            return -1
        while np.int64(clock[0].slot * SLOT_S * clock[0].per_tick) <= bucket:
            if slot_size(clock, chunk_next, slot_head, slot_fill) + clock[0].node_reserve > clock[0].nodes_left:
                return -2
            open_slot(clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill)
        clock[0].bucket = bucket
        if bucket % NB == 0:
            turn(clock, nodes, buckets)
        if buckets[bucket % NB] >= 0:
            open_bucket(clock, nodes, buckets, batch)
            _ask_ahead(clock, nodes, buckets, tasks, user_rows)


@kernel
def _hedge(
    clock, nodes, buckets, late, tasks, ready, ops, sites, breakers, breaker_window, endpoints, services, replicas,
    caches, population, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
    endpoint_causes, call_meters, call_outcomes, call_latency, i,
):  # fmt: skip
    """Task i has waited long enough for a second attempt beside the first."""
    out_of_line()
    attempt(
        clock, nodes, buckets, late, tasks, ready, sites, breakers, breaker_window, endpoints, services, replicas,
        caches, population, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
        endpoint_causes, call_meters, call_outcomes, call_latency, ops[tasks[i].pc].a, i, 1,
    )  # fmt: skip


@entry
def advance(
    clock, nodes, buckets, batch, late, tasks, ready, ops, handlers, choices, branches, durations, values, slowdowns,
    totals, stations, scalers, recommended, sites, breakers, breaker_window, endpoints, services, replicas, caches,
    stores, versions, pool, listed, flights, flight_buckets, population, types, requests, user_rows, user_rows_float,
    item_rows, item_rows_float, cluster_rows, limiters, queues, messages, sources, knots, sleepers, chunk_next,
    slot_head, slot_fill, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
    endpoint_causes, call_meters, call_outcomes, call_latency, request_meters, request_outcomes, request_latency, until,
):  # fmt: skip
    """Process all events before `until` (s). Returns DONE, or GROW when an array must grow first."""
    apart()
    i = -1
    todo = 0
    arrived = False
    while True:
        if i < 0:
            if clock[0].low:
                return GROW
            if clock[0].ready_head != clock[0].ready_tail:
                i = np.int64(next_ready(clock, ready))
                todo = np.int64(tasks[i].todo)
            else:
                at = clock[0].batch_at
                if at >= clock[0].batch_count and clock[0].late_count == 0:
                    found = _next_bucket(
                        clock,
                        nodes,
                        buckets,
                        batch,
                        late,
                        tasks,
                        population,
                        user_rows,
                        sleepers,
                        chunk_next,
                        slot_head,
                        slot_fill,
                        until,
                    )
                    if found == -1:
                        clock[0].now = until
                        return DONE
                    if found == -2:
                        return GROW
                    at = clock[0].batch_at
                from_late = at >= clock[0].batch_count
                if not from_late and clock[0].late_count > 0:
                    node = batch[at].node
                    other = late[0].node
                    from_late = late[0].time < batch[at].time or (
                        late[0].time == batch[at].time and nodes[other].order < nodes[node].order
                    )
                node = np.int64(late[0].node) if from_late else np.int64(batch[at].node)
                time = nodes[node].time
                if time >= until:
                    clock[0].now = until
                    return DONE
                if from_late:
                    pop_late(clock, nodes, late)
                else:
                    clock[0].batch_at = at + 1
                order = nodes[node].order
                index = np.int64(nodes[node].task)
                gen = nodes[node].gen
                user = nodes[node].user
                free_node(clock, nodes, node)
                class_ = np.int64(order >> _SHIFT)
                if class_ == CLASS_TASK:
                    if tasks[index].gen != gen:
                        continue
                    clock[0].now = time
                    clock[0].events += 1
                    i = index
                    state = tasks[i].state
                    if state == SERVED:
                        s = tasks[i].station
                        count_served(tasks, stations, s, i, time)
                        leave(
                            clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals,
                            stations, s,
                        )  # fmt: skip
                        tasks[i].pc = ops[tasks[i].pc].next
                        todo = STEP
                        if clock[0].ready_head != clock[0].ready_tail:
                            make_ready(clock, tasks, ready, i, STEP)
                            i = -1
                            continue
                    elif state == TRAVELLING:
                        arrive(clock, tasks, replicas, endpoint_meters, i)
                        todo = ARRIVE
                    elif state == REPLYING:
                        arrived = True
                    elif state == BACKING_OFF:
                        todo = RETRY
                    else:
                        cause = replicas[tasks[i].replica].cause
                        if state == LIMITED:
                            cause = limiters[ops[tasks[i].pc].a].cause
                        spent(tasks, i, time - tasks[i].since, cause)
                        tasks[i].pc = ops[tasks[i].pc].next
                        todo = STEP
                elif class_ == CLASS_USER:
                    clock[0].now = time
                    clock[0].events += 1
                    turn_number = np.int64(gen >> _16)
                    if turn_number == 0:
                        session = _session_due(sources, index)
                        retries = np.int64(0)
                        turn_number = np.int64(1)
                        clock[0].sessions_started += 1
                        _schedule_source(clock, nodes, buckets, late, population, sources, knots, index)
                    else:
                        session = np.uint32(index)
                        retries = np.int64((gen >> _8) & _BYTE)
                        if np.int64(gen & _BYTE) == RETRYING:
                            clock[0].retrying -= 1
                        else:
                            clock[0].thinking -= 1
                    j = new_request(
                        clock, tasks, population, types, requests, endpoints, request_meters, item_rows, session, user,
                        turn_number, retries,
                    )  # fmt: skip
                    _begin(clock, tasks, ready, endpoints, services, replicas, endpoint_meters, j)
                    continue
                elif class_ == CLASS_SOURCE:
                    clock[0].now = time
                    clock[0].events += 1
                    _arrivals(
                        clock, nodes, buckets, late, sources, knots, tasks, ready, endpoints, services, replicas,
                        endpoint_meters, population, index,
                    )  # fmt: skip
                    continue
                elif class_ == CLASS_TIMER:
                    kind = np.int64(order & _KIND)
                    if kind == TIMER_ATTEMPT:
                        state = tasks[index].state
                        over = has_timed_out(clock, nodes, buckets, late, tasks, index, gen, order)
                        if over and (state == CALLING or state == FORKED):
                            clock[0].now = time
                            clock[0].events += 1
                            time_out(
                                clock, tasks, ready, ops, stations, limiters, replicas, flights, flight_buckets,
                                caches, population, breakers, breaker_window, sites, call_meters, call_outcomes,
                                call_latency, index,
                            )  # fmt: skip
                    elif kind == TIMER_HEDGE:
                        if tasks[index].call_gen == gen and tasks[index].state == CALLING:
                            clock[0].now = time
                            clock[0].events += 1
                            _hedge(
                                clock, nodes, buckets, late, tasks, ready, ops, sites, breakers, breaker_window,
                                endpoints, services, replicas, caches, population, spans, endpoint_meters,
                                endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes, call_meters,
                                call_outcomes, call_latency, index,
                            )  # fmt: skip
                    elif kind == TIMER_PATIENCE:
                        if tasks[index].call_gen == gen and tasks[index].state == QUEUED:
                            clock[0].now = time
                            clock[0].events += 1
                            s = np.int64(tasks[index].station)
                            tasks[index].fault = culprit_of_station(
                                clock, tasks, ops, stations, limiters, replicas, caches, population, flights,
                                flight_buckets, index, s,
                            )  # fmt: skip
                            unqueue(clock, tasks, stations, s, index)
                            stations[s].expired += 1
                            tasks[index].outcome = EXPIRED
                            make_ready(clock, tasks, ready, index, FAILED)
                    elif queues[index].timer == gen:
                        clock[0].now = time
                        clock[0].events += 1
                        _serve_queue(
                            clock, nodes, buckets, late, queues, messages, tasks, ready, endpoints, services, replicas,
                            endpoint_meters, index,
                        )  # fmt: skip
                    continue
                else:
                    clock[0].now = time
                    clock[0].events += 1
                    kind = np.int64(order & _KIND)
                    if kind == HOUSE_EXPIRY:
                        _expire(
                            clock, nodes, buckets, late, caches, stores, index, versions, population, listed, user_rows,
                            item_rows, cluster_rows,
                        )  # fmt: skip
                    elif kind == HOUSE_HEALTH:
                        probe(clock, nodes, buckets, late, services, replicas, index)
                    elif kind == HOUSE_UP:
                        if replicas[index].gen == gen:
                            replicas[index].up = 1
                    else:
                        more = True
                        if kind == HOUSE_SCALE:
                            more = check_scaler(
                                clock, nodes, buckets, late, stations, scalers, recommended, breaker_window, index,
                            )  # fmt: skip
                        else:
                            deliver_servers(clock, stations, scalers, index)
                        if more:
                            serve(
                                clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals,
                                stations, np.int64(scalers[index].station),
                            )  # fmt: skip
                    continue
        if not arrived:
            result = run(
                clock, nodes, buckets, late, tasks, ready, ops, handlers, choices, branches, durations, values,
                slowdowns, totals, stations, sites, breakers, breaker_window, endpoints, services, replicas, caches,
                stores, versions, pool, listed, flights, flight_buckets, population, user_rows, user_rows_float,
                item_rows, item_rows_float, cluster_rows, limiters, queues, messages, spans, endpoint_meters,
                endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes, call_meters, call_outcomes,
                call_latency, i, todo,
            )  # fmt: skip
            if result < 0:
                i = -1
                continue
            if result >= PUBLISHED:
                _serve_queue(
                    clock, nodes, buckets, late, queues, messages, tasks, ready, endpoints, services, replicas,
                    endpoint_meters, result - PUBLISHED,
                )  # fmt: skip
                todo = STEP
                continue
            arrived = end_task(
                clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, flights,
                flight_buckets, caches, replicas, spans, endpoint_meters, endpoint_outcomes, endpoint_latency,
                endpoint_latency_ok, endpoint_causes, i, result,
            )  # fmt: skip
        if arrived:
            arrived = False
            free_queue = settle(
                clock, nodes, buckets, late, tasks, ready, ops, durations, values, stations, flights, flight_buckets,
                caches, population, breakers, breaker_window, sites, queues, messages, types, requests, request_meters,
                request_outcomes, request_latency, sleepers, chunk_next, slot_head, slot_fill, call_meters,
                call_outcomes, call_latency, i,
            )  # fmt: skip
            if free_queue >= 0:
                _serve_queue(
                    clock, nodes, buckets, late, queues, messages, tasks, ready, endpoints, services, replicas,
                    endpoint_meters, free_queue,
                )  # fmt: skip
        i = -1


@entry
def start(
    clock,
    nodes,
    buckets,
    late,
    population,
    scalers,
    services,
    stores,
    sources,
    knots,
    checked,
    first_source,
    first_scaler,
    first_store,
):
    """Schedule what starts by itself, from these numbers on: sources, autoscalers, active expiry; checks of `checked`."""
    now = clock[0].now
    for o in range(first_source, len(sources)):
        _schedule_source(clock, nodes, buckets, late, population, sources, knots, o)
    for n in range(len(checked)):
        m = checked[n]
        schedule_house(clock, nodes, buckets, late, now + services[m].check_every, HOUSE_HEALTH, m, _ZERO)
    for z in range(first_scaler, len(scalers)):
        schedule_house(clock, nodes, buckets, late, now + scalers[z].every, HOUSE_SCALE, z, _ZERO)
    for m in range(first_store, len(stores)):
        schedule_house(clock, nodes, buckets, late, now + EXPIRY_S, HOUSE_EXPIRY, m, _ZERO)


@entry
def resume(clock, nodes, buckets, late, population, sources, knots, o, time):
    """Schedule the arrival that source o has due, at `time` where it comes at intervals; of one that is new, its first."""
    if sources[o].number == 0:
        _schedule_source(clock, nodes, buckets, late, population, sources, knots, o)
        return
    if sources[o].kind != SOURCE_EVERY:
        time = time_again(sources, knots, o)
    _schedule_arrival(clock, nodes, buckets, late, population, sources, o, time)


@entry
def begin(
    clock, nodes, buckets, late, population, durations, values, sleepers, chunk_next, slot_head, slot_fill, first, count,
):  # fmt: skip
    """Closed users [first, count) think for the first time."""
    now = clock[0].now
    for user in range(first, count):
        if clock[0].low:
            return user
        key = mix(mix(population[0].salt, np.uint64(user)), np.uint64(0))
        pause = draw(durations, values, population[0].think, key, np.uint64(0))
        sleep_until(
            clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, now + pause,
            np.uint32(user), 1, 0, THINKING,
        )  # fmt: skip
    return count


@entry
def warm(
    clock, caches, c, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows, first, count
):
    """Fill cache c with its share of the keys from `first` on; returns the first key that is left."""
    for row in range(first, count):
        if clock[0].low:
            return row
        warm_one(
            clock,
            caches,
            c,
            stores,
            versions,
            population,
            listed,
            user_rows,
            item_rows,
            cluster_rows,
            row,
            clock[0].now,
        )
    m = caches[c].store
    if m >= 0:
        make_room(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, 0.0, clock[0].now)
    return count


@entry
def due_next(clock, chunk_next, slot_head, slot_fill):
    """Calendar nodes that the sleepers of the next slot need."""
    return slot_size(clock, chunk_next, slot_head, slot_fill)


@entry
def close_window(clock, stations, scalers, queues):
    """Bring all integrals up to now."""
    for s in range(len(stations)):
        account(stations, s, clock[0].now)
    for z in range(len(scalers)):
        mark_servers(stations, scalers, z, clock[0].now)
    for q in range(len(queues)):
        account_queue(queues, q, clock[0].now)


@kernel
def _kill(
    clock, tasks, ready, ops, stations, replicas, flights, flight_buckets, caches, population, breakers,
    breaker_window, sites, call_meters, call_outcomes, call_latency, doomed, r,
):  # fmt: skip
    """Every task in replica r ends `unavailable`, oldest first: in the order of `doomed`."""
    for n in range(len(doomed)):
        i = doomed[n]
        if _is_in(tasks, i, r):
            tasks[i].fault = replicas[r].cause
            stop(
                clock, tasks, ready, ops, stations, flights, flight_buckets, caches, population, breakers,
                breaker_window, sites, call_meters, call_outcomes, call_latency, i, UNAVAILABLE,
            )  # fmt: skip


@kernel
def _is_in(tasks, i, r):
    """Whether task i is in replica r and not about to end."""
    state = tasks[i].state
    if tasks[i].replica != r or state == FREE or state == TRAVELLING or state == REPLYING or tasks[i].arrived < 0.0:
        return False
    return not (state == READY and tasks[i].todo == ENDING)


@kernel
def _rename(nodes, population, sources):
    """Sessions may be other users' now: those whose requests are in the calendar."""
    for n in range(len(nodes)):
        if np.int64(nodes[n].order >> _SHIFT) == CLASS_USER:
            session = np.uint32(nodes[n].task)
            if np.int64(nodes[n].gen >> _16) == 0:
                if nodes[n].task >= len(sources):
                    continue
                session = _session_due(sources, nodes[n].task)
            nodes[n].user = user_of(population, session)


@entry
def apply_changes(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, flights,
    flight_buckets, caches, stores, population, services, replicas, pool, listed, user_rows, item_rows, cluster_rows,
    breakers, breaker_window, sites, call_meters, call_outcomes, call_latency, queues, messages, endpoints,
    endpoint_meters, sources, doomed,
):  # fmt: skip
    """Parameters have changed: replicas go down or come back, new servers and consumers serve, full memory evicts.

    `doomed`: tasks in replicas that go down, oldest first.
    """
    _rename(nodes, population, sources)
    for r in range(len(replicas)):
        reprice(stations, replicas, r)
    for r in range(len(replicas)):
        if replicas[r].down and replicas[r].up:
            replicas[r].up = 0
            replicas[r].gen += np.uint32(1)
            _kill(
                clock, tasks, ready, ops, stations, replicas, flights, flight_buckets, caches, population, breakers,
                breaker_window, sites, call_meters, call_outcomes, call_latency, doomed, r,
            )  # fmt: skip
        elif not replicas[r].down and replicas[r].up == 0:
            bring_back(clock, nodes, buckets, late, services, replicas, r)
    for s in range(len(stations)):
        if stations[s].waiting > 0:
            serve(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s)
    for m in range(len(stores)):
        make_room(caches, stores, m, pool, listed, user_rows, item_rows, cluster_rows, 0.0, clock[0].now)
    for q in range(len(queues)):
        _serve_queue(
            clock, nodes, buckets, late, queues, messages, tasks, ready, endpoints, services, replicas,
            endpoint_meters, q,
        )  # fmt: skip
