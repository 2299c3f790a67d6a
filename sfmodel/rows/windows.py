"""The windows that a measure is computed over, and the things that can be measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.errors import NotInRunError
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.paths.requests import Requests
    from sfmodel.rows.bands import Pair

THINGS = ("endpoint", "call", "request", "station", "cache", "limiter", "queue")
"""Dimensions whose labels can be named."""

_SMALL_BYTES = 1 << 24
"""Variables up to this size are kept in memory: opening a chunk costs more than what is in it."""


@dataclass(frozen=True)
class Thing:
    """Labels of one dimension, taken together."""

    dim: str
    labels: tuple[str, ...]


class Windows:
    """Windows of a run that expressions are computed over; what has been read is kept.

    Parameters
    ----------
    ds
        Dataset of a run, cut to the windows of a period.
    width_s
        Width of the windows of the value, s; at least that of the dataset's.
    defined
        Expressions by name, for use in others.
    requests
        Traced requests of the period; none: measures of single requests find nothing.
    base
        The same windows of the paired run; none: what is beside it is not a number.
    pair
        Both runs in the windows as recorded, over all of their time.
    told
        Share of a story's steps that were found in order, by its name; none: no story is known.
    """

    def __init__(
        self,
        ds: xr.Dataset,
        width_s: float,
        defined: Mapping[str, Callable[[Windows], Any]] | None = None,
        requests: Requests | None = None,
        base: Windows | None = None,
        pair: Pair | None = None,
        told: Callable[[str], float] | None = None,
    ) -> None:
        """Keep the dataset; nothing is read yet."""
        self.ds, self.width_s, self.defined, self.requests = ds, width_s, dict(defined or {}), requests
        self.base, self.pair, self.told = base, pair, told
        self._read: dict[Any, xr.Dataset] = {}

    def together(self, thing: Thing, *names: str) -> xr.Dataset:
        """Variables of a thing, summed over its labels, in coarse windows."""
        return self._coarse({thing.dim: thing.labels}, names)

    def variable(self, name: str, chosen: Mapping[str, tuple[str, ...]]) -> xr.DataArray:
        """A variable in coarse windows, summed over the labels chosen and over all other dimensions but time."""
        array = self._coarse(chosen, (name,))[name]
        return array.sum([dim for dim in array.dims if dim != "time"])

    @cached_property
    def seconds(self) -> xr.DataArray:
        """Width of each coarse window, s."""
        return measures.coarsen(self.ds, self.width_s, [])["width"].reset_coords(drop=True)

    @cached_property
    def as_recorded(self) -> Windows:
        """The same in the windows of the run."""
        return Windows(self.ds, float(self.ds.attrs["window_s"]), self.defined, base=self.base, pair=self.pair)

    @property
    def trigger_begins_s(self) -> float | None:
        """When what only this run has begins, s since midnight; none: it has nothing. Without a pair as `first_trigger_s`."""
        if self.pair is not None:
            return self.pair.begins_s
        from sfmodel.rows.bands import first_trigger_s

        return first_trigger_s(self.ds)

    def _coarse(self, chosen: Mapping[str, tuple[str, ...]], names: tuple[str, ...]) -> xr.Dataset:
        missing = [name for name in names if name not in self.ds]
        if missing:
            raise NotInRunError(f"this run has no variable '{missing[0]}'")
        key = (tuple(chosen.items()), names)
        if key not in self._read:
            for name in names:
                if self.ds.variables[name].nbytes <= _SMALL_BYTES:
                    self.ds.variables[name].load()
            found = self.ds[list(names)]
            places = {dim: np.flatnonzero(np.isin(self.ds[dim].values, labels)) for dim, labels in chosen.items()}
            coarse = measures.coarsen(found.isel(places), self.width_s, names)
            self._read[key] = coarse.sum([dim for dim in places if dim in coarse.dims], keep_attrs=True)
        return self._read[key]


def fits(label: str, pattern: str) -> bool:
    """Whether a label, or what stands before its #, fits a pattern in which * stands for any text."""
    return fnmatchcase(label, pattern) or fnmatchcase(label.partition("#")[0], pattern)
