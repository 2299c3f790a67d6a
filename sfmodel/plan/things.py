"""Records of the things of a platform: stations, sites, caches, limiters, queues, users."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfkernels.keys import zipf_constants
from sfkernels.records import (
    BREAKER,
    CACHE,
    ENDPOINT,
    LIMITER,
    POPULATION,
    QUEUE,
    REPLICA,
    REQUEST,
    SCALER,
    SERVICE,
    SESSION_TYPE,
    SITE,
    STATION,
    STORE,
)  # fmt: skip
from sfmodel.plan.durations import Durations
from sfmodel.plan.index import Index, limiter_cause, queue_cause
from sfmodel.plan.salts import salt
from sfmodel.plan.scripts import SitePlan
from sfmodel.schema.calls import Breaker, Failure, Throttle
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run
from sfmodel.schema.stations import Adaptive, Scaling, Shedding
from sfmodel.schema.users import Users

Rows = list[dict[str, Any]]
Numbered = dict[int, dict[str, Any]]
Arrays = dict[str, NDArray]

NEVER = math.inf
NO_LIMIT = 1 << 60
BALANCERS = ("round_robin", "random", "least_requests", "two_choices", "key")
KEYS = ("none", "user", "item", "cluster", "topic", "address")
ORDERS = ("fifo", "lifo", "priority")


def _array(rows: Rows, dtype: np.dtype) -> NDArray:
    """Records from rows of fields."""
    return _numbered(dict(enumerate(rows)), len(rows), dtype)


def _numbered(
    rows: Numbered, count: int, dtype: np.dtype, before: NDArray | None = None, origin: Mapping[int, int] | None = None
) -> NDArray:
    """Records by number; of what is no more, as they were before, `origin` under which number."""
    array = np.zeros(count, dtype)
    if before is not None:
        for number in set(range(count)) - set(rows):
            old = (origin or {}).get(number, number)
            if old < len(before):
                array[number] = before[old]
    for number, row in rows.items():
        for name, value in row.items():
            array[name][number] = value
    return array


def _numbered_as(labels: list[str], label: str) -> int:
    """Number of a label, which is added where it is new."""
    if label not in labels:
        labels.append(label)
    return labels.index(label)


def _mask(outcomes: tuple[Failure, ...]) -> int:
    return sum(1 << names.OUTCOMES.index(outcome) for outcome in outcomes)


def service_arrays(platform: Platform, index: Index, durations: Durations, begin_s: float, before: Arrays) -> Arrays:
    """Services, replicas, stations, scalers."""
    services: Numbered = {}
    replicas: Numbered = {}
    stations: Numbered = {}
    scalers: Numbered = {}
    recommended = 0
    for name, service in platform.services.items():
        number, place, check = index.services.index(name), index.places[name], service.health_check
        services[number] = {
            "replica": place.replica, "replicas": service.replicas, "balancer": BALANCERS.index(service.balancer),
            "stations": len(place.stations), "check_every": check.every if check else 0.0,
            "unhealthy_after": check.unhealthy_after if check else 0, "healthy_after": check.healthy_after if check else 0,
            "start_delay": service.start_delay, "salt": salt("service", name),
        }  # fmt: skip
        for replica in range(place.replicas):
            down = int(replica in service.down)
            replicas[place.replica + replica] = {
                "service": number, "first_station": place.station + replica * len(place.stations),
                "stations": len(place.stations), "down": down,
                "burns": any(s.waiting_cost > 0 for s in service.stations.values()),
                "up": 1 - down, "healthy": 1, "cause": index.causes.index(name),
            }  # fmt: skip
            for key, station in service.stations.items():
                where = f"services.{name}.stations.{key}"
                patience = -1 if station.patience is None else durations.add(station.patience, where)
                servers = math.inf if station.servers == "unlimited" else station.servers
                contention = station.contention
                scaled, shedder = (name, replica, key), -1
                cause = index.causes.index(f"{name}.{key}")
                if station.shedding is not None:
                    shedder = _numbered_as(index.breakers, f"{name}.{key}#{replica} (shedding)")
                stations[place.station_of(replica, key)] = {
                    "servers": servers, "speed": station.speed * service.replica_speed.get(replica, 1.0),
                    "serial": contention.serial, "crosstalk": contention.crosstalk,
                    "waiting_cost": station.waiting_cost, "patience": patience, "service": number,
                    "limit": NO_LIMIT if station.queue is None else station.queue, "order": ORDERS.index(station.order),
                    "drop_expired": station.drop_expired,
                    "codel_target": 0.0 if station.codel is None else station.codel.target,
                    "codel_interval": 0.0 if station.codel is None else station.codel.interval, "codel_begins": 1,
                    "contended": int(contention.serial > 0 or contention.crosstalk > 0),
                    "scaler": index.scalers.index(scaled) if scaled in index.scalers else -1,
                    "shedder": shedder, "level": names.LEVELS * names.USER_GROUPS - 1,
                    "cause": cause, "blame": cause, **{f"holder{place}": -1 for place in range(4)},
                    **{f"{end}{level}": -1 for end in ("head", "tail") for level in range(4)},
                }  # fmt: skip
    for number, (name, replica, key) in enumerate(index.scalers):
        number_of_station, s = index.places[name].station_of(replica, key), platform.services[name].stations[key].law
        assert s is not None
        if not isinstance(s, Scaling):
            law = _adaptive(s) if isinstance(s, Adaptive) else _shedding(s)
            scalers[number] = {"station": number_of_station, "every": s.every, "marked": begin_s, **law}
            continue
        capacity = math.floor(s.scale_down_after / s.every + 1e-9) + 1
        scalers[number] = {
            "station": number_of_station, "least": s.min, "most": s.max, "target": s.target,
            "every": s.every, "start_delay": s.start_delay, "down_after": s.scale_down_after, "capacity": capacity,
            "first": recommended, "marked": begin_s, "fewer_since": -1.0,
        }  # fmt: skip
        recommended += capacity
    moved_replicas, moved_stations = ({new: old for old, new in moved.items()} for moved in index.moved())
    return {
        "services": _numbered(services, len(index.services), SERVICE, before.get("services")),
        "replicas": _numbered(replicas, index.replica_count, REPLICA, before.get("replicas"), moved_replicas),
        "stations": _numbered(stations, index.station_count, STATION, before.get("stations"), moved_stations),
        "scalers": _numbered(scalers, len(index.scalers), SCALER),
        "recommended": np.zeros(max(1, recommended)),
    }


def _adaptive(adaptive: Adaptive) -> dict[str, Any]:
    return {
        "law": names.LAW_GRADIENT, "least": adaptive.min, "most": adaptive.max, "allowance": adaptive.queue,
        "tolerance": adaptive.tolerance, "smoothing": adaptive.smoothing, "weight": 2 / (adaptive.long_window + 1),
        "samples": adaptive.samples,
    }  # fmt: skip


def _shedding(shedding: Shedding) -> dict[str, Any]:
    return {
        "law": names.LAW_SHEDDING, "queuing": shedding.queuing, "decrease": shedding.decrease, "increase": shedding.increase,
    }  # fmt: skip


def _origin(length_s: float, shift_s: float) -> float:
    """The edge, at or before the first moment, of windows that are aligned to midnight of day 1, in the world's time."""
    return shift_s - math.ceil(shift_s / length_s) * length_s


def _breaker(breaker: Breaker, shift_s: float) -> dict[str, Any]:
    window_s = breaker.window.time or 0.0
    return {
        "failure_rate": breaker.failure_rate, "slow": NEVER if breaker.slow is None else breaker.slow,
        "open_for": breaker.open_for, "window_s": window_s,
        "origin": _origin(window_s / 10, shift_s) if window_s else 0.0,
        "calls": breaker.window.calls or 0, "minimum": breaker.minimum_calls, "probes": breaker.half_open_calls,
        "on": _mask(breaker.on), "epoch": 1,
    }  # fmt: skip


def _throttle(throttle: Throttle, shift_s: float) -> dict[str, Any]:
    return {
        "k": throttle.k, "window_s": throttle.window, "origin": _origin(throttle.window / 10, shift_s),
        "on": _mask(throttle.on),
    }  # fmt: skip


def site_arrays(
    platform: Platform, index: Index, sites: list[SitePlan], begin_s: float, shift_s: float, before: Arrays
) -> Arrays:
    """Call sites, their breakers and throttles."""
    rows: Rows = []
    breakers: Numbered = {}
    for site in sites:
        network = platform.network if site.network is None else site.network
        row: dict[str, Any] = {
            "timeout": NEVER if site.timeout is None else site.timeout, "deadline": NEVER, "hedge_after": NEVER,
            "network": network, "salt": site.salt, "endpoint": index.endpoints.index(site.target), "breaker": -1,
            "throttle": -1,
            "cache": site.cache, "priority": -1 if site.priority is None else site.priority, "attempts": 1,
            "balance_at": begin_s,
        }  # fmt: skip
        call = site.call
        if call is not None:
            row.update(cancel=int(call.cancel), propagate=int(call.propagate))
            if call.deadline is not None:
                row["deadline"] = call.deadline
            if call.hedge is not None:
                row["hedge_after"] = call.hedge.after
            if call.breaker is not None:
                row["breaker"] = _numbered_as(index.breakers, site.label)
                breakers[row["breaker"]] = _breaker(call.breaker, shift_s)
            if call.throttle is not None:
                row["throttle"] = _numbered_as(index.breakers, f"{site.label} (throttle)")
                breakers[row["throttle"]] = _throttle(call.throttle, shift_s)
            if call.retries is not None:
                r = call.retries
                row.update(
                    attempts=r.attempts, backoff=("constant", "exponential").index(r.backoff), backoff_base=r.base,
                    factor=r.factor, cap=r.cap, retry_on=_mask(r.on),
                    jitter=("none", "full", "equal", "decorrelated").index(r.jitter),
                )  # fmt: skip
                if r.budget is not None:
                    row.update(
                        budgeted=1, budget_ratio=r.budget.ratio, budget_reserve=r.budget.reserve,
                        budget_cap=r.budget.cap, balance=r.budget.cap,
                    )  # fmt: skip
        rows.append(row)
    array = _numbered(breakers, len(index.breakers), BREAKER, before.get("breakers"))
    window = np.zeros((max(1, len(array)), 1024), np.int64)
    window[np.flatnonzero(array["window_s"] > 0), 0:30:3] = -1
    return {"sites": _array(rows, SITE), "breakers": array, "breaker_window": window}


def cache_arrays(platform: Platform, index: Index, shift_s: float, before: Arrays) -> Arrays:
    """Caches, stores and limiters."""
    caches: Numbered = {}
    limiters: Numbered = {}
    stores: Numbered = {}
    clusters = platform.content.clusters
    for name, service in platform.services.items():
        for key, cache in service.caches.items():
            label = f"{name}.{key}"
            number = index.caches.index(label)
            caches[number] = {
                "ttl": cache.ttl, "ttl_jitter": cache.ttl_jitter, "stale_for": cache.stale_for, "warm": cache.warm,
                "early": cache.early, "near": math.ceil(cache.similar * clusters - 1e-9),
                "entry_size": cache.entry_size, "salt": salt("cache", name, key), "key": KEYS.index(cache.key),
                "column": index.columns["cache", label], "store": index.stores.index(cache.of) if cache.of else -1,
                "sliding": cache.sliding, "coalesce": cache.coalesce, "versions": number * clusters,
            }  # fmt: skip
        for key, limiter in service.limiters.items():
            label = f"{name}.{key}"
            bucket = limiter.kind in ("token_bucket", "gcra")
            interval = 1 / limiter.rate if limiter.rate else 0.0
            window_s = limiter.window or 1.0
            limiters[index.limiters.index(label)] = {
                "interval": interval, "tolerance": (limiter.burst - 1) * interval, "limit": limiter.limit or 0,
                "window": window_s, "origin": _origin(window_s, shift_s),
                "max_wait": NEVER if limiter.max_wait is None else limiter.max_wait,
                "kind": names.BUCKET if bucket else names.FIXED_WINDOW + (limiter.kind == "sliding_window"),
                "key": KEYS.index(limiter.key or "none"), "waits": limiter.when_full == "wait", "index": -2,
                "column": index.columns.get(("limiter", label), 0), "cause": index.causes.index(limiter_cause(label)),
            }  # fmt: skip
        if service.memory is not None:
            m = service.memory
            stores[index.stores.index(name)] = {
                "limit": m.limit, "reserved": m.reserved, "clock": m.clock, "salt": salt("store", name),
                "eviction": ("lru", "fifo", "random").index(m.eviction), "samples": m.samples,
            }  # fmt: skip
    return {
        "caches": _numbered(caches, len(index.caches), CACHE, before.get("caches")),
        "limiters": _numbered(limiters, len(index.limiters), LIMITER, before.get("limiters")),
        "stores": _numbered(stores, len(index.stores), STORE, before.get("stores")),
    }


def queue_array(platform: Platform, index: Index, before: Arrays) -> NDArray:
    """Queues with consumers."""
    rows: Numbered = {}
    for name, service in platform.services.items():
        for key, queue in service.queues.items():
            rows[index.queues.index(f"{name}.{key}")] = {
                "handler": index.endpoints.index(f"{name}.{queue.handler}"), "consumers": queue.consumers,
                "batch": queue.batch, "priority": queue.order == "priority", "linger": queue.linger,
                "drop_oldest": queue.when_full == "drop_oldest", "salt": salt("queue", name, key),
                "limit": NO_LIMIT if queue.limit is None else queue.limit,
                "cause": index.causes.index(queue_cause(f"{name}.{key}")),
                **{f"{end}{level}": -1 for end in ("head", "tail") for level in range(4)},
            }  # fmt: skip
    return _numbered(rows, len(index.queues), QUEUE, before.get("queues"))


def user_arrays(run: Run, index: Index, durations: Durations, uses_item: list[bool]) -> dict[str, NDArray]:
    """Population, session types, request classes."""
    content, users = run.platform.content, run.platform.users
    items = run.items or content.items
    total, first, shift = (
        zipf_constants(float(items), content.popularity) if content.popularity > 0 else (0.0, 0.0, 0.0)
    )
    row: dict[str, Any] = {
        "count": 1, "items": items, "clusters": content.clusters, "skew": 1.0, "zipf": content.popularity,
        "zipf_total": total, "zipf_first": first, "zipf_shift": shift, "patience": -1, "slow": NEVER,
        "address_size": 1, "salt": salt("users", str(run.seed)),
    }  # fmt: skip
    types: Rows = []
    requests: Rows = []
    if users is not None:
        row.update(_habits(users, durations, run.users or users.population))
        share = 0.0
        for kind in users.sessions.types.values():
            share += kind.share
            types.append({"upto": share, "requests": kind.requests, "first": len(requests), "count": len(kind.mix)})
            weight, total_weight = 0.0, sum(r.weight for r in kind.mix.values())
            for request in kind.mix.values():
                weight += request.weight
                requests.append({
                    "upto": weight / total_weight, "views": request.views, "priority": request.priority,
                    "endpoint": index.endpoints.index(request.call),
                })  # fmt: skip
    return {
        "population": _array([row], POPULATION),
        "types": _array(types, SESSION_TYPE),
        "requests": _array(requests, REQUEST),
    }


def _habits(users: Users, durations: Durations, population: int) -> dict[str, Any]:
    return {
        "count": population, "skew": users.skew, "closed": users.arrivals == "closed", "stretch": users.stretch,
        "think": durations.add(users.think, "users.think"), "retry": users.retry.probability,
        "after": durations.add(users.retry.after, "users.retry.after"), "attempts": users.retry.attempts,
        "patience": -1 if users.patience is None else durations.add(users.patience, "users.patience"),
        "leave_failure": users.leave.after_failure, "slow": NEVER if users.leave.slow is None else users.leave.slow,
        "leave_slow": users.leave.after_slow, "address_share": users.shared_addresses.share,
        "address_size": users.shared_addresses.size, "types_count": len(users.sessions.types),
    }  # fmt: skip


def endpoint_array(index: Index, starts: Mapping[str, int], uses_item: list[bool], before: Arrays) -> NDArray:
    """Endpoints: their service, their first operation, whether their requests are about an item."""
    rows = {
        number: {
            "service": index.services.index(label.split(".", 1)[0]),
            "pc": starts[label],
            "uses_item": uses_item[number],
        }
        for number, label in enumerate(index.endpoints)
        if label in starts
    }
    return _numbered(rows, len(index.endpoints), ENDPOINT, before.get("endpoints"))
