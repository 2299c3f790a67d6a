"""Rates at which endpoints are called, at a level of demand."""

from __future__ import annotations

from collections import defaultdict

from sfmodel.lint.durations import mean_s
from sfmodel.lint.subject import Subject
from sfmodel.plan.series import numbers
from sfmodel.schema.demand import Demand
from sfmodel.schema.users import SessionType


def peak_of(demand: Demand) -> float:
    """Return the highest demand of the curve, without its breathing; normal is the level itself."""
    if demand.points:
        return max(demand.points.values()) * demand.level
    if demand.sine is not None:
        return (1 + demand.sine.amplitude) * demand.level
    if demand.series is not None:
        return (demand.series.peak or _recorded_peak(demand)) * demand.level
    return demand.level


def _recorded_peak(demand: Demand) -> float:
    """Highest value over the mean of the whole recording: the mean of the normal hours is not looked up here."""
    assert demand.series is not None
    values = numbers(demand.series.file, demand.series.value, "demand.series.value")
    return float(values.max() / values.mean()) if values.any() else 1.0


def rates_per_s(subject: Subject, demand: float) -> dict[str, float]:
    """Return executions per second of each endpoint at a demand, nothing failing and nobody retrying."""
    rates: dict[str, float] = defaultdict(float)
    _add_users(subject, demand, rates)
    for source in subject.platform.sources.values():
        per_s = source.rate * (demand if source.follow_demand else 1.0) + (1 / source.every if source.every else 0.0)
        _add(subject, source.call, per_s * source.batch, rates)
    return rates


def _add_users(subject: Subject, demand: float, rates: dict[str, float]) -> None:
    users = subject.platform.users
    if users is None:
        return
    population = subject.run.users or users.population
    for kind in users.sessions.types.values():
        weights = sum(request.weight for request in kind.mix.values())
        per_s = users.sessions.rate * demand * kind.share * kind.requests
        if users.arrivals == "closed":
            between_s = cycle_s(subject, kind)
            per_s = population * kind.share / between_s if between_s else 0.0
        for request in kind.mix.values():
            _add(subject, request.call, per_s * request.weight / weights, rates)


def cycle_s(subject: Subject, kind: SessionType) -> float:
    """Return the mean time from one request of a session to the next: response, without queueing, and think time."""
    users = subject.platform.users
    assert users is not None
    weights = sum(request.weight for request in kind.mix.values())
    response_s = sum(r.weight * subject.visits[r.call].response_s for r in kind.mix.values()) / weights
    return mean_s(users.think) + (1 + users.stretch) * response_s


def _add(subject: Subject, target: str, per_s: float, rates: dict[str, float]) -> None:
    """Add executions of an endpoint and of everything it leads to."""
    if per_s <= 1e-12:
        return
    rates[target] += per_s
    visit = subject.visits[target]
    for callee, count in visit.calls.items():
        _add(subject, callee, per_s * count, rates)
    for queue, count in visit.published.items():
        service, _, name = queue.partition(".")
        found = subject.platform.services[service].queues[name]
        _add(
            subject,
            f"{service}.{found.handler}",
            per_s * count / _batch(per_s * count, found.batch, found.linger),
            rates,
        )


def _batch(per_s: float, most: int, linger_s: float) -> float:
    """Mean messages in a batch: as many as come while the first lingers."""
    return min(float(most), max(1.0, per_s * linger_s))
