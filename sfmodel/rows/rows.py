"""Rows: what a platform is known to do, as data. Each has a measure, a period, a range, and the sentence it is from.

A file of rows (`conf/rows/<platform>.yaml`) is validated here, before anything is measured.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from sfmodel.clock import clock
from sfmodel.errors import nearest
from sfmodel.results.measures import DAY_S
from sfmodel.rows.expressions import Expression
from sfmodel.schema.base import Unit, Word
from sfmodel.schema.quantities import Clock, Duration, to_amount, to_duration_s, to_factor

TAKES = ("median", "mean", "total", "count", "highest", "lowest", "growth")
"""How the values of a period's windows become one; highest and lowest may have a number behind them."""


def to_expression(value: Any) -> Expression:
    """Parse an expression."""
    return value if isinstance(value, Expression) else Expression(value)


def to_bound(written: Any, unit: str) -> float:
    """A number in this unit: seconds from '200 ms', a share from '15 %', else as it is written."""
    if unit == "s":
        return to_duration_s(written)
    if unit == "share":
        return to_factor(written)
    if unit == "1":
        return to_amount(written)
    try:
        return float(written)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number in {unit}, such as 100, found '{written}'") from None


def _check_unit(unit: str) -> None:
    """Refuse units in which a row would be off by a factor: measures are in seconds and in shares of 1."""
    if unit in ("%", "percent", "pct"):
        raise ValueError(f"unit: expected share, found '{unit}'; ends of the range may be written as '15 %'")
    if unit in ("ns", "us", "µs", "ms", "sec", "second", "seconds", "min", "minutes", "h", "hours", "d"):
        raise ValueError(f"unit: expected s, found '{unit}'; ends of the range may be written as '200 ms'")


def _to_take(value: Any) -> str:
    text = " ".join(str(value).split())
    if not re.fullmatch(r"(median|mean|total|count|growth|(highest|lowest)( [1-9]\d*)?)", text):
        raise ValueError(f"unknown value '{text}'; {nearest(text, [*TAKES, 'highest 3', 'lowest 3'])}")
    return text


Measure = Annotated[Expression, PlainValidator(to_expression, json_schema_input_type=str)]
Bound = Annotated[float | None, BeforeValidator(lambda end: end, json_schema_input_type=float | str | None)]
Hours = Annotated[tuple[Clock, Clock], Field(min_length=2, max_length=2)]


class Row(Word):
    """One figure of a run and the range in which it counts as reproduced."""

    id: str
    """Name; several rows of one figure share what stands before the dot."""
    title: str
    """What is measured, in a few words."""
    measure: Measure
    """Expression over the run's dataset: a number for each window."""
    period: str = "whole"
    """One of the file's periods."""
    window: Duration | None = Field(default=None, gt=0)
    """Width of the windows that are measured; none: the file's."""
    take: Annotated[str, BeforeValidator(_to_take)] = "median"
    """How the windows of the period (or the requests that took a path) become one number: median, mean, total (sum),
    count, highest or lowest, `highest 3` the mean of the three highest, growth (the mean of the last third over that
    of the first)."""
    relative_to: str | None = None
    """Period by whose value this one's is divided."""
    unit: Unit = "1"
    """s, share, 1, or any other unit of the measure, such as USD/h."""
    at_least: Bound = None
    """Lower end of the range."""
    at_most: Bound = None
    """Upper end of the range."""
    above: Bound = None
    """Lower end, itself outside."""
    below: Bound = None
    """Upper end, itself outside."""
    reported: bool = False
    """Measured and shown without a range, and not judged."""
    source: str = ""
    """The sentence that says so."""

    @property
    def called(self) -> str:
        """What a message calls it."""
        return f"row {self.id}"

    @model_validator(mode="before")
    @classmethod
    def _bounds_in_units(cls, written: Any) -> Any:
        """Read the ends of the range in the unit of the row."""
        if not isinstance(written, Mapping):
            return written
        read, unit = dict(written), str(written.get("unit", "1"))
        _check_unit(unit)
        for key in ("at_least", "at_most", "above", "below"):
            if read.get(key) is not None:
                try:
                    read[key] = to_bound(read[key], "1" if read.get("relative_to") else unit)
                except ValueError as error:
                    raise ValueError(f"{key}: {error}") from None
        return read

    @model_validator(mode="after")
    def _has_a_range(self) -> Row:
        if not self.bounds and not self.reported:
            raise ValueError(
                f"{self.called} has no range; give at_least, at_most, above or below, or reported: true if it shall not be judged"
            )
        if self.bounds and self.reported:
            raise ValueError(f"{self.called} is reported and has a range; leave out one of them")
        low, high = self.ends
        if low > high or (low == high and not self.holds(low)):
            raise ValueError(f"{self.called}: no value is {_written_bounds(self.bounds)}")
        return self

    @property
    def periods(self) -> tuple[str, str]:
        """The periods that it names."""
        return self.period, self.relative_to or "whole"

    @property
    def bounds(self) -> dict[str, float]:
        """The ends of the range that are given, by key."""
        ends = {"at_least": self.at_least, "above": self.above, "at_most": self.at_most, "below": self.below}
        return {key: end for key, end in ends.items() if end is not None}

    @property
    def ends(self) -> tuple[float, float]:
        """Lower and upper end of the range; infinite where there is none."""
        low = max((end for end in (self.at_least, self.above) if end is not None), default=-math.inf)
        return low, min((end for end in (self.at_most, self.below) if end is not None), default=math.inf)

    def holds(self, value: float) -> bool | None:
        """Whether a value is in the range; none: the row has no range."""
        return (
            None
            if self.reported
            else not math.isnan(value) and all(_HOLDS[key](value, end) for key, end in self.bounds.items())
        )


def check_periods(periods: Mapping[str, Sequence[float]], wanted: Iterable[tuple[str, str]]) -> None:
    """Refuse periods of more than half a day over midnight, and names that are none of them.

    Parameters
    ----------
    periods
        Name → from when to when, s since midnight.
    wanted
        (row, period that it names).
    """
    for name, (start, end) in periods.items():
        if end <= start and (end - start) % DAY_S > DAY_S / 2:
            raise ValueError(
                f"periods.{name}: from {clock(start)} to {clock(end)} is more than half a day, over midnight; write it the "
                f"other way round, or end it at {clock(end + DAY_S)}"
            )
    valid = ("whole", *periods)
    for row, period in wanted:
        if period not in valid:
            raise ValueError(f"{row}: there is no period '{period}'; {nearest(period, valid)}")


class Again(Word):
    """Rows that shall hold in another period, too."""

    id: str
    """Name of the figure; the rows become `id.row`."""
    rows: str
    """Which rows, by id; * stands for any text."""
    period: str
    """One of the file's periods."""
    source: str = ""
    """The sentence that says so."""


class Rows(Word):
    """All rows of a platform or of a scenario."""

    run: tuple[str, ...] | None = None
    """Words behind `sfmodel run` for the run that is measured; none: the scenario of this file's name."""
    beside: tuple[str, ...] | None = None
    """The same for the paired run; none: the platform with nothing changed."""
    window: Duration = Field(default=300.0, gt=0)
    """Width of the windows that are measured."""
    periods: dict[str, Hours] = Field(default_factory=dict)
    """From when to when, each day, by name. `whole` is the whole run."""
    define: dict[str, Measure] = Field(default_factory=dict)
    """Expressions that others may name."""
    rows: tuple[Row, ...] = ()
    """The rows, in the order of the table."""
    again: tuple[Again, ...] = ()
    """Rows that shall hold in another period, too."""

    @model_validator(mode="after")
    def _periods_exist(self) -> Rows:
        wanted = [(row.called, period) for row in self.rows for period in row.periods]
        check_periods(self.periods, [*wanted, *((f"row {again.id}", again.period) for again in self.again)])
        ids = [row.id for row in self.rows]
        twice = next((name for name in ids if ids.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"there are two rows '{twice}'; give each an id of its own")
        return self

    @property
    def every(self) -> tuple[Row, ...]:
        """All rows, those of `again` written out."""
        repeated = [
            row.model_copy(
                update={"id": f"{again.id}.{row.id}", "period": again.period, "source": again.source or row.source}
            )
            for again in self.again
            for row in self.rows
            if fnmatchcase(row.id, again.rows)
        ]
        return (*self.rows, *repeated)

    @property
    def judged(self) -> tuple[Row, ...]:
        """All rows that have a range."""
        return tuple(row for row in self.every if not row.reported)

    def only(self, patterns: Sequence[str]) -> tuple[Row, ...]:
        """Rows whose id, or what stands before its first dot, fits one of the patterns."""
        return tuple(
            row
            for row in self.every
            if any(fnmatchcase(row.id, p) or fnmatchcase(row.id.partition(".")[0], p) for p in patterns)
        )


def read_rows(path: Path) -> Rows:
    """Read a file of rows.

    Raises
    ------
    ConfigError
        It is no YAML, or something in it is wrong; the message has a line for each mistake.
    """
    from sfmodel.rows.files import read_words

    return read_words(path, Rows)


def _written_bounds(bounds: Mapping[str, float]) -> str:
    return " and ".join(f"{key.replace('_', ' ')} {end:g}" for key, end in bounds.items())


_HOLDS = {
    "at_least": lambda value, end: value >= end,
    "above": lambda value, end: value > end,
    "at_most": lambda value, end: value <= end,
    "below": lambda value, end: value < end,
}
