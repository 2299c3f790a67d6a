"""What is configured and never used: often a name that was meant elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from sfmodel.lint.durations import written
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.steps import Call, Hold, Invalidate, Pass, Publish, Send, SlowedByStation, Use
from sfmodel.schema.walk import endpoints_of, steps_of


def check(subject: Subject) -> Section:
    """Name the stations, limiters, queues and endpoints that nothing uses, and what can have no effect."""
    used = _used(subject)
    lines = []
    for service, found in subject.platform.services.items():
        for kind in ("stations", "limiters", "queues", "endpoints"):
            for name in getattr(found, kind):
                if (kind, f"{service}.{name}") not in used:
                    lines.append(f"platform.services.{service}.{kind}.{name}: nothing uses it")
    lines += [*_out_of_reach(subject), *_never_stale(subject)]
    return Section("Unused", lines, nothing="none")


def _out_of_reach(subject: Subject) -> Iterator[str]:
    for placed in steps_of(subject.platform):
        step = placed.step
        if not isinstance(step, Call) or step.breaker is None or step.breaker.slow is None or step.timeout is None:
            continue
        if step.breaker.slow >= step.timeout:
            key, waited = subject.key((*placed.parts, "breaker", "slow")), written(step.timeout)
            yield f"{key}: no reply takes {written(step.breaker.slow)}, since the call waits {waited}"


def _never_stale(subject: Subject) -> Iterator[str]:
    for placed in steps_of(subject.platform):
        step = placed.step
        if isinstance(step, Invalidate) and step.soft:
            service, _, name = step.invalidate.rpartition(".")
            if subject.platform.services[service or placed.service].caches[name].stale_for == 0:
                yield f"{subject.key((*placed.parts, 'soft'))}: nothing is served stale, since {name} has no stale_for"


def _used(subject: Subject) -> set[tuple[str, str]]:
    used = {("endpoints", entry) for entry in subject.entries}
    for service, _, endpoint in endpoints_of(subject.platform):
        if endpoint.hold is not None:
            used.add(("stations", f"{service}.{endpoint.hold}"))
    for placed in steps_of(subject.platform):
        used |= set(_by_step(subject, placed.service, placed.step))
    for found in subject.platform.services.values():
        for cache in found.caches.values():
            used |= {("endpoints", name) for name in (cache.read, cache.write, cache.invalidate) if name}
    return used


def _by_step(subject: Subject, service: str, step: object) -> Iterator[tuple[str, str]]:
    if isinstance(step, Use):
        yield "stations", f"{service}.{step.use}"
        yield from (("stations", f"{service}.{s.station}") for s in step.slowed_by if isinstance(s, SlowedByStation))
    elif isinstance(step, Hold):
        yield "stations", f"{service}.{step.hold}"
    elif isinstance(step, Pass):
        yield "limiters", f"{service}.{step.pass_}"
    elif isinstance(step, Publish):
        yield "queues", step.publish
    elif isinstance(step, Send):
        yield "endpoints", step.send
    for waited in waited_calls(subject.platform, service, step):  # type: ignore[arg-type]
        yield "endpoints", waited.target
