"""Effects as a table and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.results.comparison_table import NOTHING, signed_interval
from sfmodel.results.intervals import LEVEL, Interval
from sfmodel.results.replications import written_seeds
from sfmodel.results.summary import format_value
from sfmodel.sweeps.effects import Effects
from sfmodel.sweeps.factorial import OWN
from sfmodel.sweeps.observations import Observations

if TYPE_CHECKING:
    from rich.table import Table


def effects_table(effects: Effects, figures: Mapping[str, tuple[str, str]], keys: Sequence[str]) -> Table:
    """Lay out a line for each change, the largest effect on the first figure first, interactions that are found below.

    Parameters
    ----------
    effects
        Of one part of a sweep.
    figures
        Title and unit of each figure.
    keys
        Which are shown, in columns.
    """
    from rich.table import Table

    shown = [key for key in keys if key in effects.level]
    table = Table(title=title_of(effects), title_justify="left", header_style="bold")
    table.add_column(f"beside {effects.beside}" if effects.kind == "beside" else "effect")
    for key in shown:
        table.add_column(figures[key][0], justify="right")
    table.add_row(effects.beside if effects.kind == "beside" else "mean of all points",
                  *(format_value(effects.level[key], figures[key][1]) for key in shown), style="dim")  # fmt: skip
    rows = sorted(effects.rows, key=lambda row: (row.is_interaction, -abs(row.sizes[shown[0]].mean) if shown else 0))
    for row in rows:
        if not row.is_interaction or any(row.sizes[key].is_found for key in shown):
            table.add_row(row.title, *(_cell(row.sizes[key], figures[key][1]) for key in shown))
    return table


def title_of(effects: Effects) -> str:
    """What the table is of."""
    where = ", ".join(f"{key}={label}" for key, label in effects.where.items())
    return f"Effects{f' with {where}' if where else ''}"


def said(effects: Effects) -> str:
    """How the numbers came about, in a sentence or two."""
    if len(effects.seeds) < 2:
        return (
            f"One seed, {effects.seeds[0]}: what is chance cannot be told from an effect; run more seeds, seed=1,2,3."
        )
    over = f"seeds {written_seeds(effects.seeds)}"
    if effects.kind == "grid":
        of_two = (
            " Of two seeds intervals are wide: each is by its own two; a third narrows them."
            if len(effects.seeds) < OWN
            else ""
        )
        return (
            f"Each effect is the mean with the value less the mean with the key's first, over all points and {over}, ± half of "
            f"its {LEVEL:.0%} interval, by how it differs between seeds.{of_two}{_of_interactions(effects)}"
        )
    if effects.kind == "factorial":
        together = (
            " Two seeds hardly tell an effect's variance: all are taken to be alike, and an effect that differs much more "
            "between seeds than the others has too short an interval; a third seed gives each its own."
        )
        joined = (
            f"Joined by = are effects that this design does not tell apart.{_of_interactions(effects)}"
            if effects.is_regular
            else "This design mixes interactions into the effects of several changes: none are estimated, and the effects are "
            "right only as far as changes do not act on each other."
        )
        return (
            f"Each effect is the mean with the change less the mean without it, over all points and {over}, ± half of its "
            f"{LEVEL:.0%} interval, by how it differs between seeds.{together if len(effects.seeds) < OWN else ''} {joined}"
        )
    return f"Mean differences over {over}, paired, ± half of their {LEVEL:.0%} intervals."


def _of_interactions(effects: Effects) -> str:
    """What the size of an interaction means, and which are shown."""
    count = sum(row.is_interaction for row in effects.rows)
    if not count:
        return ""
    return (
        " An interaction a × b is half of what b adds to the effect of a. "
        f"Of {count} only those are shown that are more than chance in some figure; one in twenty would be by chance alone."
    )


def _cell(size: Interval, unit: str) -> str:
    if size.is_found is False:
        return NOTHING if size.mean == 0 else f"({signed_interval(size, unit)})"
    return signed_interval(size, unit)


def effects_data(every: Sequence[Effects], observations: Observations) -> dict[str, Any]:
    """The same as JSON has it, with the names of the points that are not finished."""
    return {
        "period": observations.period,
        "missing": observations.missing,
        "effects": [
            {
                "where": dict(one.where),
                "kind": one.kind,
                "beside": one.beside or None,
                "seeds": one.seeds,
                "level": dict(one.level),
                "rows": [
                    {
                        "change": row.title,
                        "interaction": row.is_interaction,
                        "figures": {key: _data(size) for key, size in row.sizes.items()},
                    }
                    for row in one.rows
                ],
            }
            for one in every
        ],
        "figures": {key: {"name": name, "unit": unit} for key, (name, unit) in observations.figures.items()},
    }


def _data(size: Interval) -> dict[str, Any]:
    low, high = size.ends or (None, None)
    return {"size": size.mean if math.isfinite(size.mean) else None, "low": low, "high": high, "found": size.is_found}
