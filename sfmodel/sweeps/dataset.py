"""All runs of a sweep as one dataset: a dimension for each swept parameter, before those of a run.

Nothing is copied, and of most runs nothing is read but their labels: values come from the stores of the runs that a
selection asks for, when it asks. So a sweep under way opens too, with what is finished.

Where all runs have the same labels and windows a variable is what it is in them. Where they have not, such as with a station
that an intervention adds, each dimension has the labels of all, and a run is NaN where it has not that label. So are points
that are missing. Widths of windows have the dimensions of the sweep where windows that begin together have not the same.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sfmodel.errors import RunNotFoundError
from sfmodel.results.folder import DATASET, RUNS
from sfmodel.results.recorder import open_store, quiet
from sfmodel.results.summary_over_seeds import in_order
from sfmodel.results.variables import LABELLED
from sfmodel.sweeps.record import find_sweep, finished_runs_of, recorded_sweep

POINT = "point"
"""Dimension of the points where they are no grid."""

SWEPT = "sweep_"
"""Before the name of a parameter that is also a name in the dataset of a run, such as sweep_demand."""

_SHARED = ("platform", "title", "version", "sources", "window_s", "format")
"""Attributes of a run that a sweep has too, where its runs agree."""

_ARRAYS_OPEN = 256


def open_sweep(sweep: str | Path, root: Path = RUNS) -> xr.Dataset:
    """Open all runs of a sweep lazily, as one dataset.

    Parameters
    ----------
    sweep
        Folder, name, or `latest`.
    root
        Folder of all runs.

    Returns
    -------
    The variables of the runs. Their first dimensions are the swept parameters, with their values as labels (numbers where
    all are, else text), then those of a run, `replication` among them. Of a key with dots: `ds.sel({"demand.level": 1.03})`;
    of one that is a name in a run's dataset too: `sweep_demand`.
    The variable `run` has the folder of each point, empty where it is missing; the attribute `missing` lists the names of
    the missing ones.

    Raises
    ------
    RunNotFoundError
        There is no such sweep, or none of its runs is finished.
    RunError
        What is recorded of it is damaged.
    """
    folder = find_sweep(sweep, root)
    recorded = recorded_sweep(folder)
    runs = {name: path for name, path in finished_runs_of(recorded, folder).items() if path is not None}
    kinds = _kinds(runs)
    if not kinds:
        raise RunNotFoundError(
            f"none of the {len(recorded.points)} runs of the sweep in {folder} is finished; go on with it"
        )
    taken = {str(name) for kind in kinds for name in (*kind.ds.variables, *kind.ds.dims)}
    grid = _Grid.of([(point.name, point.values) for point in recorded.points], recorded.parameters, taken)
    missing = [name for name in grid.names if name not in runs]
    labels = _labels(kinds)
    lazily = _Reader(runs, grid, kinds, labels, whole=len(kinds) == 1 and not missing)
    places = [str(runs.get(name, "")) for name in grid.names]
    variables: dict[str, Any] = {"run": (grid.dims, grid.shaped(places))}
    for name in in_order([map(str, kind.ds.data_vars) for kind in kinds]):
        first = next(kind.ds[name].variable for kind in kinds if name in kind.ds)
        variables[name] = lazily.variable(name, first) if "time" in first.dims else _alike(name, kinds, labels)
    widths_agree = not _differ("width", kinds)
    width = _alike("width", kinds, labels) if widths_agree else lazily.variable("width", kinds[0].ds["width"].variable)
    ds = xr.Dataset(variables, {**grid.coordinates, **labels, "width": width})
    agreed = {key: kinds[0].ds.attrs[key] for key in _SHARED if len({str(kind.ds.attrs[key]) for kind in kinds}) == 1}
    return ds.assign_attrs({"name": folder.name, **agreed, "words": list(recorded.words), "missing": missing})


@dataclass(frozen=True)
class _Grid:
    """Where each point is."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    names: list[str]
    """Of the points, in order of the dimensions."""
    coordinates: Mapping[str, Any]

    @staticmethod
    def of(
        points: Sequence[tuple[str, Mapping[str, str]]], parameters: Mapping[str, Sequence[str]], taken: Collection[str]
    ) -> _Grid:
        """A dimension for each parameter, or one of points where they are not every combination of the values."""
        by_labels = {tuple(values.get(key, "") for key in parameters): name for name, values in points}
        dims = tuple(f"{SWEPT}{key}" if key in taken else key for key in parameters)
        if prod(map(len, parameters.values())) == len(points):
            named = zip(dims, parameters.values(), strict=True)
            coordinates: dict[str, Any] = {dim: (dim, _numbers(labels)) for dim, labels in named}
            names = [by_labels[labels] for labels in product(*parameters.values())]
            return _Grid(dims, tuple(map(len, parameters.values())), names, coordinates)
        names = list(by_labels.values())
        along = {dim: (POINT, _numbers(labels)) for dim, labels in zip(dims, zip(*by_labels, strict=True), strict=True)}
        return _Grid((POINT,), (len(names),), names, {POINT: (POINT, names), **along})

    def shaped(self, values: Sequence[str]) -> NDArray:
        """An array of a text for each point."""
        return np.array(values).reshape(self.shape)


def _numbers(labels: Sequence[str]) -> NDArray:
    """Labels as whole numbers if all are, else as numbers, else as text."""
    for kind in (int, float):
        try:
            return np.array([kind(label) for label in labels])
        except ValueError:
            continue
    return np.array(labels)


@dataclass(frozen=True, eq=False)
class _Kind:
    """Finished runs with the same variables, labels and windows."""

    names: list[str]
    ds: xr.Dataset
    """Of the first of them."""


def _kinds(runs: Mapping[str, Path]) -> list[_Kind]:
    alike: dict[tuple[bytes, ...], list[str]] = {}
    for name, run in runs.items():
        alike.setdefault(_fingerprint(run / DATASET), []).append(name)
    return [_Kind(found, open_store(runs[found[0]] / DATASET)) for found in alike.values()]


def _fingerprint(store: Path) -> tuple[bytes, ...]:
    """The names of all arrays and the bytes of the labels: equal where all that is read of a run by place is alike."""
    names = sorted(entry.name for entry in os.scandir(store) if entry.is_dir())
    parts = [" ".join(names).encode()]
    for name in ("time", "replication", *LABELLED):
        path = store / name / "c/0"
        parts.append(path.read_bytes() if path.exists() else b"")
    parts += [path.read_bytes() for path in sorted((store / "width/c").iterdir())]  # the last window may be shorter
    return (*parts, (store / "time/zarr.json").read_bytes())


def _labels(kinds: Sequence[_Kind]) -> dict[str, xr.Variable]:
    """Labels of each dimension of a run: those of all kinds, numbers in their order."""
    found = {}
    for dim in dict.fromkeys(str(dim) for kind in kinds for dim in kind.ds.dims):
        every = [kind.ds[dim].variable for kind in kinds if dim in kind.ds.coords]
        first = every[0]
        if all(np.array_equal(first.values, other.values) for other in every[1:]):
            found[dim] = first
        elif first.dtype.kind in "iuf":
            found[dim] = xr.Variable(dim, np.unique(np.concatenate([one.values for one in every])), first.attrs)
        else:
            found[dim] = xr.Variable(dim, np.array(in_order([one.values.tolist() for one in every])), first.attrs)
    return found


def _alike(name: str, kinds: Sequence[_Kind], labels: Mapping[str, xr.Variable]) -> xr.Variable:
    """A variable that is no result, such as widths of windows: for each label its value where that is there."""
    found = [kind.ds[name].load() for kind in kinds if name in kind.ds]
    [dim] = found[0].dims
    values = {label: value for one in reversed(found) for label, value in zip(one[dim].values, one.values, strict=True)}
    return xr.Variable(dim, np.array([values[label] for label in labels[str(dim)].values]), found[0].attrs)


def _differ(name: str, kinds: Sequence[_Kind]) -> bool:
    """Whether a variable of one dimension has more than one value for a label."""
    values: dict[Any, Any] = {}
    for found in (kind.ds[name] for kind in kinds):
        own = dict(zip(found[found.dims[0]].values.tolist(), found.values.tolist(), strict=True))
        if any(values.get(label, value) != value for label, value in own.items()):
            return True
        values |= own
    return False


class _Reader:
    """Makes the variables of a sweep out of those of its runs."""

    def __init__(
        self,
        runs: Mapping[str, Path],
        grid: _Grid,
        kinds: Sequence[_Kind],
        labels: Mapping[str, xr.Variable],
        *,
        whole: bool,
    ) -> None:
        self.runs, self.grid, self.labels, self.whole = runs, grid, labels, whole
        self._kind_of = {name: kind for kind in kinds for name in kind.names}

    def variable(self, name: str, like: xr.Variable) -> xr.Variable:
        """A variable whose values are read when they are asked for."""
        lazy = indexing.LazilyIndexedArray(_Cells(self, name, like))
        return xr.Variable((*self.grid.dims, *like.dims), lazy, like.attrs)

    def own(self, number: int, name: str) -> tuple[Path, xr.Dataset] | None:
        """Store of a variable of a point's run, and a dataset that has its labels; none: it is not there."""
        kind = self._kind_of.get(self.grid.names[number])
        if kind is None or name not in kind.ds:
            return None
        return self.runs[self.grid.names[number]] / DATASET / name, kind.ds

    def places(self, ds: xr.Dataset, dim: str) -> NDArray[np.int64] | None:
        """Place in a run of each label of a dimension, -1: it has not that label; none: all are where they are here."""
        ours, own = self.labels[dim].values, ds[dim].values
        if np.array_equal(ours, own):
            return None
        at = {label: place for place, label in enumerate(own.tolist())}
        return np.array([at.get(label, -1) for label in ours.tolist()])


class _Cells(BackendArray):
    """The array of a variable over all points."""

    def __init__(self, reader: _Reader, name: str, like: xr.Variable) -> None:
        self._reader, self._name, self._dims = reader, name, [str(dim) for dim in like.dims]
        self.shape = (*reader.grid.shape, *(reader.labels[dim].size for dim in self._dims))
        self.dtype = like.dtype if reader.whole else np.dtype(float)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read what a selection asks for."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray:
        where = [np.arange(size)[one] for one, size in zip(key, self.shape, strict=True)]
        ahead = len(self._reader.grid.shape)
        wanted = [np.atleast_1d(one) for one in where[ahead:]]
        points = np.arange(prod(self._reader.grid.shape)).reshape(self._reader.grid.shape)
        numbers = points[np.ix_(*map(np.atleast_1d, where[:ahead]))]
        made = np.full((numbers.size, *map(len, wanted)), 0 if self._reader.whole else np.nan, self.dtype)
        for place, number in enumerate(numbers.ravel()):
            self._fill(made[place], int(number), wanted)
        return made.reshape([one.size for one in where if one.ndim])

    def _fill(self, made: NDArray, number: int, wanted: Sequence[NDArray]) -> None:
        """Read of one run what is wanted along each of its dimensions."""
        found = self._reader.own(number, self._name)
        if found is None:
            return
        store, ds = found
        into, out_of = [], []
        for dim, asked in zip(self._dims, wanted, strict=True):
            places = self._reader.places(ds, dim)
            own = asked if places is None else places[asked]
            into.append(np.flatnonzero(own >= 0))
            out_of.append(_as_slice(own[own >= 0]))
        if all(map(len, into)):
            array = _opened(store)
            by_slices = all(isinstance(one, slice) for one in out_of)
            made[np.ix_(*into)] = array[tuple(out_of)] if by_slices else array.oindex[tuple(out_of)]


def _as_slice(places: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Places one after another as a slice, which is read at once."""
    if places.size and np.array_equal(places, np.arange(places[0], places[0] + places.size)):
        return slice(int(places[0]), int(places[-1]) + 1)
    return places


@lru_cache(maxsize=_ARRAYS_OPEN)
def _opened(store: Path) -> Any:
    import zarr

    with quiet():
        return zarr.open_array(store, mode="r", zarr_format=3)
