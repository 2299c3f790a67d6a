"""Measure and tell: values with what is wanted of them, simulations that go on step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sfmodel.engine import Simulation, prepare
from sfmodel.running import checked


@dataclass(frozen=True)
class Row:
    """One value of the table."""

    group: str
    what: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the value is as wanted; None where nothing is."""
        if self.least is None and self.most is None:
            return None
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def wanted(self) -> str:
        """What is wanted, in words."""
        bounds = [f"≥ {number(self.least)}"] if self.least is not None else []
        return ", ".join(bounds + ([f"≤ {number(self.most)}"] if self.most is not None else []))

    def as_dict(self) -> dict[str, Any]:
        return {
            "group": self.group, "what": self.what, "value": float(self.value), "unit": self.unit,
            "least": self.least, "most": self.most, "met": self.met,
        }  # fmt: skip


@dataclass
class Report:
    """All values of a run, in the order in which they were measured."""

    rows: list[Row] = field(default_factory=list)
    group: str = ""

    def add(self, what: str, value: float, unit: str, least: float | None = None, most: float | None = None) -> None:
        self.rows.append(Row(self.group, what, float(value), unit, least, most))

    def lines(self) -> list[str]:
        """Return the table as text."""
        met = {None: "", True: "yes", False: "NO"}
        cells = [("", "value", "unit", "wanted", "met")]
        cells += [(f"{r.group}: {r.what}", number(r.value), r.unit, r.wanted, met[r.met]) for r in self.rows]
        widths = [max(len(row[k]) for row in cells) for k in range(5)]
        return [
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}} {row[2]:<{widths[2]}}  {row[3]:<{widths[3]}}  {row[4]}".rstrip()
            for row in cells
        ]


def number(value: float) -> str:
    """Return four digits, with separators where there are thousands."""
    if abs(value) >= 1000:
        return f"{float(f'{value:.4g}'):,.0f}"
    return f"{value:.4g}"


def best_of(benchmark: Any, call: Callable[[], Any], rounds: int = 3, setup: Callable[[], Any] | None = None) -> float:
    """Shortest time of several rounds, in s; the first call, which compiles, is not among them."""
    seconds: list[float] = []

    def timed() -> None:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)

    if setup is not None:
        setup()
    call()
    benchmark.pedantic(timed, setup=setup, rounds=rounds, iterations=1)
    return min(seconds)


def composed(*overrides: str) -> dict[str, Any]:
    """Return the configuration of a platform of the repository, as a mapping."""
    from sfmodel.cli.compose import composed as compose

    return compose(list(overrides))


def prepared(mapping: Mapping[str, Any]) -> Simulation:
    """Return a simulation with compiled kernels, at the first moment of its warm-up."""
    simulation = prepare(checked(mapping))
    simulation.world.compile()
    return simulation


class Stepper:
    """A simulation that goes on step by step, so that two can take turns."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        """Bring the simulation to the end of its warm-up."""
        self.simulation = prepared(mapping)
        self.begin_seconds = _timed(self._begin)
        self.at_s = self.simulation.run.start
        self.warmup_seconds = _timed(self._advance)
        self.seconds = 0.0
        self.requests = 0
        self.events = 0

    def _begin(self) -> None:
        with np.errstate(over="ignore"):
            self.simulation.world.begin()

    def _advance(self) -> None:
        with np.errstate(over="ignore"):
            self.simulation.world.advance(self.at_s + self.simulation.plan.shift_s)

    def step(self, by_s: float) -> float:
        """Simulate so long; returns the time that it took."""
        requests, events = self.simulation.requests, self.simulation.events
        self.at_s += by_s
        seconds = _timed(self._advance)
        self.seconds += seconds
        self.requests += self.simulation.requests - requests
        self.events += self.simulation.events - events
        return seconds

    @property
    def per_request_ns(self) -> float:
        """Time of a request, in ns."""
        return 1e9 * self.seconds / self.requests

    @property
    def per_event_ns(self) -> float:
        """Time of an event, in ns."""
        return 1e9 * self.seconds / self.events


def take_turns(a: Stepper, b: Stepper, by_s: float, steps: int) -> list[float]:
    """Let two simulations take turns, so that whatever else the machine does slows both; returns a's time by b's of each."""
    return [a.step(by_s) / b.step(by_s) for _ in range(steps)]


def latencies(windows: list[dict[str, Any]], endpoint: int) -> tuple[float, float]:
    """Mean and 95 % quantile of an endpoint's durations, in s."""
    import xarray as xr

    from sfmodel.results.measures import quantile

    histogram = np.sum([window["endpoint_latency"][endpoint] for window in windows], axis=0)
    total = sum(window["endpoint_time"][endpoint] for window in windows)
    return float(total / histogram.sum()), float(quantile(xr.DataArray(histogram, dims="latency"), 0.95))


def _timed(call: Callable[[], Any]) -> float:
    """Processor time, which does not count what other processes take."""
    started = time.process_time()
    call()
    return time.process_time() - started
