"""Offered load of each station and limiter at normal and at peak demand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sfmodel.lint.demand import peak_of, rates_per_s
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.limiters import Limiter
from sfmodel.schema.stations import Station

HIGH = 0.8
"""Utilisation above which queues of random arrivals grow long."""
ROUNDS = 50
"""Rounds of the fixed point between load and contention."""


@dataclass(frozen=True)
class Row:
    """Load of one station or limiter."""

    name: str
    """service.station or service.limiter."""
    key: str
    """Of its capacity."""
    capacity: float
    normal: float
    peak: float
    refuses: bool = False
    """Whether it is a limiter that turns away what is too much."""

    @property
    def is_overloaded(self) -> bool:
        """Whether what comes at peak can never be served."""
        return self.peak > 0 and self.peak >= self.capacity and not self.refuses

    def line(self, width: int) -> str:
        """Return the row as it is printed."""
        loads = f"{self.name:<{width}}  {_short(self.normal):>6}  {_short(self.peak):>6}"
        if self.capacity == math.inf:
            return f"{loads}  of unlimited"
        normal, peak = self.share(self.normal), self.share(self.peak)
        word = "REFUSES" if self.refuses else "OVERLOADED"
        mark = word if peak >= 1 else "high" if peak >= HIGH else ""
        return f"{loads}  of {_short(self.capacity):<6} {normal:>5.0%} {peak:>5.0%}  {mark}".rstrip()

    def share(self, load: float) -> float:
        """Return a load as a share of the capacity."""
        return load / self.capacity if self.capacity else math.inf if load else 0.0


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 999.5 else f"{number:.3g}"


def check(subject: Subject) -> Section:
    """Return the load of every station and platform-wide limiter."""
    rows = rows_of(subject)
    width = max((len(row.name) for row in rows), default=0)
    level, peak = subject.run.demand.level, peak_of(subject.run.demand)
    head = f"{'':<{width}}  {'normal':>6}  {'peak':>6}  capacity  normal  peak"
    notes = [
        f"assumed: {subject.hit} (--hit), nothing queues, fails or is retried; "
        f"demand {level:.3g} is normal and {peak:.3g} is peak",
        "servers busy on average, waiting holders included; limiters in requests per second",
        "their keys: platform.services.SERVICE.stations.STATION.servers and ….limiters.LIMITER.rate or .limit",
    ]
    notes += [f"not counted: {', '.join(left_out)}"] if (left_out := list(_left_out(subject))) else []
    faults = [
        f"{row.name} is overloaded: at peak {_short(row.peak)} of {_short(row.capacity)}, {row.share(row.peak):.0%} "
        f"({row.key})"
        for row in rows
        if row.is_overloaded
    ]
    return Section("Offered load", [head, *(row.line(width) for row in rows)], notes=notes, faults=faults)


def _left_out(subject: Subject) -> Iterator[str]:
    """Arrivals that have no rate: those at listed or recorded times, and bursts."""
    for name, source in subject.platform.sources.items():
        what = {"at": bool(source.at), "file": source.file is not None, "spikes": bool(source.spikes)}
        yield from (f"platform.sources.{name}.{key}" for key, is_given in what.items() if is_given)


def rows_of(subject: Subject) -> list[Row]:
    """Return the rows of all stations, then of all limiters that are one for the whole platform."""
    demands = (subject.run.demand.level, peak_of(subject.run.demand))
    normal, peak = (rates_per_s(subject, demand) for demand in demands)
    rows: list[Row] = []
    for service, found in subject.platform.services.items():
        up = max(found.replicas - len(set(found.down)), 0)
        for name, station in found.stations.items():
            low, high = (_station_load(subject, service, name, station, rates, up) for rates in (normal, peak))
            key = f"platform.services.{service}.stations.{name}.servers"
            rows.append(Row(f"{service}.{name}", key, _servers(station) * up, low, high))
    for service, found in subject.platform.services.items():
        for name, limiter in found.limiters.items():
            if limiter.key is None:
                low, high = (_passed(subject, service, name, rates) for rates in (normal, peak))
                key = f"platform.services.{service}.limiters.{name}.{'limit' if limiter.rate is None else 'rate'}"
                refuses = limiter.when_full == "refuse" or limiter.max_wait is not None
                rows.append(Row(f"{service}.{name}", key, _rate(limiter), low, high, refuses))
    return rows


def _servers(station: Station) -> float:
    return math.inf if station.servers == "unlimited" else float(station.servers)


def _rate(limiter: Limiter) -> float:
    return limiter.rate if limiter.rate is not None else (limiter.limit or 0) / (limiter.window or 1.0)


def _station_load(
    subject: Subject, service: str, name: str, station: Station, rates: dict[str, float], replicas: int
) -> float:
    """Mean servers busy in all replicas: work with its contention, holds, and the waiting holders' share."""
    work = held = waiting = 0.0
    for endpoint in subject.platform.services[service].endpoints:
        visit, per_s = subject.visits[f"{service}.{endpoint}"], rates.get(f"{service}.{endpoint}", 0.0)
        work += per_s * visit.work_s.get(name, 0.0) / station.speed
        held += per_s * visit.held_s.get(name, 0.0)
        waiting += per_s * visit.waiting_s
    return _contended(work, station, max(replicas, 1)) + held + station.waiting_cost * waiting


def _contended(work: float, station: Station, replicas: int) -> float:
    """Work × f(n) with n the mean number in service of a replica, by the Universal Scalability Law."""
    serial, crosstalk = station.contention.serial, station.contention.crosstalk
    load = work
    for _ in range(ROUNDS):
        n = max(min(load / replicas + 1, _servers(station)), 1.0)  # an arrival counts itself
        load = work * (1 + serial * (n - 1) + crosstalk * n * (n - 1))
    return load


def _passed(subject: Subject, service: str, name: str, rates: dict[str, float]) -> float:
    return sum(
        rates.get(f"{service}.{endpoint}", 0.0) * subject.visits[f"{service}.{endpoint}"].passed.get(name, 0.0)
        for endpoint in subject.platform.services[service].endpoints
    )
