"""Where a platform can go wrong: everything that the scenario language can change and that something depends on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from sfmodel.errors import ConfigError, nearest
from sfmodel.failure_modes.triggers import GONE, Down, FaultPlace, How, Invalidated, Latency, Scaled, Whole
from sfmodel.schema.run import Run
from sfmodel.schema.services import Service
from sfmodel.schema.sources import Source
from sfmodel.schema.steps import Call, Hold, Invalidate, Use
from sfmodel.schema.walk import Placed, endpoints_of, key_of, steps_of

MOST = 6.0
"""Largest size of most faults: a 64th, or 64 times as much."""
MOST_DEMAND = 2.0
"""Four times the demand."""
MOST_CALLS = 4.0
"""Fifteen invalidations at once."""
LEAST_LATENCY_S = 0.001
"""Latency that counts as the usual one where there is less."""
MOST_LATENCY_S = 8.0
"""Latency of a network that hardly works any more: longer than most patience."""


def places_of(run: Run) -> list[FaultPlace]:
    """Every place of a platform, and every way in which it can go wrong.

    Parameters
    ----------
    run
        Validated, its references checked.
    """
    found: list[FaultPlace] = []
    for name, service in run.platform.services.items():
        found += _of_service(run, name, service)
    found += _links(run)
    found += _sources(run)
    found += _demand(run)
    found += _invalidations(run)
    return [place for place in found if place.most > 0]


def named(places: Sequence[FaultPlace], patterns: Sequence[str]) -> list[FaultPlace]:
    """Those whose thing, or name, is one of some patterns: llm.*, 'engine.*, slower'.

    Raises
    ------
    ConfigError
        A pattern is of none.
    """
    for pattern in patterns:
        if not any(_is_like(place, pattern) for place in places):
            things = dict.fromkeys(place.thing for place in places)
            raise ConfigError(f"--only: nothing of the platform is called '{pattern}'; {nearest(pattern, things)}")
    return [place for place in places if any(_is_like(place, pattern) for pattern in patterns)]


def _is_like(place: FaultPlace, pattern: str) -> bool:
    return fnmatchcase(place.thing, pattern) or fnmatchcase(place.name, pattern)


def _of_service(run: Run, name: str, service: Service) -> Iterator[FaultPlace]:
    key = f"services.{name}"
    used, held = _used(run, name), _held(run, name)
    for station, own in service.stations.items():
        thing, at = f"{name}.{station}", f"{key}.stations.{station}"
        if station in used:
            yield Scaled(thing, "slower", MOST, (f"{at}.speed",), grows=False)
        servers = 0 if own.servers == "unlimited" or own.law is not None else math.floor(own.servers)
        if station in used | held and servers:
            yield Whole(thing, "fewer servers", GONE, (f"{at}.servers",), servers)
    for limiter, rule in service.limiters.items():
        at = f"{key}.limiters.{limiter}"
        if rule.rate is not None:
            yield Scaled(f"{name}.{limiter}", "lower limit", MOST, (f"{at}.rate",), grows=False)
        elif rule.limit:
            yield Whole(f"{name}.{limiter}", "lower limit", _most_of(rule.limit), (f"{at}.limit",), rule.limit)
    for queue, own_queue in service.queues.items():
        at, count = f"{key}.queues.{queue}.consumers", max(1, own_queue.consumers)
        yield Whole(f"{name}.{queue}", "fewer consumers", _most_of(count), (at,), count)
    for cache in service.caches:
        yield Scaled(f"{name}.{cache}", "shorter ttl", MOST, (f"{key}.caches.{cache}.ttl",), grows=False)
    if service.memory is not None:
        yield Scaled(f"{name}.memory", "less memory", MOST, (f"{key}.memory.limit",), grows=False)
    if service.endpoints and not service.down:
        yield Down(name, "down", GONE, (f"{key}.down",), service.replicas)


def _most_of(count: int) -> float:
    """Largest size of a fault that leaves one."""
    return min(MOST, math.log2(count))


def _used(run: Run, service: str) -> set[str]:
    """Stations at which something is served."""
    return {placed.step.use for placed in steps_of(run.platform) if _is(placed, service, Use)}  # type: ignore[attr-defined]


def _held(run: Run, service: str) -> set[str]:
    """Stations that are held while something else is done."""
    by_steps = {placed.step.hold for placed in steps_of(run.platform) if _is(placed, service, Hold)}  # type: ignore[attr-defined]
    return by_steps | {end.hold for name, _, end in endpoints_of(run.platform) if name == service and end.hold}


def _is(placed: Placed, service: str, kind: type) -> bool:
    return placed.service == service and isinstance(placed.step, kind)


def _links(run: Run) -> Iterator[FaultPlace]:
    """Calls from one service to another, all together."""
    links: dict[tuple[str, str], list[tuple[str, Call]]] = {}
    for placed in steps_of(run.platform):
        if isinstance(placed.step, Call):
            pair = placed.service, placed.step.call.partition(".")[0]
            links.setdefault(pair, []).append((_key(run, placed), placed.step))
    for (caller, callee), calls in links.items():
        thing = f"{caller} → {callee}"
        usual_s = max([LEAST_LATENCY_S, *(_network_s(run, call) for _, call in calls)])
        if caller != callee:
            most = math.log2(MOST_LATENCY_S / usual_s)
            yield Latency(thing, "slower network", most, tuple(f"{key}.network" for key, _ in calls), usual_s)
        bounded = tuple(f"{key}.timeout" for key, call in calls if call.timeout)
        if bounded:
            yield Scaled(thing, "shorter timeout", MOST, bounded, grows=False)
        shares = {key: call.with_probability for key, call in calls if 0 < call.with_probability < 1}
        if shares:
            most = min(MOST, -math.log2(max(shares.values())))
            keys = tuple(f"{key}.with_probability" for key in shares)
            yield Scaled(thing, "called more", most, keys, grows=True)


def _network_s(run: Run, call: Call) -> float:
    return run.platform.network if call.network is None else call.network


def _key(run: Run, placed: Placed) -> str:
    """Key of a step, as an event names it."""
    return key_of(run, placed.parts).removeprefix("platform.")


def _sources(run: Run) -> Iterator[FaultPlace]:
    for name, source in run.platform.sources.items():
        if source.rate:
            yield _burst(source, f"sources.{name}.rate", grows=True)
        elif source.every is not None:
            yield _burst(source, f"sources.{name}.every", grows=False)


def _burst(source: Source, key: str, grows: bool) -> FaultPlace:
    return Scaled(source.call, "burst", MOST, (key,), grows)


def _demand(run: Run) -> Iterator[FaultPlace]:
    users = run.platform.users
    if users is not None or any(source.follow_demand for source in run.platform.sources.values()):
        yield Scaled("demand", "more demand", MOST_DEMAND, ("demand.level",), grows=True)
    if users is not None and 0 < users.retry.probability < 1:
        how: How = "more retries"
        yield Scaled("users", how, -math.log2(users.retry.probability), ("users.retry.probability",), grows=True)


def _invalidations(run: Run) -> Iterator[FaultPlace]:
    """Endpoints that make many entries of a cache invalid."""
    own = {"user": "random"} if run.platform.users is not None else {}
    arrivals = tuple({**own, "item": "random"}.items())
    broad = (placed for placed in steps_of(run.platform) if isinstance(placed.step, Invalidate))
    endpoints = {f"{one.service}.{one.endpoint}": one for one in broad if one.step.scope != "key"}  # type: ignore[attr-defined]
    yield from (Invalidated(name, "invalidated", MOST_CALLS, arrivals) for name in endpoints)
