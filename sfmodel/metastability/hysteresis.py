"""Hysteresis: load goes up slowly, level by level, and down again; where answers break, and where they come back.

A level is up where at least `up` of what ends in the second half of its time is answered. The platform breaks at the first level
on the way up that is not, and comes back at the first on the way down that is. Where the two are apart it is vulnerable
between them: it runs, and does not come back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.metastability.design import MapDesign, in_event
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Way:
    """A run whose load goes up and down."""

    levels: tuple[float, ...]
    """Up, and down again, the highest once."""
    answered: tuple[float, ...]
    """Share of what ended that was answered, at each; NaN: nothing ended."""
    breaks_at: float
    """First level on the way up that is down; inf: none is."""
    returns_at: float
    """First level on the way down, after it broke, that is up; NaN: it did not break; 0: none is."""


def up_and_down(design: MapDesign) -> tuple[float, ...]:
    """Levels in the order in which they come."""
    assert design.ramp is not None
    return (*design.ramp.levels, *design.ramp.levels[-2::-1])


def ramp_events(design: MapDesign, at_s: float) -> list[dict[str, Any]]:
    """The levels as events of a scenario, from a time on; the first is there already."""
    assert design.ramp is not None
    every_s, key = design.ramp.every, in_event(design.load.key)
    return [
        {"at": f"{at_s + k * every_s} s", "for": f"{every_s} s", "set": {key: level}}
        for k, level in enumerate(up_and_down(design))
        if k > 0
    ]


def ramp_until_s(design: MapDesign, at_s: float) -> float:
    """When the last level ends, s since midnight."""
    assert design.ramp is not None
    return at_s + len(up_and_down(design)) * design.ramp.every


def way(ds: xr.Dataset, design: MapDesign, at_s: float) -> Way:
    """What a run shows whose levels begin at a time."""
    assert design.ramp is not None
    levels, every_s = up_and_down(design), design.ramp.every
    time_s, width_s = ds["time"].values.astype(float), ds["width"].values.astype(float)
    roots = list(design.recovery.endpoints) or measures.roots(ds)
    outcomes = ds["endpoint_outcomes"].sel(endpoint=roots).sum("endpoint")
    ended, ok = outcomes.sum("outcome").values, outcomes.sel(outcome="ok").values
    came = ds["endpoint_arrivals"].sel(endpoint=roots).sum("endpoint").values
    answered = []
    for k in range(len(levels)):
        begins_s, ends_s = at_s + (k + 0.5) * every_s, at_s + (k + 1) * every_s
        windows = (time_s + 1e-9 >= begins_s) & (time_s + width_s <= ends_s + 1e-9)
        total = float(ended[windows].sum())
        answered.append(float(ok[windows].sum()) / total if total else 0.0 if came[windows].any() else math.nan)
    return Way(levels, tuple(answered), *_turns(levels, answered, design.recovery.up))


def _turns(levels: Sequence[float], answered: Sequence[float], up: float) -> tuple[float, float]:
    top = int(np.argmax(levels))
    broken = next((k for k in range(top + 1) if answered[k] < up), None)
    if broken is None:
        return math.inf, math.nan
    back = next((levels[k] for k in range(top + 1, len(levels)) if answered[k] >= up), 0.0)
    return levels[broken], back
