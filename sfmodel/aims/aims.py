"""What a change is judged by: measures of a whole period, of which less or more is better, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from sfmodel.errors import ConfigError, NotInRunError
from sfmodel.rows.files import named_files, read_words
from sfmodel.rows.rows import Measure
from sfmodel.rows.windows import Windows
from sfmodel.schema.base import Unit, Word

if TYPE_CHECKING:
    import xarray as xr

_ONE_WINDOW_S = 1e12
"""Wider than any run: all of a period is one window."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Aim(Word):
    """One measure of how good a run is."""

    id: str
    """Name, as in summary.json."""
    title: str
    """What is measured, in a few words."""
    measure: Annotated[tuple[Measure, ...], BeforeValidator(_as_list)] = Field(min_length=1)
    """Expression over a run's dataset; of several, those that a run has are added."""
    unit: Unit = "1"
    """s, share, 1, or any other."""
    better: Literal["less", "more"] = "less"
    """Which way is better."""
    cost: bool = False
    """Whether it is what a change costs, and not what it is for."""


class Aims(Word):
    """All aims of a platform."""

    define: dict[str, Measure] = Field(default_factory=dict)
    """Expressions that others may name."""
    aims: tuple[Aim, ...] = ()
    """In the order of tables; the first is what changes are ranked by."""


def aims_of(platform: str) -> Aims:
    """Return the aims of a platform, by its name; none where it has no file of them.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    path = named_files("aims").get(platform)
    return read_words(path, Aims) if path is not None else Aims()


def measured(ds: xr.Dataset, windows: NDArray[np.bool_]) -> Mapping[str, tuple[Aim, float]]:
    """Measure the aims of a run's platform over a period.

    Parameters
    ----------
    ds
        Dataset of a run.
    windows
        Which windows belong to the period, shape [time].

    Returns
    -------
    id → aim and value, in the unit of the aim; what the run does not have is left out.
    """
    aims = aims_of(str(ds.attrs.get("platform")))
    if not aims.aims or not windows.any():
        return {}
    whole = Windows(ds.isel(time=np.flatnonzero(windows)), _ONE_WINDOW_S, aims.define)
    values = {aim.id: (aim, _value(aim, whole)) for aim in aims.aims}
    return {name: (aim, value) for name, (aim, value) in values.items() if not math.isnan(value)}


def _value(aim: Aim, whole: Windows) -> float:
    found: list[float] = []
    for measure in aim.measure:
        try:
            result: Any = measure(whole)
        except NotInRunError:
            continue
        except ConfigError as error:
            raise ConfigError(f"aim {aim.id}: '{measure.text}': {error}") from None
        found.append(_single(np.atleast_1d(np.asarray(getattr(result, "values", result), float))))
    return math.fsum(found) if found else math.nan


def _single(values: Sequence[float] | NDArray[np.float64]) -> float:
    [value] = values
    return float(value)
