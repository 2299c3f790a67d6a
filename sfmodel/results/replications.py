"""A dataset of several replications: the runs of one configuration with different seeds, taken apart again.

Its variables have, behind `time`, a dimension `replication`, whose coordinate is the seed. What differs from one
replication to the next among the attributes (what it cost, totals of counters) is a list, `replications`, in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.errors import ConfigError

if TYPE_CHECKING:
    import xarray as xr

DIM = "replication"
FOLDER = "replications"
"""Folder of a run in which each replication has a run's folder of its own, under its seed."""


def is_replicated(ds: xr.Dataset) -> bool:
    """Whether a dataset holds several replications."""
    return DIM in ds.dims


def seeds_of(ds: xr.Dataset) -> list[int]:
    """Seeds of the replications; of a plain run, its own."""
    return [int(seed) for seed in ds[DIM].values] if is_replicated(ds) else [int(ds.attrs.get("seed", 0))]


def replication(ds: xr.Dataset, seed: int | None = None) -> xr.Dataset:
    """One replication as the dataset of a plain run; all leave out the same transient, that of their mean.

    Parameters
    ----------
    ds
        Dataset of a run, plain or replicated.
    seed
        Its seed; none: the first.

    Raises
    ------
    ConfigError
        There is none with this seed.
    """
    seeds = seeds_of(ds)
    if seed is not None and seed not in seeds:
        raise ConfigError(f"there is no replication with seed {seed}; there are those with {written_seeds(seeds)}")
    if not is_replicated(ds):
        return ds
    number = 0 if seed is None else seeds.index(seed)
    own: dict[str, Any] = ds.attrs[FOLDER][number]
    one = ds.isel({DIM: number}, drop=True)
    one.attrs = {name: value for name, value in ds.attrs.items() if name != FOLDER} | own
    if isinstance(one.attrs.get("config"), dict):
        one.attrs["config"] = {**one.attrs["config"], "seed": own["seed"]}
    return one


def beside(base: xr.Dataset, seed: int) -> xr.Dataset:
    """What a replication with this seed is compared with: that of the base, or all of a base that is a plain run."""
    return replication(base, seed) if is_replicated(base) else base


def replications(ds: xr.Dataset) -> dict[int, xr.Dataset]:
    """Every replication as the dataset of a plain run, by seed; of a plain run, itself."""
    return {seed: replication(ds, seed) for seed in seeds_of(ds)}


def folder_of(run: Path, ds: xr.Dataset, seed: int | None = None) -> Path:
    """Folder of one replication, none: the first; of a plain run, its own."""
    return run / FOLDER / str(seeds_of(ds)[0] if seed is None else seed) if is_replicated(ds) else run


def written_seeds(seeds: Sequence[int]) -> str:
    """Write seeds in few words: 1 to 5, or 1, 3, 4."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
