"""Distributions of durations: constant, exponential, lognormal, gamma, hyperexponential, empirical."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sfmodel.errors import nearest
from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Duration, Factor

KINDS = ("constant", "exponential", "lognormal", "gamma", "hyperexponential", "empirical")


class MeanCv(Word):
    """Mean and coefficient of variation (standard deviation / mean)."""

    mean: Duration
    """Mean."""
    cv: Factor
    """Coefficient of variation."""


class Recorded(Word):
    """Recorded durations in a CSV or Parquet file, each as likely."""

    file: str
    """Path, relative to the working directory or to the package's `conf/`."""
    column: str
    """Column that holds the durations."""
    unit: str = "s"
    """Unit of the column."""
    scale: Factor = 1.0
    """Factor on the recorded values."""


class Distribution(Word):
    """One of the kinds, plus a constant."""

    constant: Duration | None = None
    """Always this."""
    exponential: Duration | None = None
    """Exponential with this mean."""
    lognormal: MeanCv | None = None
    """Lognormal."""
    gamma: MeanCv | None = None
    """Gamma."""
    hyperexponential: MeanCv | None = None
    """Two exponential phases with balanced means; cv ≥ 1."""
    empirical: Recorded | None = None
    """Recorded values."""
    plus: Duration = 0.0
    """Added to every draw."""

    @model_validator(mode="after")
    def _one_kind(self) -> Distribution:
        found = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(found) != 1:
            raise ValueError(f"expected exactly one of {', '.join(KINDS)}, found {', '.join(found) or 'none'}")
        if self.hyperexponential is not None and self.hyperexponential.cv < 1:
            raise ValueError(f"expected a cv of at least 1 for hyperexponential, found {self.hyperexponential.cv:g}")
        return self

    @property
    def kind(self) -> str:
        """Name of the kind."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


def _from_short(value: Any) -> Any:
    """A bare duration is a constant."""
    if isinstance(value, Distribution):
        return value
    if isinstance(value, dict):
        for key in value:
            if key not in (*KINDS, "plus"):
                raise ValueError(f"unknown distribution '{key}'; {nearest(key, KINDS)}")
        return value
    if value is None:
        raise ValueError("expected a duration such as '5 ms' or {exponential: 5 ms}, found nothing")
    return {"constant": value}


Time = Annotated[Distribution, BeforeValidator(_from_short, json_schema_input_type=str | float | Distribution)]

Kind = Literal["constant", "exponential", "lognormal", "gamma", "hyperexponential", "empirical"]

__all__ = ["Distribution", "Field", "Kind", "MeanCv", "Recorded", "Time"]
