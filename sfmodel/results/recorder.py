"""From the values of each window to a labelled dataset in a Zarr store.

A window is copied into buffers, and buffers go to the store a whole chunk at a time, so that a run of any length costs
the same memory: histograms in chunks of 60 windows, everything else in chunks of 1024. Chunks are by time, which is the
first dimension of every variable. A window of 50
endpoints and 80 call sites costs some 0.25 ms, most of it compression.

A variable of the registry that the first window does not carry is left out of the dataset: it was not measured, which
is not the same as zero.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfmodel.results.disk import disk_errors
from sfmodel.results.variables import LABEL_SENTENCES, VARIABLES, Variable, coordinates, declare

if TYPE_CHECKING:
    import xarray as xr

FORMAT = 1
"""Version of the layout of a dataset; `sfmodel.open` refuses another."""

CHUNK_WINDOWS = 1024
HISTOGRAM_CHUNK_WINDOWS = 60
FIRST_CHUNKS = 16
"""Of an array when it is made, which then doubles: cutting it asks the store for every chunk that it could have had."""


class Recorder:
    """Collects the values of one run, window by window.

    Parameters
    ----------
    labels
        Labels of service, endpoint, station, call, cache, limiter, queue and request; a missing dimension is empty.
    start_s
        Start of the first window, s since midnight of day 1.
    window_s
        Width of a window, s.
    windows
        Number of windows expected; fewer may be recorded, not more.
    counters
        (unit, title) of each counter of the platform, by name.
    store
        Folder of the Zarr store, made anew; none: in memory.
    """

    def __init__(
        self,
        labels: Mapping[str, Sequence[str]],
        start_s: float,
        window_s: float,
        windows: int,
        counters: Mapping[str, tuple[str, str]] | None = None,
        store: Path | None = None,
    ) -> None:
        """Make an empty store; arrays are made when the first window tells which variables there are."""
        import zarr

        self.start_s, self.window_s, self.windows = float(start_s), float(window_s), int(windows)
        self.recorded = 0
        self._store = zarr.storage.MemoryStore() if store is None else Path(store)
        self._declared = declare(labels, counters or {})
        self._coordinates = coordinates(labels)
        self._sizes = {dim: len(values) for dim, values in self._coordinates.items()}
        self._columns: list[_Column] = []
        with disk_errors(self._store):
            self._group = zarr.open_group(self._store, mode="w", zarr_format=3)

    def record(self, k: int, values: Mapping[str, ArrayLike]) -> None:
        """Add window `k` (0, 1, …): one array for each variable, in the shape of the registry, time left out.

        Raises
        ------
        RunError
            The store cannot be written.
        """
        if k != self.recorded or k >= self.windows:
            raise ValueError(f"expected window {self.recorded} of {self.windows}, found window {k}")
        if k == 0:
            self._make_columns(values)
        for column in self._columns:
            column.append(values[column.variable.name])
        self.recorded += 1

    def add(self, name: str, dims: Sequence[str], array: ArrayLike, attrs: Mapping[str, Any]) -> None:
        """Add a variable that is not of the registry, such as the edges of the dependency graph.

        Parameters
        ----------
        name, dims
            Name and dimensions, first to last.
        array
            Values; strings are allowed.
        attrs
            Attributes; `units` and `long_name` are expected.
        """
        values = np.asarray(array)
        if values.dtype.kind == "U":
            values = values.astype(np.dtypes.StringDType())
        with disk_errors(self._store), quiet():
            made = self._group.create_array(
                name, shape=values.shape, dtype=values.dtype, dimension_names=tuple(dims), attributes=dict(attrs)
            )
            if values.size:
                made[...] = values

    def finish(self, attrs: Mapping[str, Any]) -> xr.Dataset:
        """Write what is left, the coordinates and the attributes, and open the dataset lazily.

        Parameters
        ----------
        attrs
            Attributes of the run; `until_s` gives the end of the last window if it was cut short.

        Raises
        ------
        RunError
            The store cannot be written.
        """
        import zarr

        if not self.recorded:
            self._make_columns(self._declared)
        with disk_errors(self._store), quiet():
            for column in self._columns:
                column.finish(self.recorded)
        self._write_coordinates(attrs)
        with disk_errors(self._store), quiet():
            self._group.update_attributes(_plain({**attrs, "format": FORMAT, "window_s": self.window_s}))
            zarr.consolidate_metadata(self._store)
        return open_store(self._store)

    def _make_columns(self, names: Mapping[str, Any]) -> None:
        unknown = sorted(set(names) - set(self._declared) - set(VARIABLES))
        if unknown:
            raise ValueError(f"expected variables of the registry and counters, found {', '.join(unknown)}")
        with disk_errors(self._store):
            self._columns = [
                _Column(variable, self._group, variable.shape(self._sizes), self.windows)
                for variable in self._declared.values()
                if variable.name in names
            ]

    def _write_coordinates(self, attrs: Mapping[str, Any]) -> None:
        starts = self.start_s + self.window_s * np.arange(self.recorded)
        ends = np.minimum(starts + self.window_s, float(attrs.get("until_s", math.inf)))
        self.add("time", ["time"], starts, {"units": "s", "long_name": "Start of the window, since midnight of day 1"})
        self.add("width", ["time"], ends - starts, {"units": "s", "long_name": "Width of the window", "kind": "sum"})
        for dim, values in self._coordinates.items():
            unit = {"units": "s"} if dim == "latency" else {}
            self.add(dim, [dim], values, {**unit, "long_name": LABEL_SENTENCES[dim]})


class _Column:
    """One variable's buffer and its array in the store; the buffer is one chunk."""

    def __init__(self, variable: Variable, group: Any, shape: tuple[int, ...], windows: int) -> None:
        from zarr.codecs import BloscCodec

        self.variable = variable
        height = HISTOGRAM_CHUNK_WINDOWS if "latency" in variable.dims else CHUNK_WINDOWS
        self._buffer: NDArray[Any] = np.zeros((max(1, min(height, windows)), *shape), variable.dtype)
        self._filled = 0
        self._written = 0
        self._windows = windows
        # Empty chunks are written too: looking for them costs more than compressing them.
        self._array = group.create_array(
            variable.name,
            shape=(min(windows, FIRST_CHUNKS * len(self._buffer)), *shape),
            chunks=self._buffer.shape,
            dtype=variable.dtype,
            dimension_names=("time", *variable.dims),
            compressors=BloscCodec(cname="lz4", clevel=3, shuffle="shuffle"),
            attributes=variable.attributes(),
            config={"write_empty_chunks": True},
        )

    def append(self, value: ArrayLike) -> None:
        """Add one window's values."""
        self._buffer[self._filled] = value
        self._filled += 1
        if self._filled == len(self._buffer):
            self._flush()

    def _flush(self) -> None:
        end = self._written + self._filled
        with disk_errors(self._array.store):
            if end > self._array.shape[0]:
                self._resize(min(2 * end, self._windows))
            self._array[self._written : end] = self._buffer[: self._filled]
        self._written = end
        self._filled = 0

    def finish(self, windows: int) -> None:
        """Write what is left and cut the array to the windows recorded."""
        if self._filled:
            self._flush()
        if self._array.shape[0] != windows:
            self._resize(windows)

    def _resize(self, windows: int) -> None:
        self._array.resize((windows, *self._array.shape[1:]))


def annotate(store: Path, ds: xr.Dataset, attrs: Mapping[str, Any]) -> xr.Dataset:
    """Add attributes to a dataset, such as what was found in it, and to the Zarr store that it was opened from."""
    import zarr

    plain = _plain(attrs)
    with disk_errors(store), quiet():
        zarr.open_group(store, mode="r+", zarr_format=3, use_consolidated=True).update_attributes(plain)
    return ds.assign_attrs(plain)


def open_store(store: Any) -> xr.Dataset:
    """Open a Zarr store (path or store object) lazily: a variable is read when its values are asked for."""
    import xarray as xr

    with quiet():
        opened = xr.open_zarr(store, chunks=None, consolidated=True, decode_times=False, zarr_format=3)
        texts = {name: _text(found) for name, found in opened.variables.items() if found.dtype.kind in "TO"}
    named = opened.assign_coords({name: text for name, text in texts.items() if name in opened.coords}).assign(
        {name: text for name, text in texts.items() if name not in opened.coords}
    )
    known = [name for name in VARIABLES if name in named]
    others = [name for name in named.data_vars if name not in VARIABLES and name != "width"]
    described = named.set_coords("width")[known + others]
    described["width"].load()  # every measure asks for it
    return described


def _text(found: xr.Variable) -> xr.Variable:
    """Strings of a fixed width, which every version of xarray and pandas can compare and index."""
    return found.copy(data=np.array(found.values.tolist(), dtype=str))


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as JSON can hold them: NumPy numbers as numbers, everything unknown as text."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(attrs), default=_plain_value))
    return plain


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Zarr's remarks on what its specification does not cover yet: strings and consolidated metadata."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="zarr")
        yield
