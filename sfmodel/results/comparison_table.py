"""A comparison of two runs as a table and as data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sfmodel.results.comparison import Comparison, Effect
from sfmodel.results.intervals import Interval
from sfmodel.results.summary import PERIODS, format_interval, format_value

if TYPE_CHECKING:
    from rich.table import Table

NOTHING = "no difference found"


def comparison_table(comparison: Comparison, period: str, names: tuple[str, str], *, every: bool = False) -> Table:
    """Lay out the effects of a period; those that are not found only if `every` is asked for."""
    from rich.table import Table

    table = Table(title=f"{names[1]} beside {names[0]}, {PERIODS[period]}", title_justify="left", header_style="bold")
    table.add_column("figure")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("difference", justify="right")
    table.add_column("", justify="right", no_wrap=True)
    for effect in comparison.effects[period]:
        if every or effect.is_found is not False:
            table.add_row(
                effect.title, format_value(effect.a, effect.unit), format_value(effect.b, effect.unit), *_cells(effect)
            )
    return table


def _cells(effect: Effect) -> tuple[str, str]:
    """The difference with its interval, and how much that is, or that it may be chance."""
    known = effect.difference
    if effect.is_found is False:
        return NOTHING if known.mean == 0 else f"{NOTHING} ({_written(effect)})", ""
    share = effect.relative
    relative = (
        "" if not math.isfinite(share) else f"{100 * share:+.3g} %" if abs(share) < 9.995 else f"× {1 + share:.3g}"
    )
    return _written(effect), relative


def _written(effect: Effect) -> str:
    return signed_interval(effect.difference, effect.unit)


def signed_interval(known: Interval, unit: str) -> str:
    """Write a difference with its sign and half of its interval; of shares in percentage points."""
    factor = 100.0 if unit == "share" else 1.0
    unit = "pp" if unit == "share" else unit
    if math.isnan(known.half):
        return _signed(format_value(factor * known.mean, unit), known.mean)
    return _signed(format_interval(factor * known.mean, factor * known.half, unit), known.mean)


def _signed(text: str, value: float) -> str:
    return f"+{text}" if value > 0 else text


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON has it: period → figure → both means, the difference, its interval, whether it is found."""
    return {
        "seeds": {"a": comparison.seeds[0], "b": comparison.seeds[1], "paired": comparison.paired},
        "from_s": comparison.begins_s,
        "to_s": comparison.ends_s,
        "differ_in": {key: list(values) for key, values in comparison.differ_in.items()},
        **{
            period: {effect.key: _effect_data(effect) for effect in effects}
            for period, effects in comparison.effects.items()
        },
    }


def _effect_data(effect: Effect) -> dict[str, Any]:
    low, high = effect.difference.ends or (None, None)
    return {
        "name": effect.title, "unit": effect.unit, "a": effect.a, "b": effect.b, "difference": effect.difference.mean,
        "low": low, "high": high, "n": effect.difference.n, "found": effect.is_found,
    }  # fmt: skip
