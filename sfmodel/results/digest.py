"""The digest of a result: one short text that two datasets have in common only if every value in them is the same, to the bit.

It is the SHA-256 of all variables and coordinates, in the order of their names: of each its name, dimensions, type and
shape, and its values as they lie in memory in C order, the lowest byte first, text in UTF-8. Attributes are left out: they
say what the run was and what it cost, such as the tick, the wall time and the memory, which may differ where the data do
not. So the same run has the same digest on any disk, in memory, and with any tick; docs/bits.md says on which processors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.results.recorder import annotate

if TYPE_CHECKING:
    import xarray as xr

_SLAB_BYTES = 2**26


def digest(ds: xr.Dataset) -> str:
    """Return the digest of a dataset's values, 64 hexadecimal digits.

    Reads each variable once, some windows at a time. Costs about a second for each GB of values.
    """
    total = hashlib.sha256()
    for name in sorted(map(str, ds.variables)):
        total.update(f"{name}\0".encode())
        total.update(_of_variable(ds.variables[name]))
    return total.hexdigest()


def digest_of(ds: xr.Dataset) -> str:
    """Return the digest that was written with a run; of an older run that of what is there."""
    written = ds.attrs.get("digest")
    return str(written) if written else digest(ds)


def note_digest(ds: xr.Dataset, store: Path) -> xr.Dataset:
    """Add the digest of a finished dataset to it and to its Zarr store."""
    return annotate(store, ds, {"digest": digest(ds)})


def _of_variable(variable: xr.Variable) -> bytes:
    is_text = variable.dtype.kind in "UTO"  # whose width, and so type, is that of the longest
    kind = "text" if is_text else variable.dtype.newbyteorder("<").str
    own = hashlib.sha256(f"{variable.dims} {kind} {variable.shape}\0".encode())
    for values in _slabs(variable):
        own.update(_text(values) if is_text else _plain(values).data)
    return own.digest()


def _slabs(variable: xr.Variable) -> Iterator[NDArray[Any]]:
    if not variable.ndim:
        yield variable.values
        return
    windows = max(1, _SLAB_BYTES // max(1, variable.nbytes // max(1, len(variable))))
    for first in range(0, len(variable), windows):
        yield variable[first : first + windows].values


def _plain(values: NDArray[Any]) -> NDArray[np.uint8]:
    ordered = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8)


def _text(values: NDArray[Any]) -> bytes:
    return "".join(f"{text}\0" for text in values.ravel().tolist()).encode()
