"""A map as tables for a terminal: for each load sizes and durations, and what follows for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sfmodel.metastability.loads import NOT_KNOWN
from sfmodel.metastability.recovery import State
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

LOADS = {
    "stable": "", "vulnerable": "", "overloaded": "",
    NOT_KNOWN: ", where not every size and duration was recovered from, or some seeds are down without a trigger",
}  # fmt: skip
"""What a load may be, and what is added to it."""


def map_tables(ds: xr.Dataset) -> Iterator[Table]:
    """One for each set of interventions: how many runs of each cell recovered, and the median time in which they did."""
    for change in map(str, ds["change"].values):
        own = ds.sel(change=change)
        table = plain_table(
            f"{ds.attrs['trigger']}, with {change}: runs that recover, their 95 % interval, median time"
        )
        table.add_column("load", justify="right")
        table.add_column("size", justify="right")
        for duration_s in ds["duration"].values.tolist():
            table.add_column(format_value(duration_s, "s"), no_wrap=True)
        for load in ds["load"].values.tolist():
            of_load = own.sel(load=load)
            for k, size in enumerate(ds["size"].values.tolist()):
                cells = [
                    _cell(of_load.sel(size=size, duration=one), ds.attrs["horizon_s"]) for one in ds["duration"].values
                ]
                if any(cells):
                    last = k == ds.sizes["size"] - 1
                    table.add_row(f"{load:g}", format_value(size, "share"), *cells, end_section=last)
        yield table


def _cell(cell: xr.Dataset, horizon_s: float) -> str:
    states = cell["state"].values
    if (states == State.NOT_RUN).all():
        return ""
    runs = int(np.isin(states, (State.RECOVERED, State.NOT_RECOVERED)).sum())
    if not runs:
        return "down by itself"
    recovered, median = int((states == State.RECOVERED).sum()), float(cell["median_time"])
    ends = f"{100 * float(cell['low']):.0f}–{100 * float(cell['high']):.0f} %"
    time = (
        f"> {format_value(horizon_s, 's')}"
        if math.isinf(median)
        else format_value(median, "s")
        if median
        else "at once"
    )
    return f"{recovered}/{runs} {ends}\n{time}"


def said_of_loads(ds: xr.Dataset) -> Iterator[str]:
    """What each load is, and the hysteresis, in sentences."""
    for change in map(str, ds["change"].values):
        states = {float(load): str(ds["load_state"].sel(change=change, load=load).values) for load in ds["load"].values}
        words = [
            f"{word} at {', '.join(f'{load:g}' for load, state in states.items() if state == word)}{why}"
            for word, why in LOADS.items()
            if word in states.values()
        ]
        if words:
            yield f"{change}: {'; '.join(words)}."
        if "breaks_at" in ds:
            yield from _hysteresis(ds.sel(change=change), change)


def _hysteresis(own: xr.Dataset, change: str) -> Iterator[str]:
    breaks, returns = own["breaks_at"].values, own["returns_at"].values
    runs, broken = int((~np.isnan(breaks)).sum()), breaks[np.isfinite(breaks)]
    if not runs:
        return
    said = f"{change}: load that goes up slowly, up to {float(own['ramp_load'].max()):g}, breaks it in {_of(len(broken), runs)}"
    if len(broken):
        back = returns[np.isfinite(breaks) & (returns > 0)]
        said += f", at {_range(broken)}; on the way down it comes back in {_of(len(back), len(broken))}"
        said += f", at {_range(back)}" if len(back) else ""
    yield f"{said}."


def _of(some: int, runs: int) -> str:
    return f"{some} of {runs} {'run' if runs == 1 else 'runs'}"


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
