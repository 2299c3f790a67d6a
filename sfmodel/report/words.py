"""Sentences that say what numbers show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.results.summary import format_value

_MOST = 4
"""Lines of which something is said."""
_STEADY = 0.02
"""A line that departs less from its median stays where it is."""


def course_of(starts_s: NDArray[np.float64], lines: Mapping[str, NDArray[np.float64]], unit: str) -> str:
    """Where each line is farthest from its median, and what that is; the line that departs most first.

    Parameters
    ----------
    starts_s
        Beginning of each window, s since midnight, shape [time].
    lines
        Values by name, shape [time] each.
    unit
        Theirs.
    """
    known = {name: values for name, values in lines.items() if np.isfinite(values).any()}
    if not known:
        return "Nothing of it was measured in this run."
    parts = sorted((_course(name, starts_s, values, unit) for name, values in known.items()), reverse=True)
    said = [text for _, text in parts[:_MOST]]
    if len(parts) > _MOST:
        said.append(f"{counted(len(parts) - _MOST, 'more line')} depart less")
    return "; ".join(said) + "."


def _course(name: str, starts_s: NDArray[np.float64], values: NDArray[np.float64], unit: str) -> tuple[float, str]:
    median = float(np.nanmedian(values))
    top, bottom = int(np.nanargmax(values)), int(np.nanargmin(values))
    is_up = values[top] - median >= median - values[bottom]
    where = top if is_up else bottom
    apart = abs(float(values[where]) - median)
    size = apart / max(abs(median), 1e-12)
    if len(values) == 1:
        return 0.0, f"{name}: {written(float(values[0]), unit)}, in the only window"
    if size < _STEADY:
        return 0.0, f"{name} stays at about {written(median, unit)}"
    what = "highest" if is_up else "lowest"
    return size, f"{name} is {what} at {clock(float(starts_s[where]), seconds=True)}, {written(float(values[where]), unit)}, " + (
        f"against a median of {written(median, unit)}"
    )  # fmt: skip


def written(value: float, unit: str) -> str:
    """A value in the unit of a chart."""
    if unit.startswith("%"):
        return f"{value:.3g} %"
    return format_value(value, unit if unit not in ("", "1") else "1")


def counted(count: int, thing: str) -> str:
    """So many of a thing."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def joined(parts: Sequence[str]) -> str:
    """Parts of a sentence: a, b and c."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""
