"""What several replications show of a row: the mean, its interval, in how many it is met, and whether it is as a whole.

The mean is judged; where a value is infinite (a recovery that never comes), each value is, since the mean says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfmodel.results.intervals import LEVEL, Interval, interval
from sfmodel.rows.measuring import Measured
from sfmodel.rows.rows import Row
from sfmodel.rows.table import MARKS, plain_table, range_of, row_data, written

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class OverSeeds:
    """One row, measured on several replications."""

    row: Row
    seeds: tuple[Measured, ...]
    """What each replication shows."""

    @property
    def values(self) -> list[float]:
        """Of the replications that show it."""
        return [one.value for one in self.seeds if one.value is not None]

    @property
    def interval(self) -> Interval | None:
        """The mean and its interval; none: no replication shows it."""
        return interval(self.values) if self.values else None

    @property
    def wanted(self) -> int:
        """How many replications should show it."""
        return len(self.seeds)

    @property
    def mean(self) -> Measured:
        """The mean, and whether the row is met; one that some replication does not show is not."""
        found = self.interval
        if found is None:
            first = next(iter(self.seeds), Measured(self.row, None, None, "since no run was finished"))
            return Measured(self.row, None, None, first.lacks, first.applies)
        if math.isnan(found.mean):
            return Measured(self.row, None, None, "since its values are infinite of both signs")
        if found.n < self.wanted:
            met = None if self.row.reported else False
            return Measured(self.row, found.mean, met, f"shown by {found.n} of {self.wanted} seeds")
        return Measured(self.row, found.mean, holds_over_seeds(self.row, self.values))

    @property
    def seeds_met(self) -> int | None:
        """In how many replications the value is in the range; none: the row has no range."""
        return None if self.row.reported else sum(bool(one.met) for one in self.seeds)

    @property
    def cells(self) -> tuple[str, ...]:
        """For a table: row, title, range, mean, interval, in how many replications met."""
        ends = self.interval and self.interval.ends
        between = range_of(self.row.model_copy(update=_between(*ends))) if ends else "–"
        over = self.mean
        mean = written(over.value, self.row) if over.applies else "n/a"
        met = f"{self.seeds_met}/{self.wanted}" if over.applies and not self.row.reported else "–"
        return self.row.id, self.row.title.strip(), range_of(self.row), mean, between, met


HEADS = ("row", "figure", "range", "mean", f"{LEVEL:.0%} interval", "seeds")
"""What stands above `OverSeeds.cells`."""


def holds_over_seeds(row: Row, values: Sequence[float]) -> bool | None:
    """Whether values, at least one, are in the range of a row: their mean, or each of them where one is infinite.

    None: the row has no range.
    """
    if row.reported:
        return None
    if all(map(math.isfinite, values)):
        return row.holds(interval(values).mean)
    return all(map(row.holds, values))


def over_seeds(every: Sequence[Mapping[str, Measured]]) -> dict[str, OverSeeds]:
    """Put together what `measure_rows` gives for each replication."""
    return {name: OverSeeds(one.row, tuple(found[name] for found in every)) for name, one in every[0].items()}


def add_columns(table: Table) -> None:
    """Give a table a column for the mark and one for each of `HEADS`."""
    table.add_column("")
    for head in HEADS:
        if head == "figure":
            table.add_column(head, ratio=1, overflow="fold")
        elif head == "row":
            table.add_column(head, overflow="fold")
        else:
            table.add_column(head, justify="right", no_wrap=True)


def add_line(table: Table, one: OverSeeds) -> None:
    """Add the line of a row."""
    from rich.markup import escape

    table.add_row(MARKS[one.mean.met], *map(escape, one.cells))


def seeds_table(measured: Mapping[str, OverSeeds], title: str = "") -> Table:
    """Lay out what several replications show of each row."""
    table = plain_table(title)
    add_columns(table)
    for one in measured.values():
        add_line(table, one)
    return table


def seeds_data(measured: Mapping[str, OverSeeds], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """What was measured, as JSON can hold it: as `rows_data`, with interval, seeds met, and the value of each seed."""
    data = []
    for name, one in measured.items():
        found = one.interval
        low, high = (found and found.ends) or (None, None)
        data.append(
            {
                **row_data(name, one.mean),
                "low": low,
                "high": high,
                "seeds": one.wanted,
                "seeds_met": one.seeds_met,
                "values": {
                    str(seed): row_data(name, each)["value"] for seed, each in zip(seeds, one.seeds, strict=True)
                },
            }
        )
    return data


def _between(low: float, high: float) -> dict[str, float | bool | None]:
    return {"at_least": low, "at_most": high, "above": None, "below": None, "reported": False}
