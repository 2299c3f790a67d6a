"""The plan of a run: every array of parameters, the labels of the results, the sizes of what is allocated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfkernels.records import VERSION
from sfmodel.errors import ConfigError
from sfmodel.plan.arrivals import DemandCurves, Segments, source_arrays
from sfmodel.plan.demand import DAY_S
from sfmodel.plan.durations import Durations
from sfmodel.plan.index import Index
from sfmodel.plan.items import endpoints_about_items
from sfmodel.plan.scripts import Scripts
from sfmodel.plan.things import cache_arrays, endpoint_array, queue_array, service_arrays, site_arrays, user_arrays
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import segments

EVENTS_PER_REQUEST = 6.0
EVENTS_PER_TICK = 32.0


@dataclass
class Plan:
    """Flat arrays and labels; nothing in it is changed by a run."""

    arrays: dict[str, NDArray]
    """Parameters by the names of `advance`'s arguments."""
    labels: dict[str, list[str]]
    """Labels of the dataset's dimensions."""
    edges: list[tuple[str, str]]
    """Caller and callee of each call site."""
    columns: dict[str, int]
    """8-byte columns per user, item and cluster."""
    population: int
    items: int
    clusters: int
    tick_s: float
    shift_s: float
    """Whole days added to every time in the world, so that none is negative."""
    begin_s: float
    """First moment, in the world's time."""
    start_s: float
    """Begin of the measurement, in the world's time."""
    demand: DemandCurves
    task_reserve: int
    """Tasks that one event may start, at most."""


def build_plan(run: Run, stretches: Segments | None = None) -> Plan:
    """Compile a validated run.

    Parameters
    ----------
    run
        Validated, its references checked.
    stretches
        (time_s, effective run) of each stretch between scenario events; by default computed.

    Raises
    ------
    ConfigError
        A file that cannot be used; a scenario that changes more than numbers.
    """
    stretches = segments(run) if stretches is None else stretches
    effective = stretches[0][1]
    shift_s = days_before(run)
    platform = effective.platform
    index = Index(platform)
    demand = DemandCurves(stretches, run.seed)
    demand.check(run.start - run.warmup, run.until)
    arrays, labels, edges, columns, reserve = _parameters(effective, index, shift_s)
    _check_shapes(arrays, stretches)
    sources, highest = source_arrays(stretches, index)
    sources["knots"]["time"] += shift_s
    arrays.update(sources)
    arrays["versions"] = np.zeros(max(1, len(index.caches)) * platform.content.clusters, VERSION)
    users = platform.users
    return Plan(
        arrays=arrays, labels=labels, edges=edges, columns=columns, tick_s=run.tick or _tick(highest),
        population=(run.users or users.population) if users else 1, items=run.items or platform.content.items,
        clusters=platform.content.clusters, begin_s=run.start - run.warmup + shift_s, start_s=run.start + shift_s,
        shift_s=shift_s, demand=demand, task_reserve=reserve + _at_once(stretches),
    )  # fmt: skip


def _check_shapes(arrays: dict[str, NDArray], stretches: Segments) -> None:
    """Refuse a scenario that adds or takes away a distribution, a recorded value, a slowdown."""
    for time_s, run in stretches[1:]:
        fresh = build_parameters(run)
        other = [name for name, array in fresh.items() if array.shape != arrays[name].shape]
        if other:
            raise ConfigError(
                f"scenario.events: what changes at {time_s:g} s changes the number of {' and '.join(other)}; "
                "during a run numbers may change, not how many there are: switch options on and off in the platform"
            )


def _at_once(stretches: Segments) -> int:
    """Tasks that begin at the same moment, at most: a batch of a source, those of all consumers, of new servers."""
    most = 64
    for _, run in stretches:
        batches = [s.batch for s in run.platform.sources.values()]
        services = run.platform.services.values()
        consumers = [q.consumers for s in services for q in s.queues.values()]
        servers = [t.scaling.max for s in services for t in s.stations.values() if t.scaling is not None]
        most = max(most, max(batches, default=0) + sum(consumers) + max(servers, default=0) + 64)
    return most


def build_parameters(run: Run) -> dict[str, NDArray]:
    """Arrays of the parameters that a scenario may change."""
    return _parameters(run, Index(run.platform), days_before(run))[0]


def days_before(run: Run) -> float:
    """Seconds of the whole days by which the warm-up begins before day 1."""
    return DAY_S * float(np.ceil(max(0.0, run.warmup - run.start) / DAY_S))


def _parameters(
    run: Run, index: Index, shift_s: float
) -> tuple[dict[str, NDArray], dict[str, list[str]], list[tuple[str, str]], dict[str, int], int]:
    platform = run.platform
    durations = Durations()
    scripts = Scripts(platform, index, durations)
    starts = [
        scripts.compile(service, name, endpoint)
        for service, owner in platform.services.items()
        for name, endpoint in owner.endpoints.items()
    ]
    arrays = scripts.arrays()
    begin_s = run.start - run.warmup + shift_s
    arrays.update(service_arrays(platform, index, durations, begin_s))
    arrays.update(site_arrays(platform, index, scripts.sites, begin_s, shift_s))
    caches, columns = cache_arrays(platform, index, shift_s)
    arrays.update(caches)
    arrays["queues"] = queue_array(platform, index)
    uses_item = endpoints_about_items(platform, index)
    arrays["endpoints"] = endpoint_array(index, starts, uses_item)
    arrays.update(user_arrays(run, index, durations, uses_item))
    arrays["durations"], arrays["values"] = durations.arrays()
    arrays["totals"] = np.array([c.start for c in platform.counters.values()] or [0.0])
    labels = {
        "service": index.services, "endpoint": index.endpoints, "station": index.stations,
        "call": [site.label for site in scripts.sites], "cache": index.caches, "limiter": index.limiters,
        "queue": index.queues, "request": index.requests,
    }  # fmt: skip
    edges = [(site.label.split(">", 1)[0], site.target) for site in scripts.sites]
    in_a_script = len(scripts.ops) + len(scripts.branches) + max(s.replicas for s in platform.services.values())
    return arrays, labels, edges, columns, in_a_script


def _tick(rate_per_s: float) -> float:
    """Width of a bucket with 16 to 32 events in it (measured: fewer or more cost up to 14 %): a power of two, s."""
    wanted = EVENTS_PER_TICK / max(1.0, rate_per_s * EVENTS_PER_REQUEST)
    return float(np.clip(2.0 ** np.floor(np.log2(wanted)), 2.0**-17, 2.0**-4))
