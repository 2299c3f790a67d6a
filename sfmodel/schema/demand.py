"""Demand over the day: a curve, its level, its breathing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import MOST, Clock, Count, Duration, Factor, LongCount, Share, to_clock_s


class Sine(Word):
    """1 + amplitude · cos(2π (t − peak_at)/period)."""

    amplitude: Share
    """Half of peak minus trough."""
    peak_at: Clock
    """Time of the peak."""
    period: Duration = Field(default=86400.0, ge=1)
    """One day by default."""


class Series(Word):
    """A recorded series; its mean over the normal hours becomes 1."""

    file: str
    """CSV or Parquet, relative to the working directory or to the package's `conf/`."""
    time: str = "timestamp"
    """Column of times: timestamps, or seconds."""
    value: str = "value"
    """Column of values."""
    day: str | None = None
    """Date of day 1 (YYYY-MM-DD); none: the first whole day of the file."""
    zone: str | None = None
    """Time zone of the platform's clock, such as Europe/Berlin, for timestamps that have a zone; none: they have none."""
    normal: tuple[Clock, Clock] = Field(default=("16:00", "19:00"), validate_default=True)
    """Hours whose mean is 1."""
    peak: Factor | None = None
    """Rescale linearly so that the highest value is this; none: as recorded."""


class Breathing(Word):
    """Demand that breathes: a lognormal AR(1) by minute."""

    cv: Factor = 0.0
    """Standard deviation of the logarithm."""
    correlation: Duration = Field(default=120.0, gt=0)
    """Correlation time."""


class Demand(Word):
    """Multiplies the rate of sessions and of sources that follow it."""

    points: dict[Annotated[float, BeforeValidator(to_clock_s)], Factor] | None = None
    """Time of day → demand, joined by lines, repeated every day."""
    sine: Sine | None = None
    """A sine."""
    series: Series | None = None
    """A recorded series."""
    interpolate: Literal["linear", "step"] = "linear"
    """Between points."""
    level: Factor = 1.0
    """Factor on the whole curve."""
    breathing: Breathing = Breathing()
    """Noise from minute to minute."""
    peak_hours: tuple[Clock, Clock] | None = None
    """Shaded in figures; no effect on the model."""
    normal_hours: tuple[Clock, Clock] | None = None
    """Reported as normal load; no effect on the model."""

    @model_validator(mode="after")
    def _one_curve(self) -> Demand:
        given = [name for name in ("points", "sine", "series") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"expected one of points, sine, series, found {' and '.join(given)}")
        if self.points is not None and not self.points:
            raise ValueError("expected at least one point")
        return self


class Content(Word):
    """Items and their popularity."""

    items: LongCount = Field(default=1, ge=1, le=MOST)
    """Number of items."""
    clusters: Count = Field(default=1, ge=1, le=65536)
    """Topics of items and tastes of users."""
    popularity: Factor = 0.9
    """Exponent of Zipf's law."""
