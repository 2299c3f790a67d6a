"""One request told as its path tells it: numbered steps with the times that were measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from sfmodel.paths.request_path import BLANKS, RequestPath, Shown, Step
from sfmodel.paths.requests import Requests, in_order
from sfmodel.results.summary import format_value
from sfmodel.results.traces import NoSuchRequestError, answered_after_s, written
from sfmodel.rows.windows import Windows, fits

if TYPE_CHECKING:
    import xarray as xr

Span = Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """The request that stands for a path."""

    trace: str
    """Its identifier."""
    every: list[str]
    """Those of all traced requests that took the path."""
    median_s: float
    """Median of their durations."""


def choose(requests: Requests, path: RequestPath) -> Chosen:
    """Choose the request nearest the median of those that took a path.

    Among them those whose calls began in the path's order come first, and where the path tells of the user's next
    request, those of which that was traced, too.

    Raises
    ------
    NoSuchRequestError
        No traced request took the path.
    """
    inside = requests if path.hours is None else requests.within_hours(*path.hours)
    found = inside.taking(path)
    if not found.height:
        raise NoSuchRequestError(f"no traced request took the path '{path.title}'")
    median_s = float(np.median(found["total_s"].to_numpy()))
    rank = np.zeros((found.height, 3))
    rank[:, 0] = ~in_order(found, path)
    if any(step.next is not None for step in path.steps):
        rank[:, 1] = [_lacks_next(requests, path, trace) for trace in found["trace"]]
    rank[:, 2] = np.abs(found["total_s"].to_numpy() - median_s)
    best = int(np.lexsort(rank.T[::-1])[0])
    return Chosen(str(found["trace"][best]), found["trace"].to_list(), median_s)


def tell_path(requests: Requests, path: RequestPath, trace: str, ds: xr.Dataset) -> list[str]:
    """Tell a request as numbered steps.

    Parameters
    ----------
    requests
        The run's traced requests.
    path
        A path that the request took.
    trace
        Its identifier.
    ds
        Dataset of the run, for what a step shows beside the request.
    """
    spans, root = requests.of(trace), requests.root(trace)
    return [f"{k}. {_said(step, spans, root, requests, ds)}" for k, step in enumerate(path.steps, start=1)]


def _said(step: Step, spans: Sequence[Span], root: Span, requests: Requests, ds: xr.Dataset) -> str:
    blanks = {"total": written(answered_after_s(root))}
    blanks.update({name: _shown(shown, root["ended_s"], ds) for name, shown in step.shows.items()})
    if step.next is not None:
        again = next_request(requests, root, step)
        if again is None:
            unknown = {**dict.fromkeys(BLANKS, "–"), "after": "some time"}
            return f"{step.say.format_map({**unknown, **blanks})} (not traced)"
        blanks.update(_times(again, [again]), after=written(again["start_s"] - root["ended_s"]))
    elif step.call is not None or step.own is not None:
        blanks.update(_times(_span_of(step, spans), spans))
    return step.say.format_map(blanks)


def _span_of(step: Step, spans: Sequence[Span]) -> Span:
    """The first span of the call of a step."""
    wanted = {"outcome": step.outcome, "attempt": step.attempt, "zombie": step.abandoned}
    return next(
        span
        for span in spans
        if span["call"] is not None
        and fits(span["call"], step.call or step.own or "")
        and all(value is None or span[name] == value for name, value in wanted.items())
        and answered_after_s(span) >= (step.lasts or 0.0)
    )


def _times(span: Span, spans: Sequence[Span]) -> dict[str, str]:
    return {
        "time": written(answered_after_s(span)),
        "waited": written(_waited(span, spans)),
        "queued": written(span["queued_s"]),
        "served": written(span["served_s"]),
    }


def _waited(span: Span, spans: Sequence[Span]) -> float:
    """How long the caller waited: for the reply, or where it gave up until its next call or its own end."""
    if not span["zombie"]:
        return answered_after_s(span)
    later = [s["start_s"] for s in spans if s["parent"] == span["parent"] and s["start_s"] > span["start_s"]]
    parents = [s["ended_s"] for s in spans if s["span"] == span["parent"]]
    root = next(s for s in spans if s["parent"] is None)
    return float(min([span["ended_s"], root["ended_s"], *later, *parents]) - span["start_s"])


def next_request(requests: Requests, root: Span, step: Step) -> Span | None:
    """Root span of the same user's next request to the step's endpoint, soon enough; none: it was not traced."""
    service, _, name = str(step.next).partition(".")
    found = requests.roots.filter(
        pl.col("user") == root["user"],
        pl.col("service") == service,
        pl.col("endpoint") == name,
        pl.col("start_s").is_between(root["ended_s"], root["ended_s"] + step.within),
        pl.col("trace") != root["trace"],
    ).sort("start_s")
    return found.row(0, named=True) if found.height else None


def _lacks_next(requests: Requests, path: RequestPath, trace: str) -> bool:
    root = requests.root(trace)
    return any(step.next is not None and next_request(requests, root, step) is None for step in path.steps)


def _shown(shown: Shown, time_s: float, ds: xr.Dataset) -> str:
    """A number of the run in the window of this time; a dash outside of it."""
    starts, widths = ds["time"].values, ds["width"].values
    inside = np.flatnonzero((starts <= time_s) & (time_s < starts + widths))
    if not inside.size:
        return format_value(None, shown.unit)
    window = ds.isel(time=slice(int(inside[0]), int(inside[0]) + 1))
    found: Any = shown.measure(Windows(window, float(widths[inside[0]])))
    value = float(np.atleast_1d(np.asarray(getattr(found, "values", found), float))[0])
    return format_value(None if math.isnan(value) else value, shown.unit)
