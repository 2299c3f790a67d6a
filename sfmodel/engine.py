"""One run: windows of simulated time, one after another, each handed to an observer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfmodel.changing import change
from sfmodel.plan import Plan, build_plan
from sfmodel.plan.arrivals import Segments
from sfmodel.plan.stretch import Stretch
from sfmodel.provenance import provenance
from sfmodel.readings import Readings
from sfmodel.schema.run import Run
from sfmodel.world import World, check_memory

Values = Mapping[str, NDArray]
Observer = Callable[[int, float, Values], None]
REPORT_EVERY_S = 60.0
"""Simulated time between two reports of how far the warm-up is, s."""


@dataclass
class Simulation:
    """A run under way: its plan, its world, what it has cost."""

    run: Run
    plan: Plan
    world: World
    wall_seconds: float = 0.0
    """Time in the kernels."""
    compile_seconds: float = 0.0
    """Time to compile the kernels, or to load their machine code."""
    windows: int = 0
    """Windows that were measured."""
    restored_s: float | None = None
    """From when on it is simulated, s since midnight, where it goes on from a world that was kept; none: from its beginning."""
    recorded: Iterable[tuple[Values, Stretch]] = ()
    """Values of the windows before that, and the stretch by which they are labelled."""
    counts_before: tuple[int, int] = field(init=False)
    """Requests and events before it went on."""
    to_come: list[Stretch] = field(init=False)
    """Stretches that have not begun."""
    readings: Readings = field(init=False)
    provenance: dict[str, Any] = field(init=False)
    """What it is made of, as it was at the beginning: it may be changed before the run ends."""

    def __post_init__(self) -> None:
        """Read the meters of this world."""
        self.provenance = provenance(self.run.written)
        self.readings = Readings(self.plan, self.world)
        self.counts_before = self.counts
        self.to_come = self.plan.stretches[self.plan.stretches.index(self.world.stretch) + 1 :]

    @property
    def counts(self) -> tuple[int, int]:
        """Requests and events so far."""
        return self.requests, self.events

    @property
    def events(self) -> int:
        """Events so far."""
        return int(self.world.arrays["clock"]["events"][0])

    @property
    def spans(self) -> NDArray:
        """Spans of the sampled requests, in the order in which they ended; times since midnight of day 1, replicas
        counted within their service."""
        spans = self.world.arrays["spans"][: int(self.world.arrays["clock"]["span_count"][0])].copy()
        for field_name in ("start", "arrived", "ended"):
            spans[field_name] -= self.plan.shift_s
        arrays = self.world.arrays
        spans["replica"] -= arrays["services"]["replica"][arrays["endpoints"]["service"][spans["endpoint"]]]
        return spans

    @property
    def spans_lost(self) -> int:
        """Spans of sampled requests that came after the limit was reached."""
        return int(self.world.arrays["clock"]["spans_lost"][0])

    @property
    def counter_totals(self) -> dict[str, float]:
        """Running totals of the platform's counters that do not begin at 0."""
        totals = dict(zip(self.world.stretch.index.counters, self.world.arrays["totals"].tolist(), strict=False))
        return {name: totals[name] for name, counter in self.run.platform.counters.items() if counter.start}

    @property
    def requests(self) -> int:
        """Requests so far: of users and of sources."""
        return int(self.world.arrays["clock"]["requests"][0])


def planned(run: Run, segments_of: Segments | None = None) -> Plan:
    """Plan a validated run, or some of its stretches.

    Raises
    ------
    ConfigError
        A file that cannot be used.
    RunError
        Not enough memory; nothing was allocated.
    """
    plan = build_plan(run, segments_of)
    check_memory(plan)
    return plan


def begun(run: Run, plan: Plan) -> Simulation:
    """A run at its beginning: its world is allocated."""
    return Simulation(run, plan, World(plan, run.seed, run.trace.one_in, run.trace.limit))


def prepare(run: Run) -> Simulation:
    """Plan a validated run and allocate its world; raises as `planned` does."""
    return begun(run, planned(run))


def simulate(
    simulation: Simulation,
    observe: Observer | None = None,
    warming: Callable[[float], None] | None = None,
    until_s: float | None = None,
) -> None:
    """Run from the beginning of the warm-up, or from where it goes on, to the end.

    `observe(k, end_s, values)` is called after each window, with the values of every variable of the
    registry; `warming(time_s)` now and then before the first. Both may raise to stop. `until_s` (s since midnight, the edge of
    a window) ends it before.
    """
    run, world = simulation.run, simulation.world
    started = time.perf_counter()
    world.compile()
    simulation.compile_seconds = time.perf_counter() - started
    edges = window_edges(run)
    if until_s is not None:
        edges = edges[edges <= until_s]
    with np.errstate(over="ignore"):
        if simulation.restored_s is None:
            _warm_up(simulation, warming)
        elif observe is not None:
            for k, (values, stretch) in enumerate(simulation.recorded):
                observe(k, edges[k + 1], simulation.readings.as_now(values, stretch))
        simulation.readings.reset()
        for k in range(simulation.windows, len(edges) - 1):
            _until(simulation, edges[k + 1])
            values = simulation.readings.take(edges[k], edges[k + 1])
            simulation.windows = k + 1
            if observe is not None:
                observe(k, edges[k + 1], values)


def _warm_up(simulation: Simulation, warming: Callable[[float], None] | None) -> None:
    run = simulation.run
    started = time.perf_counter()
    simulation.world.begin()
    simulation.wall_seconds += time.perf_counter() - started
    if warming is not None:
        for time_s in np.arange(run.start - run.warmup, run.start, REPORT_EVERY_S):
            _advance(simulation, time_s)
            warming(time_s)
    _until(simulation, run.start)
    if warming is not None:
        warming(run.start)


def window_edges(run: Run) -> NDArray[np.float64]:
    """Edges of the windows; the last window may be shorter."""
    count = int(np.ceil((run.until - run.start) / run.window - 1e-9))
    return np.append(run.start + run.window * np.arange(count), run.until) if count else np.array([run.start])


def _until(simulation: Simulation, time_s: float) -> None:
    """Advance to the end of a window."""
    _advance(simulation, time_s)
    started = time.perf_counter()
    simulation.world.close_window()
    simulation.wall_seconds += time.perf_counter() - started


def _advance(simulation: Simulation, time_s: float) -> None:
    """Advance to a time, with the changes on the way."""
    started = time.perf_counter()
    shift_s, to_come = simulation.plan.shift_s, simulation.to_come
    while to_come and to_come[0].time_s < time_s:
        simulation.world.advance(to_come[0].time_s + shift_s)
        change(simulation.world, to_come.pop(0))
    simulation.world.advance(time_s + shift_s)
    simulation.wall_seconds += time.perf_counter() - started


__all__ = ["Simulation", "names", "prepare", "simulate", "window_edges"]
