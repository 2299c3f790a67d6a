"""Who waits for whom: the calls a script waits for, and the stations it queues for while it holds others.

Two mistakes can only be seen in this graph, and both would hang a simulation:

- *recursion*: an endpoint that waits for itself, directly or through others;
- *a cycle of holds*: a task keeps a server of X while it queues for Y, another keeps Y and queues for X.
  When all servers of both are kept in this way nobody ever goes on. A timeout, a patience or a queue
  that turns tasks away ends the waiting, so only cycles without any are refused; the others are
  reported by `sfmodel lint`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sfmodel.schema.platform import Platform
from sfmodel.schema.steps import Call, Fork, Hold, Invalidate, Lookup, StepBase, Store, Use
from sfmodel.schema.walk import Parts, blocks_of, cache_named, endpoint_named, endpoint_parts, endpoints_of

StationName = tuple[str, str]
Node = TypeVar("Node", bound=Hashable)


CACHE_CALLS = (
    (Lookup, "lookup", "read"),
    (Store, "store", "write"),
    (Invalidate, "invalidate", "invalidate"),
)
"""Step, its verb, and the cache's option that names the endpoint called by it."""


@dataclass(frozen=True)
class Waited:
    """One endpoint that a step calls and waits for."""

    target: str
    """service.endpoint"""
    bounded: bool
    """Whether a timeout or deadline ends the waiting."""


@dataclass(frozen=True)
class Acquired:
    """A station that a script queues for, by itself or through calls it waits for."""

    station: StationName
    bounded: bool
    """Whether something ends the waiting: a timeout on the way, patience, or a queue with no places."""
    parts: Parts
    """Path of the step, in the script looked at, that leads there."""


@dataclass(frozen=True)
class Waiting:
    """A server of `held` is kept while `wanted` is queued for."""

    held: StationName
    wanted: StationName
    bounded: bool
    parts: Parts


def waited_calls(platform: Platform, service: str, step: StepBase) -> list[Waited]:
    """Return the endpoints a step waits for; those that do not exist are left to the check of names."""
    if isinstance(step, Call):
        return [Waited(step.call, step.timeout is not None or step.deadline is not None)]
    for kind, verb, option in CACHE_CALLS:
        if isinstance(step, kind):
            cache = cache_named(platform, service, getattr(step, verb))
            target = getattr(cache, option) if cache else None
            return [Waited(target, cache.timeout is not None)] if cache and target else []
    return []


def waited_by_endpoint(platform: Platform) -> dict[str, dict[str, Parts]]:
    """Return, for each endpoint, the endpoints its script waits for and the step that calls them."""
    graph: dict[str, dict[str, Parts]] = {}
    for service, name, endpoint in endpoints_of(platform):
        found: dict[str, Parts] = {}
        for parts, step in _all_steps(endpoint.steps, (*endpoint_parts(service, name), "steps")):
            for waited in waited_calls(platform, service, step):
                found.setdefault(waited.target, parts)
        graph[f"{service}.{name}"] = found
    return graph


def waitings(platform: Platform) -> list[Waiting]:
    """Return every 'keeps X while queueing for Y' of the platform."""
    found: list[Waiting] = []
    memo: dict[str, list[Acquired]] = {}
    for service, name, endpoint in endpoints_of(platform):
        parts = endpoint_parts(service, name)
        inside = (*parts, "steps")
        if endpoint.hold is not None:
            held = (service, endpoint.hold)
            found += _while_held(held, _acquired(platform, service, endpoint.steps, inside, memo))
        for step_parts, step in _all_steps(endpoint.steps, inside):
            if isinstance(step, Hold):
                held = (service, step.hold)
                found += _while_held(held, _acquired(platform, service, step.do, (*step_parts, "do"), memo))
    return found


def first_cycle(graph: Mapping[Node, Mapping[Node, Parts]]) -> list[tuple[Node, Node, Parts]]:
    """Return the edges (from, to, path) of one cycle, in order; nothing where there is none."""
    done: set[Node] = set()
    for start in graph:
        cycle = _cycle_from(start, graph, done)
        if cycle:
            return cycle
    return []


def _cycle_from(
    start: Node, graph: Mapping[Node, Mapping[Node, Parts]], done: set[Node]
) -> list[tuple[Node, Node, Parts]]:
    """Depth-first search with the path as a stack."""
    trail: list[tuple[Node, Node, Parts]] = []
    on_trail = [start]
    todo = [iter(graph.get(start, {}).items())]
    while todo:
        edge = next(todo[-1], None)
        if edge is None:
            todo.pop()
            done.add(on_trail.pop())
            if trail:
                trail.pop()
            continue
        target, parts = edge
        if target in on_trail:
            return [*trail[on_trail.index(target) :], (on_trail[-1], target, parts)]
        if target not in done:
            trail.append((on_trail[-1], target, parts))
            on_trail.append(target)
            todo.append(iter(graph.get(target, {}).items()))
    return []


def _while_held(held: StationName, acquired: list[Acquired]) -> list[Waiting]:
    return [Waiting(held, one.station, one.bounded, one.parts) for one in acquired]


def _acquired(
    platform: Platform, service: str, steps: list[Any], parts: Parts, memo: dict[str, list[Acquired]]
) -> list[Acquired]:
    """Stations queued for by these steps, and by what they wait for; needs a graph without recursion."""
    found: dict[tuple[StationName, bool], Acquired] = {}
    for step_parts, step in _all_steps(steps, parts):
        station = step.use if isinstance(step, Use) else step.hold if isinstance(step, Hold) else None
        if station is not None:
            _note(found, platform, (service, station), False, step_parts)
        for waited in waited_calls(platform, service, step):
            for one in _acquired_by(platform, waited.target, memo):
                _note(found, platform, one.station, one.bounded or waited.bounded, step_parts)
    return list(found.values())


def _acquired_by(platform: Platform, target: str, memo: dict[str, list[Acquired]]) -> list[Acquired]:
    """Stations queued for by an endpoint, its own hold included."""
    if target not in memo:
        service, _, name = target.partition(".")
        endpoint = endpoint_named(platform, target)
        memo[target] = []
        if endpoint is not None:
            own: dict[tuple[StationName, bool], Acquired] = {}
            if endpoint.hold is not None:
                _note(own, platform, (service, endpoint.hold), False, endpoint_parts(service, name))
            inside = (*endpoint_parts(service, name), "steps")
            memo[target] = [*own.values(), *_acquired(platform, service, endpoint.steps, inside, memo)]
    return memo[target]


def _note(
    found: dict[tuple[StationName, bool], Acquired], platform: Platform, name: StationName, bounded: bool, parts: Parts
) -> None:
    station = platform.services[name[0]].stations.get(name[1])
    if station is None or station.servers == "unlimited":
        return
    ends = bounded or station.patience is not None or station.queue == 0
    found.setdefault((name, ends), Acquired(name, ends, parts))


def _all_steps(steps: list[Any], parts: Parts) -> Iterator[tuple[Parts, StepBase]]:
    for index, step in enumerate(steps):
        here = (*parts, str(index))
        yield here, step
        for sub, inner in blocks_of(step):
            yield from _all_steps(inner, (*here, *sub))


def deepest_hold(steps: list[Any], depth: int = 0) -> int:
    """Return how many holds are nested at most; a branch of a fork is a task of its own and starts anew."""
    deepest = depth
    for step in steps:
        for _, inner in blocks_of(step):
            below = 0 if isinstance(step, Fork) else depth
            is_body = isinstance(step, Hold) and inner is step.do
            deepest = max(deepest, deepest_hold(inner, below + is_body))
    return deepest
