"""Runs of which every request is traced, and the critical path of each by another way than the product's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import xarray as xr

from sfmodel.diagnosis.critical_path import Part, own_parts
from sfmodel.diagnosis.timelines import SLACK_NS, Traces
from sfmodel.diagnosis.waits import Waits
from sfmodel.engine import prepare, simulate, window_edges
from sfmodel.paths.requests import read_spans
from sfmodel.results.recorder import Recorder
from sfmodel.results.traces import write_traces
from sfmodel.results.variables import declare
from sfmodel.running import checked


def traced(mapping: Mapping[str, Any], folder: Path, one_in: int = 1) -> tuple[xr.Dataset, pl.DataFrame]:
    """Simulate, trace, and read the dataset and the spans; traces are written to a folder, and read as a command would."""
    run = checked({**mapping, "trace": {"one_in": one_in}})
    simulation = prepare(run)
    recorder = Recorder(simulation.plan.labels, run.start, run.window, len(window_edges(run)) - 1, {})
    edges = list(zip(*simulation.plan.edges, strict=True))
    for name, labels in zip(("edge_from", "edge_to"), edges, strict=False):
        recorder.add(name, ["call"], list(labels), {})
    declared = declare(simulation.plan.labels, {})

    def record(k: int, end_s: float, values: Mapping[str, Any]) -> None:
        recorder.record(k, {name: values[name] for name in declared})

    simulate(simulation, record)
    ds = recorder.finish({"config": dict(run.written), "seed": run.seed, "window_s": run.window})
    folder.mkdir(parents=True, exist_ok=True)
    write_traces(simulation.spans, simulation.plan.labels, folder)
    return ds, read_spans(folder)


def swept(traces: Traces, waits: Waits, root: int) -> Counter[Part]:
    """What a request is made of, forwards: between any two moments at which something happens, whom does it wait for?

    From the request down: a task that no call is open of does its own; else it waits for one of the open calls, that which
    the task will wait for longest, and this one is asked.
    """
    moments = sorted({moment for k in _below(traces, root) for moment in _moments(traces, k)})
    own: Counter[int] = Counter()
    parts: Counter[Part] = Counter()
    for begins, ends in pairwise(moments):
        if traces.start[root] <= begins < traces.ended[root]:
            _ask(traces, root, traces.ended[root], begins, ends, own, parts)
    for k, time in own.items():
        for kind, of, spent in own_parts(traces, waits, k, time):
            parts[Part(traces.service[k], kind, of)] += spent
    return parts


def _ask(traces: Traces, k: int, until: int, begins: int, ends: int, own: Counter[int], parts: Counter[Part]) -> None:
    if begins < traces.arrived[k] or begins >= traces.ended[k]:
        parts[Part(traces.service[k], "network")] += ends - begins
        return
    calls = traces.awaited[k]
    over = {c: traces.waited_until(c) for c in calls}
    cut = until < traces.ended[k] or traces.outcome[k] in ("expired", "cancelled", "unavailable")
    last = min(until, traces.ended[k])
    open_now = [c for c in calls if traces.start[c] <= begins < over[c] and (cut or over[c] <= last + SLACK_NS)]
    if open_now:
        open_now = [c for c in open_now if not _lost(traces, c, open_now)] or open_now
        c = max(open_now, key=lambda c: (min(over[c], last), not traces.zombie[c], over[c]))
        _ask(traces, c, min(over[c], last), begins, ends, own, parts)
        return
    before = [c for c in calls if over[c] <= begins]
    after = [c for c in calls if traces.start[c] >= ends]
    if before and after:
        b, a = max(before, key=lambda c: over[c]), min(after, key=lambda c: traces.start[c])
        if traces.label[a] == traces.label[b] and traces.attempt[a] > traces.attempt[b] and traces.start[a] < last:
            parts[Part(traces.service[k], "backoff", traces.endpoint[a])] += ends - begins
            return
    own[k] += ends - begins


def _lost(traces: Traces, c: int, calls: list[int]) -> bool:
    """Whether the other of a call and its hedge was back before, with a good answer."""
    beside = [
        s for s in calls if s != c and (traces.label[s], traces.attempt[s]) == (traces.label[c], traces.attempt[c])
    ]
    return any(
        traces.start[s] != traces.start[c] and traces.outcome[s] == "ok" and traces.replied[s] < traces.replied[c]
        for s in beside
        if not traces.zombie[s]
    )


def _below(traces: Traces, root: int) -> Iterator[int]:
    yield root
    for child in traces.awaited[root]:
        yield from _below(traces, child)


def _moments(traces: Traces, k: int) -> tuple[int, ...]:
    parent = traces.parent[k]
    waited = traces.waited_until(k) if parent >= 0 else traces.ended[k]
    return traces.start[k], traces.arrived[k], traces.ended[k], waited
