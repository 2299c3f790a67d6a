"""The headline figures of several replications: of each its mean, its interval, and of how many replications."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sfmodel.results.intervals import interval

Summary = dict[str, Any]

_KINDS = "failed_"
"""A kind of failure that a replication does not name did not happen in it."""

_NO_REQUESTS: dict[str, float | None] = {"requests": 0.0}
"""What a replication shows of a class that it does not name."""


def combine(summaries: Sequence[Summary], facts: dict[str, Any]) -> Summary:
    """Make one summary of those of all replications.

    Parameters
    ----------
    summaries
        What `summarise` gives for each.
    facts
        What is said of the run as a whole.

    Returns
    -------
    As for one run; the `value` of a figure is the mean over the `n` replications that show it, and `low` and `high` are
    the ends of its interval at 95 %, null where it is not known. A figure is there if all replications have it.
    """
    combined: Summary = {"run": facts, "classes": {}}
    for period in [name for name in summaries[0] if name not in ("run", "classes")]:
        every = [one[period] for one in summaries if period in one]
        combined[period] = _figures(every)
        combined["classes"][period] = _classes([one["classes"][period] for one in summaries if period in one])
    return combined


def _figures(every: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    found = {}
    for key in in_order(every):
        entry = next(one[key] for one in every if key in one)
        entries = [one.get(key) or ({"value": 0.0} if key.startswith(_KINDS) else None) for one in every]
        if all(entries):
            values = [one["value"] for one in entries if one and one["value"] is not None]
            found[key] = {"name": entry["name"], **_over_seeds(values), "unit": entry["unit"]}
    return found


def in_order(every: Iterable[Iterable[str]]) -> list[str]:
    """All keys that any has, each behind the one that it follows there."""
    keys: list[str] = []
    for one in every:
        place = 0
        for key in one:
            if key not in keys:
                keys.insert(place, key)
            place = keys.index(key) + 1
    return keys


def _over_seeds(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"value": None, "low": None, "high": None, "n": 0}
    known = interval(values)
    low, high = known.ends or (None, None)
    return {"value": known.mean, "low": low, "high": high, "n": known.n}


def _classes(every: Sequence[dict[str, dict[str, Any]]]) -> dict[str, dict[str, float | None]]:
    """Mean of each column over the replications in which the class has requests; of requests themselves, over all."""
    found = {}
    for label in in_order(every):
        columns = next(one[label] for one in every if label in one)
        rows = [one.get(label, _NO_REQUESTS) for one in every]
        found[label] = {column: _mean([row.get(column) for row in rows]) for column in columns}
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
