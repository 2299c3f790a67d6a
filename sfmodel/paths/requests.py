"""The requests of a run that were traced, as a table of spans, and which of them took a path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, RunNotFoundError, nearest
from sfmodel.paths.request_path import RequestPath, Step, read_paths
from sfmodel.results.measures import DAY_S
from sfmodel.results.traces import TRACES, answered_after_s, damaged, nothing_traced
from sfmodel.rows.files import file_of
from sfmodel.rows.windows import fits

if TYPE_CHECKING:
    import xarray as xr


class Requests:
    """Requests that were traced.

    Parameters
    ----------
    spans
        A row for each span, with the columns of traces.jsonl.
    paths
        The paths that are known, by name.
    """

    def __init__(self, spans: pl.DataFrame, paths: Mapping[str, RequestPath]) -> None:
        """Keep the table."""
        self.spans, self.paths = spans, dict(paths)
        self._took: dict[str, pl.DataFrame] = {}

    @cached_property
    def roots(self) -> pl.DataFrame:
        """The requests themselves: spans that nobody called."""
        return self.spans.filter(pl.col("parent").is_null())

    def root(self, trace: str) -> dict[str, Any]:
        """The span of a request itself."""
        return self.roots.row(by_predicate=pl.col("trace") == trace, named=True)

    def of(self, trace: str) -> list[dict[str, Any]]:
        """Spans of one request, in order of their start."""
        return self.spans.filter(pl.col("trace") == trace).sort("start_s", "span").to_dicts()

    def within_hours(self, start_s: float, end_s: float) -> Requests:
        """Requests that start between two times of day, s since midnight; the end belongs to what follows."""
        length = (end_s - start_s) % DAY_S or DAY_S
        kept = self.roots.filter((pl.col("start_s") - start_s) % DAY_S < length)
        return Requests(self.spans.join(kept, on="trace", how="semi"), self.paths)

    def since(self, time_s: float) -> Requests:
        """Requests that start at or after a time, s since midnight of day 1."""
        if time_s == -math.inf:
            return self
        kept = self.roots.filter(pl.col("start_s") >= time_s)
        return Requests(self.spans.join(kept, on="trace", how="semi"), self.paths)

    def path(self, name: str) -> RequestPath:
        """Return a path by its name."""
        if name not in self.paths:
            raise ConfigError(f"there is no path '{name}'; {nearest(name, self.paths)}")
        return self.paths[name]

    def took(self, name: str) -> pl.DataFrame:
        """Requests that took a path by its name, as `taking` gives them; what was found is kept."""
        if name not in self._took:
            self._took[name] = self.taking(self.path(name))
        return self._took[name]

    def taking(self, path: RequestPath) -> pl.DataFrame:
        """Requests that took a path.

        Returns
        -------
        A row for each: trace, start_s, total_s, and for call k of the path its first span: start_k, time_k (s).
        """
        service, _, endpoint = path.request.partition(".")
        roots = self.roots.filter(pl.col("service") == service, pl.col("endpoint") == endpoint)
        if path.outcome is not None:
            roots = roots.filter(pl.col("outcome") == path.outcome)
        spans = self.spans.join(roots, on="trace", how="semi")
        found = roots.select("trace", "start_s", (pl.col("ended_s") - pl.col("start_s")).alias("total_s"))
        for pattern in path.without:
            found = found.join(spans.filter(self._at(pattern)), on="trace", how="anti")
        for step in path.long_calls:
            found = found.join(spans.filter(self._is(step)), on="trace", how="semi")
        for k, step in enumerate(path.calls):
            first = spans.filter(self._is(step)).sort("start_s", "span").group_by("trace", maintain_order=True).first()
            times = _ANSWERED_AFTER.alias(f"time_{k}")
            found = found.join(first.select("trace", pl.col("start_s").alias(f"start_{k}"), times), on="trace")
        return found.sort("total_s", "trace")

    @cached_property
    def _calls(self) -> list[str]:
        return self.spans["call"].drop_nulls().unique().to_list()

    def _at(self, pattern: str) -> pl.Expr:
        """Whether a span is of this call site."""
        return pl.col("call").is_in([label for label in self._calls if fits(label, pattern)])

    def _is(self, step: Step) -> pl.Expr:
        """Whether a span is the call of this step, or that whose own work it is about."""
        wanted = self._at(step.call or step.own or "")
        for column, value in (("outcome", step.outcome), ("attempt", step.attempt), ("zombie", step.abandoned)):
            if value is not None:
                wanted = wanted & (pl.col(column) == value)
        if step.lasts is not None:
            wanted = wanted & (step.lasts <= _ANSWERED_AFTER)
        return wanted


_COLUMNS: Mapping[str, type[pl.DataType]] = {
    **dict.fromkeys(("trace", "span", "parent", "service", "endpoint", "call", "outcome"), pl.String),
    **dict.fromkeys(("start_s", "arrived_s", "ended_s", "queued_s", "served_s"), pl.Float64),
    **dict.fromkeys(("replica", "attempt", "user", "item"), pl.Int64),
    "zombie": pl.Boolean,
}

_ANSWERED_AFTER: pl.Expr = answered_after_s({name: pl.col(name) for name in ("start_s", "arrived_s", "ended_s")})


def in_order(found: pl.DataFrame, path: RequestPath) -> NDArray[np.bool_]:
    """Of requests that took a path, as `taking` gives them: whether its calls began in its order, shape [requests]."""
    ordered = np.ones(found.height, bool)
    for k in range(1, len(path.calls)):
        ordered &= found[f"start_{k}"].to_numpy() >= found[f"start_{k - 1}"].to_numpy()
    return ordered


def read_requests(folder: Path, ds: xr.Dataset) -> Requests | None:
    """Read the requests that were traced in a run, with the paths of its platform; none were: None.

    Parameters
    ----------
    folder
        Folder of the run.
    ds
        Its dataset, which names the platform.

    Raises
    ------
    ConfigError
        The file of paths is wrong.
    RunError
        The traces were cut short.
    """
    file = file_of("paths", ds)
    try:
        spans = read_spans(folder)
    except RunNotFoundError:
        return None
    return Requests(spans, read_paths(file) if file else {})


def read_spans(folder: Path) -> pl.DataFrame:
    """Read all spans of a run's folder.

    Raises
    ------
    RunNotFoundError
        There are none.
    RunError
        The file was cut short.
    """
    path = folder / TRACES
    if not path.is_file() or not path.stat().st_size:
        raise nothing_traced(folder)
    try:
        return pl.read_ndjson(path, infer_schema_length=1, schema_overrides=_COLUMNS)
    except pl.exceptions.PolarsError as error:
        raise damaged(path, f"has a line that is no span ({' '.join(str(error).split())})") from None
