"""The datasets of several replications as one: every variable of time gets the dimension `replication` behind `time`.

A chunk holds windows of one replication, as in their own stores, and is copied on its own, so that a day of full-scale
replications never has to fit in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.errors import RunError, SfmodelError
from sfmodel.provenance import PROVENANCE
from sfmodel.results.disk import disk_errors
from sfmodel.results.folder import DATASET, INCOMPLETE
from sfmodel.results.recorder import open_store, quiet
from sfmodel.results.replications import DIM, FOLDER, written_seeds

if TYPE_CHECKING:
    import xarray as xr

_ADDED = ("events", "requests", "wall_seconds")
_HIGHEST = ("peak_memory_bytes", "compile_seconds")
_OWN = ("name", "config", "transient_s", "transient_in", "unsettled")
"""What the list leaves out: how each was called, and what it showed alone."""


def merge(folders: Mapping[int, Path], name: str, written: Mapping[str, Any], store: Path | None) -> xr.Dataset:
    """Write the datasets of replications as one, and open it lazily.

    Parameters
    ----------
    folders
        Folder of each finished replication, by seed.
    name
        Name of the run.
    written
        Its configuration.
    store
        Folder of the new Zarr store; none: in memory.

    Raises
    ------
    RunError
        The store cannot be written; replications are made of different code or data; one is damaged, and no longer
        counts as finished.
    """
    import zarr

    target: Any = zarr.storage.MemoryStore() if store is None else store
    with disk_errors(target), quiet():
        parts = {folder: _opened(folder) for folder in folders.values()}
        attributes = [dict(part.attrs) for part in parts.values()]
        _check_made_of_the_same(dict(zip(folders, attributes, strict=True)))
        group = zarr.open_group(target, mode="w", zarr_format=3)
        for variable, array in next(iter(parts.values())).arrays():
            _join(group, variable, array, parts)
        _add_seeds(group, list(folders))
        group.attrs.update(merged_attributes(attributes, name, written))
        zarr.consolidate_metadata(target)
    return open_store(target)


def _opened(folder: Path) -> Any:
    import zarr

    with _damage_of(folder):
        return zarr.open_group(folder / DATASET, mode="r", zarr_format=3)


@contextmanager
def _damage_of(folder: Path) -> Iterator[None]:
    """Where a replication cannot be read, mark it unfinished, so that the next call makes it again.

    Raises
    ------
    RunError
        Says which one.
    """
    try:
        yield
    except (SfmodelError, MemoryError):
        raise
    except Exception as error:
        reason = f"its dataset is damaged and cannot be read ({' '.join(str(error).split())})"
        with suppress(OSError):
            (folder / INCOMPLETE).write_text(f"{reason}.\n", encoding="utf-8")
        raise RunError(f"{FOLDER}/{folder.name}: {reason}; the next call makes seed {folder.name} again") from error


def _check_made_of_the_same(every: Mapping[int, Mapping[str, Any]]) -> None:
    """Refuse replications, by seed, of different code or data: their means would be of nothing that exists.

    Raises
    ------
    RunError
        Says which differ, in what.
    """
    for key, what in PROVENANCE.items():
        seeds: dict[str, list[int]] = {}
        for seed, attributes in every.items():
            seeds.setdefault(json.dumps(attributes.get(key), sort_keys=True), []).append(seed)
        if len(seeds) > 1:
            groups = " and ".join(f"seeds {written_seeds(alike)}" for alike in seeds.values())
            raise RunError(
                f"replications were made of different {what}, changed while they were made: {groups}; "
                "the next call keeps those that were made of what is there now, and makes the others again"
            )


def merged_attributes(every: list[dict[str, Any]], name: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a run of several replications: what all share, what it cost in all, and a list of what differs."""
    first = every[0]
    same = {key: value for key, value in first.items() if all(one.get(key) == value for one in every)}
    shared = {key: value for key, value in same.items() if key not in (*_ADDED, *_HIGHEST, "digest")}  # that of each
    own = [{key: value for key, value in one.items() if key not in {*shared, *_OWN}} for one in every]
    for one, attrs in zip(own, every, strict=True):
        one["seed"] = attrs["seed"]
    sums = {key: sum(one[key] for one in every) for key in _ADDED if key in first}
    highest = {key: max(one[key] for one in every) for key in _HIGHEST if key in first}
    whole = {"name": name, "config": dict(written), "seed": first["seed"], FOLDER: own}
    return {**shared, **sums, **highest, **whole}


def _is_own(variable: str, array: Any) -> bool:
    """Whether each replication has values of its own: everything over time but the windows themselves."""
    return array.metadata.dimension_names[:1] == ("time",) and variable not in ("time", "width")


def _join(group: Any, variable: str, array: Any, parts: Mapping[Path, Any]) -> None:
    """Write a variable of all replications, or one that they share and of which `array` is the first's."""
    dims = array.metadata.dimension_names
    if not _is_own(variable, array):
        with _damage_of(next(iter(parts))):
            shared = array[...]
        _create(group, variable, array, array.shape, array.chunks, dims)[...] = shared
        return
    chunks = (array.chunks[0], 1, *array.chunks[1:])
    shape = (array.shape[0], len(parts), *array.shape[1:])
    joined = _create(group, variable, array, shape, chunks, ("time", DIM, *dims[1:]))
    for number, (folder, part) in enumerate(parts.items()):
        with _damage_of(folder):
            one = part[variable]
        for start in range(0, one.shape[0], chunks[0]):
            with _damage_of(folder):
                values = one[start : start + chunks[0]]
            joined[start : start + chunks[0], number] = values


def _create(
    group: Any, variable: str, like: Any, shape: tuple[int, ...], chunks: tuple[int, ...], dims: tuple[str, ...]
) -> Any:
    return group.create_array(
        variable,
        shape=shape,
        chunks=chunks,
        dtype=like.dtype,
        compressors=like.compressors,
        dimension_names=dims,
        attributes=dict(like.attrs),
        config={"write_empty_chunks": True},
    )


def _add_seeds(group: Any, seeds: list[int]) -> None:
    attrs = {"units": "1", "long_name": "Seed of the replication"}
    made = group.create_array(DIM, shape=(len(seeds),), dtype="int64", dimension_names=(DIM,), attributes=attrs)
    made[...] = np.array(seeds, np.int64)
