"""The mean path through a script: how often it visits each station, endpoint and limiter, and how long it takes.

Nothing queues and nothing fails here: probabilities are followed, a lookup hits with the assumed ratio, handlers of
failures are left out. So loads are those of a healthy platform, and times are lower bounds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sfmodel.lint.durations import mean_s
from sfmodel.lint.hits import Hits
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.platform import Platform
from sfmodel.schema.steps import (
    Call,
    Choose,
    Fail,
    Fork,
    Hold,
    Invalidate,
    Lookup,
    Pass,
    Publish,
    Return,
    Send,
    Sleep,
    SlowedByCounter,
    Step,
    StepBase,
    Use,
)  # fmt: skip
from sfmodel.schema.walk import cache_named, endpoint_named

Counts = dict[str, float]


def _counts() -> Counts:
    return defaultdict(float)


@dataclass
class Visit:
    """What one execution of an endpoint does on average, its calls' own work not included."""

    work_s: Counts = field(default_factory=_counts)
    """station → seconds of service at speed 1."""
    held_s: Counts = field(default_factory=_counts)
    """station → seconds that a server is held, without queueing."""
    waiting_s: float = 0.0
    """Seconds in which a station is held while a call is waited for."""
    calls: Counts = field(default_factory=_counts)
    """service.endpoint → calls, waited for or not."""
    published: Counts = field(default_factory=_counts)
    """service.queue → messages."""
    passed: Counts = field(default_factory=_counts)
    """limiter → requests."""
    response_s: float = 0.0
    """Seconds from admission to reply, without queueing."""


@dataclass(frozen=True)
class _Way:
    """Where a walk is: with which probability, and holding what."""

    platform: Platform
    service: str
    hit: Hits
    memo: dict[str, Visit]
    visit: Visit


def visit_of(platform: Platform, name: str, hit: Hits, memo: dict[str, Visit]) -> Visit:
    """Return the mean execution of `service.endpoint`; needs a platform whose names are checked."""
    if name in memo:
        return memo[name]
    memo[name] = visit = Visit()
    endpoint = endpoint_named(platform, name)
    if endpoint is None:
        return visit
    way = _Way(platform, name.partition(".")[0], hit, memo, visit)
    _, visit.response_s = _walk(way, endpoint.steps, 1.0, held=endpoint.hold is not None)
    if endpoint.hold is not None:
        visit.held_s[endpoint.hold] += visit.response_s
    return visit


def _walk(way: _Way, steps: list[Step], probability: float, *, held: bool) -> tuple[float, float]:
    """Follow a list of steps entered with a probability; return (probability of going on behind it, mean seconds)."""
    seconds = 0.0
    for step in steps:
        if probability <= 0:
            break
        taken = probability * step.with_probability
        after, spent = _step(way, step, taken, held=held)
        probability = probability - taken + after
        seconds += spent
    return probability, seconds


def _step(way: _Way, step: StepBase, p: float, *, held: bool) -> tuple[float, float]:
    """Follow one step taken with probability p; seconds are weighted with it."""
    visit = way.visit
    if isinstance(step, Use):
        work_s = (mean_s(step.time) + step.per_message) * _slowdown(way.platform, step)
        visit.work_s[step.use] += p * work_s
        return p, p * work_s / _speed(way, step.use)
    if isinstance(step, Hold):
        after, seconds = _walk(way, step.do, p, held=True)
        visit.held_s[step.hold] += seconds
        return after, seconds
    if isinstance(step, Sleep):
        return p, p * mean_s(step.sleep)
    if isinstance(step, Return | Fail):
        return 0.0, 0.0
    if isinstance(step, Choose):
        return _sum(_walk(way, branch.do, p * branch.probability, held=held) for branch in step.choose)
    if isinstance(step, Fork):
        return p, max(_walk(way, branch, p, held=False)[1] for branch in step.fork)
    if isinstance(step, Lookup):
        return _lookup(way, step, p, held=held)
    if isinstance(step, Call):
        spent = _called(way, step, p, held=held)
        after, seconds = _walk(way, step.on_ok or [], p, held=held)
        return after, seconds + spent
    if isinstance(step, Send):
        visit.calls[step.send] += p
    if isinstance(step, Publish):
        visit.published[step.publish] += p
    if isinstance(step, Pass):
        visit.passed[step.pass_] += p
    return p, _called(way, step, p, held=held)


def _lookup(way: _Way, step: Lookup, p: float, *, held: bool) -> tuple[float, float]:
    spent = _called(way, step, p, held=held)
    hit = way.hit.of(way.service, step.lookup)
    after, seconds = _sum(
        [
            _walk(way, step.on_hit, p * hit, held=held),
            _walk(way, step.on_miss, p * (1 - hit), held=held),
        ]
    )
    return after, seconds + spent


def _called(way: _Way, step: StepBase, p: float, *, held: bool) -> float:
    """Count the calls a step waits for and return their mean seconds."""
    seconds = 0.0
    for waited in waited_calls(way.platform, way.service, step):
        copies = _copies(way, step, waited.target)
        way.visit.calls[waited.target] += p * copies
        seconds += p * call_s(way.platform, waited.target, step, way.hit, way.memo)
    if held:
        way.visit.waiting_s += seconds
    return seconds


def _copies(way: _Way, step: StepBase, target: str) -> int:
    """An invalidation goes to every replica of its store."""
    return way.platform.services[target.partition(".")[0]].replicas if isinstance(step, Invalidate) else 1


def call_s(platform: Platform, target: str, step: StepBase, hit: Hits, memo: dict[str, Visit]) -> float:
    """Return the mean seconds of a waited call without queueing: there, the work, and back."""
    own = step.network if isinstance(step, Call) else None
    network_s = platform.network if own is None else own
    seconds = 2 * network_s + visit_of(platform, target, hit, memo).response_s
    bounds = [b for b in (step.timeout, step.deadline) if b is not None] if isinstance(step, Call) else []
    return min([seconds, *bounds])


def _sum(ways: object) -> tuple[float, float]:
    pairs = list(ways)  # type: ignore[call-overload]
    return sum(after for after, _ in pairs), sum(seconds for _, seconds in pairs)


def _speed(way: _Way, station: str) -> float:
    return way.platform.services[way.service].stations[station].speed


def _slowdown(platform: Platform, step: Use) -> float:
    """Slowdown by counters, at their start."""
    factor = 1.0
    for slow in step.slowed_by:
        if isinstance(slow, SlowedByCounter):
            start = platform.counters[slow.counter].start
            factor *= (start / slow.reference) ** slow.exponent if start > 0 else 1.0
    return factor


def timeout_of(platform: Platform, service: str, step: StepBase) -> float | None:
    """Return the seconds after which the caller gives up waiting for one step; None where it never does."""
    if isinstance(step, Call):
        bounds = [bound for bound in (step.timeout, step.deadline) if bound is not None]
        return min(bounds, default=None)
    for verb in ("lookup", "store", "invalidate"):
        if hasattr(step, verb):
            cache = cache_named(platform, service, getattr(step, verb))
            return cache.timeout if cache else None
    return None
