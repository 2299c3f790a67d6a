"""What many tests share: a run from a mapping, its totals by name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from sfmodel.engine import Simulation, prepare, simulate
from sfmodel.results.variables import OUTCOMES, VARIABLES
from sfmodel.schema import parse_run
from sfmodel.schema.references import check_references

TINY = """# @package _global_
defaults: [override /demand: flat]
start: 1 min
until: 3 min
warmup: 1 min
platform:
  name: tiny
  services:
    server:
      stations: {servers: {servers: 10}}
      endpoints: {serve: {steps: [{use: servers, time: {exponential: 100 ms}}]}}
  sources: {arrivals: {call: server.serve, rate: 80/s}}
"""
"""A file of conf/platform: one station, two minutes."""

LABELLED = ("endpoint", "station", "call", "cache", "limiter", "queue", "request", "service")


def simulated(
    mapping: Mapping[str, Any], warming: Callable[[float], None] | None = None
) -> tuple[Simulation, list[dict[str, np.ndarray]]]:
    """Run a configuration; the simulation and the values of each window; `warming` is told how far the warm-up is."""
    run = parse_run(mapping)
    check_references(run)
    simulation = prepare(run)
    windows: list[dict[str, np.ndarray]] = []
    simulate(simulation, lambda k, end_s, values: windows.append(dict(values)), warming)
    return simulation, windows


def totals(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Totals of a run: name → key → value, outcomes one level deeper; states are those at the end."""
    simulation, windows = simulated(mapping)
    counters = set(simulation.run.platform.counters)
    labels = simulation.plan.labels
    second = {"outcome": OUTCOMES, "cause": labels["cause"]}
    result: dict[str, Any] = {}
    for name in windows[0] if windows else ():
        kind = "sum" if name in counters else VARIABLES[name].kind
        dims = () if name in counters else VARIABLES[name].dims
        stacked = np.stack([np.asarray(window[name]) for window in windows])
        total = {"sum": stacked.sum, "max": stacked.max}[kind](axis=0) if kind != "last" else stacked[-1]
        if "latency" in dims:
            continue
        if not dims:
            result[name] = float(total)
        elif len(dims) == 2:
            result[name] = {
                label: {what: n.item() for what, n in zip(second[dims[1]], row, strict=True)}
                for label, row in zip(labels[dims[0]], total, strict=True)
            }
        else:
            result[name] = {label: float(value) for label, value in zip(labels[dims[0]], total, strict=True)}
    return result


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Let no text and no chunk of an array get into a file whose path has this in it: it stays empty."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    write_text, put = Path.write_text, zarr.storage.LocalStore.set

    def write_nothing(path: Path, text: str, **how: Any) -> int:
        if where not in str(path):
            return write_text(path, text, **how)
        path.touch()
        raise full

    async def put_nothing(store: zarr.storage.LocalStore, key: str, value: Any) -> None:
        if where in str(store.root / key):
            raise full
        await put(store, key, value)

    monkeypatch.setattr(Path, "write_text", write_nothing)
    monkeypatch.setattr(zarr.storage.LocalStore, "set", put_nothing)
