"""The plan of a run: every array of parameters, the labels of the results, the sizes of what is allocated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError
from sfmodel.plan.arrivals import DemandCurves, Segments, source_arrays
from sfmodel.plan.demand import DAY_S
from sfmodel.plan.stretch import Stretch, make_stretch
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import segments

EVENTS_PER_REQUEST = 6.0
EVENTS_PER_TICK = 32.0


@dataclass
class Plan:
    """Flat arrays and labels; nothing in it is changed by a run."""

    arrays: dict[str, NDArray]
    """Parameters by the names of `advance`'s arguments, as they are at the beginning; sources and knots as they ever are."""
    stretches: list[Stretch]
    """The run between its changes."""
    labels: dict[str, list[str]]
    """Labels of the dataset's dimensions, of all that there ever is."""
    edges: list[tuple[str, str]]
    """Caller and callee of each call site."""
    behind: list[str]
    """Cache whose miss leads to each call site; of others empty."""
    kept_in: list[str]
    """Service whose memory each cache is kept in."""
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


def build_plan(run: Run, segments_of: Segments | None = None) -> Plan:
    """Compile a validated run.

    Parameters
    ----------
    run
        Validated, its references checked.
    segments_of
        (time_s, effective run) of each stretch between changes; by default computed.

    Raises
    ------
    ConfigError
        A file that cannot be used; a scenario that changes more than numbers.
    """
    found = segments(run) if segments_of is None else segments_of
    shift_s = days_before(run)
    demand = DemandCurves(found, run.seed)
    demand.check(run.start - run.warmup, run.until)
    stretches = list(_stretches(found, shift_s))
    platform, last = stretches[0].run.platform, stretches[-1]
    sources, highest = source_arrays(found, last.index)
    sources["knots"]["time"] += shift_s
    users = platform.users
    return Plan(
        arrays={**stretches[0].arrays, **sources}, stretches=stretches, labels=last.labels, edges=last.edges,
        behind=last.behind, kept_in=last.kept_in, columns=last.index.widths, tick_s=run.tick or _tick(highest),
        population=(run.users or users.population) if users else 1, items=run.items or platform.content.items,
        clusters=platform.content.clusters, begin_s=run.start - run.warmup + shift_s, start_s=run.start + shift_s,
        shift_s=shift_s, demand=demand, task_reserve=max(map(_in_a_script, stretches)) + _at_once(found),
    )  # fmt: skip


def _stretches(found: Segments, shift_s: float) -> Iterator[Stretch]:
    """Compile each stretch: one that is another platform goes on from the numbers of the one before."""
    last: Stretch | None = None
    for time_s, run in found:
        if last is None:
            new = make_stretch(time_s, run, shift_s)
        elif run.intervention.keys() != last.run.intervention.keys():
            new = make_stretch(time_s, run, shift_s, after=last)
        else:
            new = make_stretch(time_s, run, shift_s, like=last)
            _check_shapes(last, new)
        yield new
        last = new


def _check_shapes(last: Stretch, new: Stretch) -> None:
    """Refuse a scenario that adds or takes away a distribution, a recorded value, a slowdown."""
    other = [name for name, array in new.arrays.items() if array.shape != last.arrays[name].shape]
    if other:
        raise ConfigError(
            f"scenario.events: what changes at {new.time_s:g} s changes the number of {' and '.join(other)}; "
            "during a run numbers may change, not how many there are: switch options on and off in the platform"
        )


def _in_a_script(stretch: Stretch) -> int:
    """Tasks that one script may start at once, at most."""
    replicas = max(service.replicas for service in stretch.run.platform.services.values())
    return len(stretch.arrays["ops"]) + len(stretch.arrays["branches"]) + replicas


def _at_once(found: Segments) -> int:
    """Tasks that begin at the same moment, at most: a batch of a source, those of all consumers, of new servers."""
    most = 64
    for _, run in found:
        batches = [s.batch for s in run.platform.sources.values()]
        services = run.platform.services.values()
        consumers = [q.consumers for s in services for q in s.queues.values()]
        laws = [t.scaling or t.adaptive for s in services for t in s.stations.values()]
        servers = [law.max for law in laws if law is not None]
        most = max(most, max(batches, default=0) + sum(consumers) + max(servers, default=0) + 64)
    return most


def days_before(run: Run) -> float:
    """Seconds of the whole days by which the warm-up begins before day 1."""
    return DAY_S * float(np.ceil(max(0.0, run.warmup - run.start) / DAY_S))


def _tick(rate_per_s: float) -> float:
    """Width of a bucket with 16 to 32 events in it (measured: fewer or more cost up to 14 %): a power of two, s."""
    wanted = EVENTS_PER_TICK / max(1.0, rate_per_s * EVENTS_PER_REQUEST)
    return float(np.clip(2.0 ** np.floor(np.log2(wanted)), 2.0**-17, 2.0**-4))
