"""Names that point at something else: every one must exist, and the whole must be able to run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain

from sfmodel.clock import clock
from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.caches import MOST_DAYS, MOST_TICKS
from sfmodel.schema.call_graph import deepest_hold, first_cycle, waited_by_endpoint, waitings
from sfmodel.schema.durations import Distribution
from sfmodel.schema.files import find_file
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import check_events, effective, segments
from sfmodel.schema.services import Service
from sfmodel.schema.steps import (
    Call,
    CountStep,
    Hold,
    Invalidate,
    Lookup,
    Pass,
    Publish,
    Send,
    Sleep,
    SlowedByStation,
    Store,
    Use,
)  # fmt: skip
from sfmodel.schema.walk import Parts, Placed, cache_named, endpoint_parts, endpoints_of, key_of, steps_of

MOST_HOLDS = 4
"""Holds a task may nest: each takes a place in its record."""

DAY_S = 86400.0

Mistake = tuple[Parts, str]


def check_references(run: Run) -> None:
    """Check every name, number and file that points at something else.

    Raises
    ------
    ConfigError
        One line per mistake: the key path, what is wrong, the nearest valid name.
    """
    _raise_if_any(run, _names(run))
    _raise_if_any(run, _wholes(run))
    check_events(run)
    _raise_if_any_change_breaks(run)


def _raise_if_any_change_breaks(run: Run) -> None:
    """Each event alone, then each stretch, must be as sound as the platform itself."""
    for index in range(len(run.scenario.events)):
        _raise_if_any(run, _all(effective(run, [index])), f"scenario.events.{index}: ")
    for time_s, changed in segments(run):
        together = f"scenario.events: together, from {clock(time_s, seconds=True)} on: "
        is_before = len(changed.intervention) < len(run.intervention)
        _raise_if_any(changed, _all(changed), "before switch_on: " if is_before else together)


def _all(run: Run) -> Iterator[Mistake]:
    return chain(_names(run), _wholes(run))


def _raise_if_any(run: Run, mistakes: Iterable[Mistake], when: str = "") -> None:
    changed = f"with intervention=[{', '.join(run.intervention)}]: " if run.intervention else ""
    lines = [f"{changed}{when}{key_of(run, parts)}: {text}" for parts, text in mistakes]
    if lines:
        raise ConfigError("\n".join(dict.fromkeys(lines)))


def _names(run: Run) -> Iterator[Mistake]:
    platform = run.platform
    for name, service in platform.services.items():
        yield from _in_service(platform, name, service)
    for placed in steps_of(platform):
        yield from _in_step(platform, placed)
    yield from _in_users(platform)
    for name, source in platform.sources.items():
        yield from _endpoint(platform, ("platform", "sources", name, "call"), source.call)
    yield from _files(run)
    yield from _numbers_of_nothing(run)


def _wholes(run: Run) -> Iterator[Mistake]:
    """What can only be judged when all names are right."""
    yield from _clocks_of_caches(run)
    yield from _windows_of_keys(run)
    yield from _nested_holds(run.platform)
    recursion = list(_recursion(run))
    yield from recursion or _hold_cycle(run)


# Names


def _one_of(parts: Parts, what: str, name: str, valid: Iterable[str]) -> Iterator[Mistake]:
    valid = list(valid)
    if name not in valid:
        yield parts, f"there is no {what} '{name}'; {nearest(name, valid)}"


def _endpoint(platform: Platform, parts: Parts, name: str | None) -> Iterator[Mistake]:
    """`service.endpoint`: says which half is wrong."""
    if name is None:
        return
    service, dot, endpoint = name.partition(".")
    if not dot:
        every = [f"{s}.{e}" for s, e, _ in endpoints_of(platform)]
        own = next((full for full in every if full.split(".")[0] == name or full.split(".")[1] == name), None)
        hint = f"did you mean '{own}'?" if own else nearest(name, every)
        yield parts, f"expected service.endpoint, found '{name}'; {hint}"
    elif service not in platform.services:
        yield parts, f"there is no service '{service}'; {nearest(service, platform.services)}"
    else:
        yield from _one_of(parts, f"endpoint of {service}", endpoint, platform.services[service].endpoints)


def _cache(platform: Platform, service: str, parts: Parts, name: str) -> Iterator[Mistake]:
    if cache_named(platform, service, name) is None:
        own = list(platform.services[service].caches)
        others = [f"{s}.{c}" for s, found in platform.services.items() for c in found.caches]
        yield parts, f"there is no cache '{name}'; {nearest(name, [*own, *others])}"


def _queue(platform: Platform, parts: Parts, name: str) -> Iterator[Mistake]:
    valid = [f"{s}.{q}" for s, found in platform.services.items() for q in found.queues]
    yield from _one_of(parts, "queue", name, valid)


def _in_service(platform: Platform, name: str, service: Service) -> Iterator[Mistake]:
    here = ("platform", "services", name)
    for endpoint_name, endpoint in service.endpoints.items():
        if endpoint.hold is not None:
            parts = (*endpoint_parts(name, endpoint_name), "hold")
            yield from _one_of(parts, f"station of {name}", endpoint.hold, service.stations)
    for queue_name, queue in service.queues.items():
        parts = (*here, "queues", queue_name, "handler")
        yield from _one_of(parts, f"endpoint of {name}", queue.handler, service.endpoints)
    yield from _in_caches(platform, name, service)
    yield from _needs_users(platform, name, service)
    yield from _replicas(name, service)


def _in_caches(platform: Platform, name: str, service: Service) -> Iterator[Mistake]:
    stores = {s: found.memory for s, found in platform.services.items() if found.memory is not None}
    for cache_name, cache in service.caches.items():
        here = ("platform", "services", name, "caches", cache_name)
        for option in ("read", "write", "invalidate"):
            yield from _endpoint(platform, (*here, option), getattr(cache, option))
        if cache.of is None:
            continue
        if cache.of not in platform.services:
            yield from _one_of((*here, "of"), "service", cache.of, platform.services)
        elif cache.of not in stores:
            text = f"service '{cache.of}' has no memory; give it one, or name one that has"
            yield (*here, "of"), f"{text}: {', '.join(stores) or 'there is none'}"
        elif cache.entry_size > stores[cache.of].limit:
            limit = stores[cache.of].limit
            text = f"one entry of {cache.entry_size:,.0f} bytes is larger than services.{cache.of}.memory.limit"
            yield (*here, "entry_size"), f"{text}, {limit:,.0f} bytes"


def _needs_users(platform: Platform, name: str, service: Service) -> Iterator[Mistake]:
    if platform.users is not None:
        return
    text = "'{}' needs users, and the platform has none; add platform.users, or choose another"
    for cache_name, cache in service.caches.items():
        if cache.key in ("user", "cluster"):
            yield ("platform", "services", name, "caches", cache_name, "key"), text.format(cache.key)
    for limiter_name, limiter in service.limiters.items():
        if limiter.key in ("user", "address"):
            yield ("platform", "services", name, "limiters", limiter_name, "key"), text.format(limiter.key)
    for source_name, source in platform.sources.items():
        if source.user == "random":
            yield ("platform", "sources", source_name, "user"), text.format("random")


def _numbers_of_nothing(run: Run) -> Iterator[Mistake]:
    """`users` and `items` where the platform has none that they could be the number of."""
    services = run.platform.services.values()
    keys: set[str | None] = {cache.key for service in services for cache in service.caches.values()}
    keys |= {limiter.key for service in services for limiter in service.limiters.values()}
    name = run.platform.name
    if run.users is not None and run.platform.users is None:
        yield ("users",), f"platform '{name}' has no users, only sources; leave this out, or give it platform.users"
    if run.items is not None and not {"item", "topic"} & keys:
        yield (
            ("items",),
            f"platform '{name}' keeps nothing by item, neither in a cache nor in a limiter; leave this out",
        )


def _replicas(name: str, service: Service) -> Iterator[Mistake]:
    here = ("platform", "services", name)
    last = service.replicas - 1
    numbered = [((*here, "down", str(i)), n) for i, n in enumerate(service.down)]
    numbered += [((*here, "replica_speed", str(n)), n) for n in service.replica_speed]
    for parts, number in numbered:
        if not 0 <= number <= last:
            known = "replica 0 alone" if last == 0 else f"replicas 0 to {last}"
            yield parts, f"there is no replica {number}; {name} has {known}"


def _in_step(platform: Platform, placed: Placed) -> Iterator[Mistake]:
    step, here, service = placed.step, placed.parts, placed.service
    own = platform.services[service]
    if isinstance(step, Use):
        yield from _one_of((*here, "use"), f"station of {service}", step.use, own.stations)
        yield from _slowdowns(platform, placed, step)
    elif isinstance(step, Hold):
        yield from _one_of((*here, "hold"), f"station of {service}", step.hold, own.stations)
    elif isinstance(step, Call):
        yield from _endpoint(platform, (*here, "call"), step.call)
    elif isinstance(step, Send):
        yield from _endpoint(platform, (*here, "send"), step.send)
    elif isinstance(step, Publish):
        yield from _queue(platform, (*here, "publish"), step.publish)
    elif isinstance(step, Pass):
        yield from _one_of((*here, "pass"), f"limiter of {service}", step.pass_, own.limiters)
    elif isinstance(step, CountStep):
        yield from _one_of((*here, "count"), "counter", step.count, platform.counters)
    for kind, verb in ((Lookup, "lookup"), (Store, "store"), (Invalidate, "invalidate")):
        if isinstance(step, kind):
            yield from _cache(platform, service, (*here, verb), getattr(step, verb))


def _slowdowns(platform: Platform, placed: Placed, step: Use) -> Iterator[Mistake]:
    own = platform.services[placed.service]
    for index, slow in enumerate(step.slowed_by):
        here = (*placed.parts, "slowed_by", str(index))
        if isinstance(slow, SlowedByStation):
            yield from _one_of((*here, "station"), f"station of {placed.service}", slow.station, own.stations)
        else:
            yield from _one_of((*here, "counter"), "counter", slow.counter, platform.counters)


def _in_users(platform: Platform) -> Iterator[Mistake]:
    if platform.users is None:
        return
    for type_name, kind in platform.users.sessions.types.items():
        for name, request in kind.mix.items():
            parts = ("platform", "users", "sessions", "types", type_name, "mix", name, "call")
            yield from _endpoint(platform, parts, request.call)


# Files


def _files(run: Run) -> Iterator[Mistake]:
    platform = run.platform
    named: list[tuple[Parts, str]] = []
    if run.demand.series is not None:
        named.append((("demand", "series", "file"), run.demand.series.file))
    for name, source in platform.sources.items():
        if source.file is not None:
            named.append((("platform", "sources", name, "file", "file"), source.file.file))
    for parts, distribution in _distributions(platform):
        if distribution is not None and distribution.empirical is not None:
            named.append(((*parts, "empirical", "file"), distribution.empirical.file))
    for parts, file in named:
        if find_file(file) is None:
            yield parts, f"there is no file '{file}', in the working directory or in the package's conf/"


def _distributions(platform: Platform) -> Iterator[tuple[Parts, Distribution | None]]:
    for placed in steps_of(platform):
        if isinstance(placed.step, Use):
            yield (*placed.parts, "time"), placed.step.time
        elif isinstance(placed.step, Sleep):
            yield (*placed.parts, "sleep"), placed.step.sleep
    for service_name, service in platform.services.items():
        for name, station in service.stations.items():
            yield ("platform", "services", service_name, "stations", name, "patience"), station.patience
    if platform.users is not None:
        yield ("platform", "users", "think"), platform.users.think
        yield ("platform", "users", "patience"), platform.users.patience
        yield ("platform", "users", "retry", "after"), platform.users.retry.after


# The whole


def _clocks_of_caches(run: Run) -> Iterator[Mistake]:
    """An entry has few bits for its times; they must last for the run."""
    services = run.platform.services
    length_s = run.until - run.start + run.warmup
    for name, service in services.items():
        if service.memory is not None and length_s > MOST_TICKS * service.memory.clock:
            yield (
                ("platform", "services", name, "memory", "clock"),
                f"{1000 * service.memory.clock:g} ms is too fine for a run of {length_s / 3600:.3g} h with its warm-up: an "
                f"entry has 22 bits for its last access; use {math.ceil(1000 * length_s / MOST_TICKS)} ms or more",
            )
    if run.until + run.warmup > MOST_DAYS * 86400 and any(service.caches for service in services.values()):
        yield (
            ("until",),
            f"expected at most {MOST_DAYS} days with the warm-up, found {(run.until + run.warmup) / 86400:.3g}: the entries "
            "of caches have 32 bits for the milliseconds of their expiry",
        )


def _windows_of_keys(run: Run) -> Iterator[Mistake]:
    """Each key has 32 bits for the number of a window."""
    last_s = run.until + run.warmup + DAY_S
    for name, service in run.platform.services.items():
        for limiter_name, limiter in service.limiters.items():
            if limiter.key is not None and limiter.window is not None and last_s / limiter.window >= 2**32:
                yield (
                    ("platform", "services", name, "limiters", limiter_name, "window"),
                    f"expected at least {1e6 * last_s / 2**32:.3g} us for a limiter with a key in a run that ends here, "
                    f"found {1e6 * limiter.window:.3g} us: each key has 32 bits for the number of its window",
                )


def _nested_holds(platform: Platform) -> Iterator[Mistake]:
    for service, name, endpoint in endpoints_of(platform):
        own = endpoint.hold is not None
        depth = deepest_hold(endpoint.steps, int(own))
        if depth > MOST_HOLDS:
            yield endpoint_parts(service, name), f"expected at most {MOST_HOLDS} holds within each other, found {depth}"


def _recursion(run: Run) -> Iterator[Mistake]:
    cycle = first_cycle(waited_by_endpoint(run.platform))
    if cycle:
        way = " → ".join([cycle[0][0], *(target for _, target, _ in cycle)])
        keys = _listed(run, (parts for _, _, parts in cycle[1:]))
        yield cycle[0][2], f"this endpoint waits for itself ({way}){keys}; use send where no reply is needed"


def _hold_cycle(run: Run) -> Iterator[Mistake]:
    graph: dict[tuple[str, str], dict[tuple[str, str], Parts]] = {}
    for waiting in waitings(run.platform):
        graph.setdefault(waiting.held, {})
        if not waiting.bounded:
            graph[waiting.held].setdefault(waiting.wanted, waiting.parts)
    cycle = first_cycle(graph)
    if cycle:
        way = " → ".join(".".join(station) for station in [cycle[0][0], *(target for _, target, _ in cycle)])
        keys = _listed(run, (parts for _, _, parts in cycle[1:]))
        yield (
            cycle[0][2],
            f"this can deadlock: a server of each station is held while the next is queued for ({way}){keys}; "
            "release one first, or bound the waiting with a timeout",
        )


def _listed(run: Run, paths: Iterable[Parts]) -> str:
    keys = [key_of(run, parts) for parts in paths]
    return f", with {' and '.join(keys)}" if keys else ""
