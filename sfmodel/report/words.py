"""Sentences that say what numbers show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.results.summary import format_value

_MOST = 3
"""Lines of which something is said."""


def course_of(starts_s: NDArray[np.float64], lines: Mapping[str, NDArray[np.float64]], unit: str) -> str:
    """Between what and what each line is, and when; those that move most, if there are many.

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
    moved = sorted(known, key=lambda name: -float(np.nanmax(known[name]) - np.nanmin(known[name])))[:_MOST]
    said = [_course(name, starts_s, known[name], unit) for name in known if name in moved]
    less = len(known) - len(said)
    more = f"; {counted(less, 'other line')} {'moves' if less == 1 else 'move'} less" if less else ""
    return f"{'; '.join(said)}{more}."


def _course(name: str, starts_s: NDArray[np.float64], values: NDArray[np.float64], unit: str) -> str:
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    if values[low] == values[high]:
        return f"{name} is {written(float(values[low]), unit)} throughout"
    return f"{name} is between {_at(starts_s[low], values[low], unit)} and {_at(starts_s[high], values[high], unit)}"


def _at(time_s: float, value: float, unit: str) -> str:
    return f"{written(float(value), unit)} ({clock(float(time_s), seconds=bool(time_s % 60))})"


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
