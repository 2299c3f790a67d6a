"""Replications: one configuration with several seeds, each run in a process of its own, as one dataset.

    runs/<name>/  dataset.zarr  summary.json  figures/  …  replications/<seed>/  dataset.zarr  summary.json  traces.jsonl  …

Each replication is an ordinary run with its folder. When all are there, their datasets are written as one.
"""

from sfmodel.replications.making import replicate, replicate_in_memory

__all__ = ["replicate", "replicate_in_memory"]
