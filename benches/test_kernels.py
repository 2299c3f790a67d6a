"""Each kernel on its own: small compiled loops over it, in events per second.

The loops do nothing else, so code and state lie in the first cache: what is printed is the least that a kernel costs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from measuring import Report, best_of, prepared

from sfkernels import names
from sfkernels.caches import look_up, put
from sfkernels.calendar import free_node, open_bucket, pop_late, schedule_task, turn
from sfkernels.durations import draw
from sfkernels.jit import kernel
from sfkernels.limiters import pass_all, pass_key
from sfkernels.meters import latency_bin, meter_end
from sfkernels.names import NB, SLOT_S
from sfkernels.random import below, mix, uniform
from sfkernels.records import DURATION
from sfkernels.sleepers import THINKING, open_slot, sleep_until
from sfkernels.stations import join, leave
from sfmodel.world import World

N = int(os.environ.get("SFMODEL_BENCH_EVENTS", "1_000_000"))
"""Events of each loop; fewer only to see that the loops still run."""
_ZERO32, _MASK = np.uint32(0), np.uint64(0x3FF)

# the calendar


@kernel
def _next_node(clock, nodes, buckets, batch, late):
    """Take the next event out of the calendar."""
    while clock[0].batch_at >= clock[0].batch_count and clock[0].late_count == 0:
        bucket = clock[0].bucket + 1
        clock[0].bucket = bucket
        if bucket % NB == 0:
            turn(clock, nodes, buckets)
        if buckets[bucket % NB] >= 0:
            open_bucket(clock, nodes, buckets, batch)
    at = clock[0].batch_at
    if clock[0].late_count > 0 and (at >= clock[0].batch_count or late[0].time < batch[at].time):
        return np.int64(pop_late(clock, nodes, late))
    clock[0].batch_at = at + 1
    return np.int64(batch[at].node)


@kernel
def fill_calendar(clock, nodes, buckets, late, mean, count):
    for n in range(count):
        time = clock[0].now - mean * math.log(uniform(np.uint64(11), np.uint64(n)))
        schedule_task(clock, nodes, buckets, late, time, 0, _ZERO32)


@kernel
def turn_over(clock, nodes, buckets, batch, late, tasks, mean, count):
    """Take an event out and schedule another: `count` times."""
    for n in range(count):
        node = _next_node(clock, nodes, buckets, batch, late)
        clock[0].now = nodes[node].time
        free_node(clock, nodes, node)
        time = clock[0].now - mean * math.log(uniform(np.uint64(12), np.uint64(n)))
        schedule_task(clock, nodes, buckets, late, time, 0, _ZERO32)


@pytest.mark.parametrize("pending", [100, 10_000, 1_000_000])
def test_calendar(benchmark: Any, report: Report, pending: int) -> None:
    world = _station_world()
    clock = world.arrays["clock"]
    mean_s = 0.1
    clock["per_tick"] = 0.5 * pending / mean_s  # two events in a tick
    clock["tick"] = 1 / clock["per_tick"]
    clock["bucket"] = int(clock["now"][0] * clock["per_tick"][0])
    while clock["nodes_left"][0] < pending + 1000:
        world.grow_nodes(2 * len(world.arrays["nodes"]))
    world.call(fill_calendar, mean=mean_s, count=pending)
    seconds = best_of(benchmark, lambda: world.call(turn_over, mean=mean_s, count=N))
    report.add(f"calendar, take out and schedule, {pending:,} pending", N / seconds, "events/s")


# stations


STATIONS, TASKS = 16, 1024


@kernel
def pass_through(
    clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, endpoints, together,
    count,
):  # fmt: skip
    """Tasks join a station at random and leave it, one, or two of which the second waits for the first."""
    for n in range(count):
        drawn = mix(np.uint64(13), np.uint64(n))
        s = np.int64(drawn & np.uint64(STATIONS - 1))
        for k in range(together):
            i = np.int64((drawn >> np.uint64(8)) & np.uint64(TASKS - 2)) + k
            tasks[i].pc = endpoints[0].pc
            join(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s, i)
        clock[0].now += 1e-3
        for _ in range(together):
            leave(clock, nodes, buckets, late, tasks, ready, ops, durations, values, slowdowns, totals, stations, s)
        clock[0].ready_head = clock[0].ready_tail


@pytest.mark.parametrize("together", [1, 2])
def test_station(benchmark: Any, report: Report, together: int) -> None:
    world = _station_world()
    seconds = best_of(benchmark, lambda: world.call(pass_through, together=together, count=N))
    stations = world.arrays["stations"]
    assert stations["arrivals"].sum() == stations["ends"].sum() == 4 * together * N
    assert stations["queue_max"].max() == together - 1
    how = "at once" if together == 1 else "half of them wait"
    report.add(f"station, join and leave, {how}", 2 * together * N / seconds, "events/s")


# caches


@kernel
def look_up_many(caches, c, stores, versions, population, user_rows, item_rows, cluster_rows, now, count):
    total = 0
    rows = np.int64(population[0].count)
    for n in range(count):
        row = below(np.uint64(21), np.uint64(n), rows)
        total += look_up(caches, c, stores, versions, population, user_rows, item_rows, cluster_rows, row, now, 0.0)
    return total


@kernel
def put_many(
    clock, caches, c, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows, first, count
):  # fmt: skip
    rows = np.int64(population[0].count)
    for n in range(first, first + count):
        row = below(np.uint64(22), np.uint64(n), rows)
        put(
            clock, caches, c, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows, row,
            np.uint64(1), np.uint64(1),
        )  # fmt: skip


@pytest.mark.parametrize("what", ["hits", "misses", "puts"])
@pytest.mark.parametrize("rows", [50_000_000, 100_000])
def test_cache(benchmark: Any, report: Report, keyed_world: Callable[[int], World], rows: int, what: str) -> None:
    world = keyed_world(rows)
    c = 0 if what == "hits" else 1
    if what == "puts":
        seconds = best_of(benchmark, lambda: world.call(put_many, c=c, first=0, count=N))
    else:
        seconds = best_of(benchmark, lambda: world.call(look_up_many, c=c, now=1.0, count=N))
    counted = {"hits": "hits", "misses": "misses", "puts": "stores"}[what]
    assert world.arrays["caches"][counted][c] >= 4 * N
    report.add(f"cache, {what}, {rows:,} rows", N / seconds, "events/s")


def test_cache_with_eviction(benchmark: Any, report: Report) -> None:
    world = prepared(_keyed_platform(100_000, memory="100 MB")).world  # room for a quarter of the entries
    world.arrays["clock"]["now"] = 1.0
    world.grow_listed(300_000)  # more than there are entries: the loop need not stop to grow it
    world.call(put_many, c=1, first=0, count=N)
    evicted = int(world.arrays["caches"]["evictions"][1])
    assert evicted > N // 2
    seconds = best_of(benchmark, lambda: world.call(put_many, c=1, first=0, count=N // 4))
    report.add("cache, puts, three in four evict (sampled LRU)", N / 4 / seconds, "events/s")


# limiters


@kernel
def ask_one(limiters, k, begin, count):
    passed = 0
    for n in range(count):
        if pass_all(limiters, k, begin + 1e-3 * n) >= 0.0:
            passed += 1
    return passed


@kernel
def ask_keys(limiters, k, population, user_rows, user_rows_float, begin, count):
    passed = 0
    rows = np.int64(population[0].count)
    for n in range(count):
        row = below(np.uint64(23), np.uint64(n), rows)
        if pass_key(limiters, k, user_rows, user_rows_float, row, begin + 1e-3 * n) >= 0.0:
            passed += 1
    return passed


def _ask(world: World, ask: Callable[..., int], k: int, expected: float) -> None:
    """Ask a thousand times a second from where the last round ended; half of them are refused by a limit of 500/s."""
    begin = float(world.arrays["clock"]["now"][0])
    passed = world.call(ask, k=k, begin=begin, count=N)
    assert passed >= 0.9 * expected * N
    world.arrays["clock"]["now"] = begin + 1e-3 * N


@pytest.mark.parametrize("kind", ["gcra", "fixed_window", "sliding_window"])
def test_limiter_for_all(benchmark: Any, report: Report, keyed_world: Callable[[int], World], kind: str) -> None:
    world = keyed_world(100_000)
    k = list(world.plan.labels["limiter"]).index(f"server.{kind}")
    seconds = best_of(benchmark, lambda: _ask(world, ask_one, k, expected=0.5))
    report.add(f"limiter, one for all, {kind}", N / seconds, "events/s")


@pytest.mark.parametrize("rows", [50_000_000, 100_000])
def test_limiter_per_key(benchmark: Any, report: Report, keyed_world: Callable[[int], World], rows: int) -> None:
    world = keyed_world(rows)
    k = list(world.plan.labels["limiter"]).index("server.per_user")
    seconds = best_of(benchmark, lambda: _ask(world, ask_keys, k, expected=1.0 if rows > N else 0.1))
    report.add(f"limiter, one per user, {rows:,} rows", N / seconds, "events/s")


# chance


@kernel
def mix_many(count):
    """Keys from keys: each draw needs the one before, as a task's key needs its caller's."""
    key = np.uint64(31)
    for n in range(count):
        key = mix(key, np.uint64(n))
    return key


@kernel
def uniform_many(count):
    key = np.uint64(32)
    total = 0.0
    for n in range(count):
        key = mix(key, np.uint64(n))
        total += uniform(key, np.uint64(7))
    return total


@kernel
def draw_many(durations, values, d, count):
    total = 0.0
    for n in range(count):
        total += draw(durations, values, d, np.uint64(33), np.uint64(n))
    return total


@pytest.mark.parametrize("what", ["mix", "uniform"])
def test_random(benchmark: Any, report: Report, what: str) -> None:
    call = mix_many if what == "mix" else uniform_many
    seconds = best_of(benchmark, lambda: call(10 * N))
    report.add(f"random, {'mix' if what == 'mix' else 'mix and uniform'}", 10 * N / seconds, "events/s")


@pytest.mark.parametrize("kind", ["constant", "exponential", "lognormal", "gamma", "hyperexponential", "empirical"])
def test_duration(benchmark: Any, report: Report, kind: str) -> None:
    durations = np.zeros(1, DURATION)
    durations["kind"] = getattr(names, kind.upper())
    a, b, c = {"lognormal": (-3.0, 0.5, 0.0), "gamma": (4.0, 0.01, 0.0), "hyperexponential": (0.8, 0.03, 0.1)}.get(
        kind, (0.05, 0.0, 0.0)
    )
    durations["a"], durations["b"], durations["c"], durations["count"] = a, b, c, 1000
    values = np.linspace(0.0, 1.0, 1000)
    seconds = best_of(benchmark, lambda: draw_many(durations, values, 0, N))
    report.add(f"duration, {kind}", N / seconds, "events/s")


# meters


@kernel
def bin_many(count):
    total = 0
    for n in range(count):
        total += latency_bin(1e-3 * np.float64(np.uint64(n) & _MASK))
    return total


@kernel
def meter_many(
    clock, tasks, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok, endpoint_causes, count,
):  # fmt: skip
    for n in range(count):
        tasks[0].arrived = clock[0].now - 1e-3 * np.float64(np.uint64(n) & _MASK)
        meter_end(clock, tasks, spans, endpoint_meters, endpoint_outcomes, endpoint_latency, endpoint_latency_ok,
                  endpoint_causes, 0, 0)  # fmt: skip


def test_latency_bin(benchmark: Any, report: Report) -> None:
    seconds = best_of(benchmark, lambda: bin_many(N))
    report.add("meters, latency_bin", N / seconds, "events/s")


def test_meter_end(benchmark: Any, report: Report) -> None:
    world = _station_world()
    seconds = best_of(benchmark, lambda: world.call(meter_many, count=N))
    report.add("meters, meter_end", N / seconds, "events/s")


# sleepers


@kernel
def sleep_many(clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, begin, count):
    """Sleepers of 25 s on average go to bed."""
    for n in range(count):
        time = begin + 1.0 - 25.0 * math.log(uniform(np.uint64(41), np.uint64(n)))
        sleep_until(
            clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, time, np.uint32(n), 1, 0,
            THINKING,
        )  # fmt: skip


@kernel
def wake_many(clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill, slots):
    """All of them go into the calendar."""
    for _ in range(slots):
        open_slot(clock, nodes, buckets, late, population, sleepers, chunk_next, slot_head, slot_fill)


def test_sleepers(benchmark: Any, report: Report) -> None:
    worlds: list[World] = []

    def fresh() -> None:
        worlds[:] = [_station_world()]
        worlds[0].grow_nodes(4 * N)
        worlds[0]._grow_chunks(4 * N // names.CHUNK)

    def sleep_and_wake() -> None:
        world = worlds[0]
        world.call(sleep_many, begin=float(world.arrays["clock"]["now"][0]), count=N)
        world.call(wake_many, slots=int(600 / SLOT_S))

    seconds = best_of(benchmark, sleep_and_wake, setup=fresh)
    report.add("sleepers, to bed and into the calendar", N / seconds, "events/s")


# worlds


def _station_world() -> World:
    service = {
        "stations": {f"s{k}": {"servers": 1} for k in range(STATIONS)},
        "endpoints": {"serve": {"hold": "s0", "steps": [{"sleep": "1 s"}]}},
    }
    return prepared(_run({"name": "bench", "services": {"server": service}})).world


def _keyed_platform(rows: int, memory: str | None = None) -> dict[str, Any]:
    """One cache that is warm, one that is empty, limiters of every kind."""
    bucket = {"rate": "500/s", "burst": 10}
    window = {"limit": 500, "window": "1 s"}
    in_store = {"of": "server", "entry_size": "4 kB"} if memory else {}
    service = {
        "caches": {
            "warm": {"key": "user", "ttl": "24 h", "warm": "0 %" if memory else "100 %", **in_store},
            "empty": {"key": "user", "ttl": "24 h", **in_store},
        },
        "limiters": {
            "gcra": {"kind": "gcra", **bucket},
            "fixed_window": {"kind": "fixed_window", **window},
            "sliding_window": {"kind": "sliding_window", **window},
            "per_user": {"kind": "gcra", "key": "user", "rate": "1/s", "burst": 10},
        },
        "endpoints": {
            "serve": {
                "steps": [
                    {"pass": "gcra"}, {"pass": "fixed_window"}, {"pass": "sliding_window"}, {"pass": "per_user"},
                    {"lookup": "warm"}, {"lookup": "empty"},
                ]
            }
        },
    }  # fmt: skip
    if memory:
        service["memory"] = {"limit": memory, "eviction": "lru"}
    users = {
        "population": rows,
        "sessions": {
            "rate": "1/s",
            "types": {"all": {"share": 1.0, "requests": 1, "mix": {"serve": {"call": "server.serve", "weight": 1}}}},
        },
    }
    return _run({"name": "bench", "services": {"server": service}, "users": users})


def _run(platform: dict[str, Any]) -> dict[str, Any]:
    return {"platform": platform, "start": "1 h", "until": "2 h", "warmup": "0 s"}


@pytest.fixture(scope="module")
def keyed_world() -> Callable[[int], World]:
    """World with so many users, its first cache full; the last one is kept, as they are large."""
    kept: dict[int, World] = {}

    def world_of(rows: int) -> World:
        if rows not in kept:
            kept.clear()
            world = prepared(_keyed_platform(rows)).world
            with np.errstate(over="ignore"):
                world.begin()
            kept[rows] = world
        return kept[rows]

    return world_of
