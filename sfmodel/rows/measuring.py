"""From a run and its rows to what was measured: one number for each row, and whether it is in its range."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.errors import ConfigError, NotInRunError, RowError
from sfmodel.results import measures
from sfmodel.rows.bands import FOLLOW_UP_S, make_pair, paired
from sfmodel.rows.rows import Row, Rows
from sfmodel.rows.windows import Windows

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.paths.requests import Requests


@dataclass(frozen=True)
class Measured:
    """What a run shows of one row."""

    row: Row
    value: float | None
    """In the unit of the row (seconds, shares); none: the run does not show it."""
    met: bool | None
    """Whether the value is in the row's range; none: the run does not show it, or the row is reported only."""
    lacks: str | None = None
    """Why the run does not show it; of several replications, how many do."""
    applies: bool = True
    """Whether the run has what the row names; if not, `lacks` says what is not there."""


def measure_rows(
    ds: xr.Dataset,
    rows: Rows,
    only: Iterable[Row] | None = None,
    *,
    requests: Requests | None = None,
    base: xr.Dataset | None = None,
    told: Callable[[str], float] | None = None,
    strict: bool = True,
) -> dict[str, Measured]:
    """Measure the rows of a platform on a run.

    Parameters
    ----------
    ds
        Dataset of a run, in memory or on disk.
    rows
        What `read_rows` returns.
    only
        Some of `rows.every`; none: all.
    requests
        Traced requests of the run, from `read_requests`; without them rows of single requests are not shown.
    base
        Dataset of the paired run: same seed, no trigger; without it rows beside it are not shown.
    told
        Share of a story's steps that are found in order, as `Telling.in_order` gives it.
    strict
        Refuse a row that names something that this run does not have; otherwise it is marked as one that does not apply.

    Returns
    -------
    id → value and whether it is met, in the order of the rows.

    Raises
    ------
    RowError
        A row names something that this run does not have.
    ConfigError
        The base is no pair of the run.
    """
    periods = _Periods(ds, rows, requests, base, told)
    return {row.id: _measured(row, periods, strict) for row in (rows.every if only is None else only)}


class _Periods:
    """The windows of each period of a run, made when they are first asked for."""

    def __init__(
        self,
        ds: xr.Dataset,
        rows: Rows,
        requests: Requests | None,
        base: xr.Dataset | None,
        told: Callable[[str], float] | None,
    ) -> None:
        self._ds: xr.Dataset = ds
        self._base: xr.Dataset | None = None
        self._shorter = "the run"
        if base is not None:
            self._ds, self._base = paired(ds, base)
            self._shorter = "its pair" if base.sizes["time"] < ds.sizes["time"] else "the run"
        self._pair = None if base is None else make_pair(ds, base, rows.define)
        self._rows, self._requests, self._told = rows, requests, told
        self._found: dict[tuple[str, float], Windows | None] = {}

    def windows(self, name: str, width_s: float | None) -> Windows | None:
        """Windows of a period, of this width or the file's; none where the run has none."""
        key = name, self._width_s(width_s)
        if key not in self._found:
            self._found[key] = self._cut(*key) if self._is_multiple(key[1]) else None
        return self._found[key]

    def _width_s(self, width_s: float | None) -> float:
        return width_s or self._rows.window

    def _is_multiple(self, width_s: float) -> bool:
        """Whether windows of this width are made of whole windows of the run."""
        return measures.is_multiple(width_s, float(self._ds.attrs["window_s"]))

    def lacks(self, row: Row) -> str:
        """Say why the run has no value of a row."""
        if not self._is_multiple(self._width_s(row.window)):
            of_run = f"{self._ds.attrs['window_s']:g} s"
            return f"since windows of {self._width_s(row.window):g} s are not made of whole ones of the run, {of_run}"
        for name in filter(None, (row.period, row.relative_to)):
            if self.windows(name, row.window) is None:
                settled = " after its start-up transient" if measures.transient_s(self._ds) else ""
                return f"since {self._shorter} has nothing of {self._hours(name)}{settled}"
        if row.measure.is_beside and self._base is None:
            return "without the paired run"
        if row.measure.is_told and self._pair is not None and self._told is None and self._pair.is_triggered:
            return "since there are no stories of its platform"
        if row.measure.follows_trigger and self._pair is not None:
            pair = self._pair
            if not pair.is_triggered:
                return (
                    f"since {self._shorter} ends at {clock(pair.end_s)}, and its trigger is at {clock(pair.begins_s)}"
                )
            if math.isinf(pair.ends_s):
                return "since its trigger has no end"
            return (
                f"since {self._shorter} ends at {clock(pair.end_s)}, too soon after its trigger's end at "
                f"{clock(pair.ends_s)}"
            )
        if row.measure.is_of_requests and self._requests is None:
            return "since no request was traced"
        if row.measure.awaits:
            windows = self.windows(row.period, row.window)
            assert windows is not None, "a period without windows is lacking above"
            begins_s = windows.trigger_begins_s
            if begins_s is None:
                return "since the run has no trigger"
            end_s = measures.run_end_s(windows.ds)
            ended = f"{self._shorter if row.period == 'whole' else row.period} ends at {clock(end_s)}"
            if end_s <= begins_s:
                return f"since {ended}, and its trigger is at {clock(begins_s)}"
            return (
                f"since it has not happened when {ended}, less than {FOLLOW_UP_S / 60:g} min after its trigger at "
                f"{clock(begins_s)}"
            )
        return "since nothing of the kind happened"

    def _hours(self, name: str) -> str:
        if name == "whole":
            return "its time"
        start, end = (clock(time_s) for time_s in self._rows.periods[name])
        return f"{start}–{end} ({name})"

    def _cut(self, name: str, width_s: float) -> Windows | None:
        rows, requests = self._rows, self._requests and self._requests.since(_settled_s(self._ds))
        windows = measures.settled(self._ds)
        if name != "whole":
            hours = rows.periods[name]
            windows = windows & measures.within_hours(self._ds, *hours)
            requests = requests and requests.within_hours(*hours)
        chosen = _run_of(np.flatnonzero(windows))
        ds = self._ds.isel(time=chosen)
        if not ds.sizes["time"]:
            return None
        base = None
        if self._base is not None:
            base = Windows(self._base.isel(time=chosen), width_s, rows.define)
        return Windows(ds, width_s, rows.define, requests, base, self._pair, self._told)


def _settled_s(ds: xr.Dataset) -> float:
    """When the start-up transient is over, s since midnight; -inf: there was none."""
    length_s = measures.transient_s(ds)
    return float(ds["time"].values[0]) + length_s if length_s else -math.inf


def _run_of(chosen: NDArray[np.int64]) -> Any:
    """Indices as a slice where they follow each other, which is read faster."""
    contiguous = chosen.size and chosen[-1] - chosen[0] + 1 == chosen.size
    return slice(chosen[0], chosen[-1] + 1) if contiguous else chosen


def _measured(row: Row, periods: _Periods, strict: bool) -> Measured:
    try:
        value = _value(row, row.period, periods)
        if row.relative_to is not None:
            before = _value(row, row.relative_to, periods)
            with np.errstate(divide="ignore", invalid="ignore"):
                value = math.nan if math.isnan(before) else float(np.divide(value, before))
    except ConfigError as error:
        if isinstance(error, NotInRunError) and not strict:
            return Measured(row, None, None, str(error).partition("; valid are")[0], applies=False)
        raise RowError(f"{row.called}: '{row.measure.text}': {error}") from None
    if math.isnan(value):
        return Measured(row, None, None, periods.lacks(row))
    return Measured(row, value, row.holds(value))


def _value(row: Row, period: str, periods: _Periods) -> float:
    windows = periods.windows(period, row.window)
    if windows is None:
        return math.nan
    found: Any = row.measure(windows)
    return take(np.atleast_1d(np.asarray(getattr(found, "values", found), float)), row.take)


def take(values: NDArray[np.float64], how: str) -> float:
    """Make one number of the values of several windows, shape [time], as `Row.take` says; NaN ones are left out."""
    found = values[~np.isnan(values)]
    if not found.size:
        return math.nan if values.size or how != "count" else 0.0
    if how == "count":
        return float(found.size)
    word, _, number = how.partition(" ")
    if word in ("highest", "lowest"):
        ordered = np.sort(found)[:: -1 if word == "highest" else 1]
        return float(ordered[: int(number or 1)].mean())
    if word == "growth":
        third = max(1, found.size // 3)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(found[-third:].mean() / found[:third].mean())
    return float(_TAKE[word](found))


_TAKE: Mapping[str, Any] = {"median": np.median, "mean": np.mean, "total": np.sum}
