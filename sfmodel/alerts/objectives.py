"""Objectives: which share of what is asked must be good, and how fast the rest may be used up before somebody is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from sfmodel.diagnosis.course import FAILING, NOISE, SLOW
from sfmodel.errors import nearest
from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Duration, Factor, Share


class Alert(Word):
    """A multi-window burn-rate alert: it fires while both windows burn the budget so fast."""

    burn: Factor = Field(gt=0)
    """Rate at which the budget is used, of that which uses it up exactly."""
    long: Duration = Field(gt=0)
    """Window over which enough must have been used to matter."""
    short: Duration = Field(gt=0)
    """Window that says that it goes on."""

    @property
    def said(self) -> str:
        """How a table names it."""
        return (
            f"{self.burn:g} × in {self.long / 3600:g} h"
            if self.long >= 3600
            else f"{self.burn:g} × in {self.long / 60:g} min"
        )

    @model_validator(mode="after")
    def _shorter(self) -> Alert:
        if self.short >= self.long:
            raise ValueError("expected a short window below the long one")
        return self


class Objective(Word):
    """What is promised of some endpoints."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """In names of rules: letters, digits, _."""
    say: str = ""
    """What is promised, in words."""
    endpoints: tuple[str, ...] = Field(min_length=1)
    """Endpoints whose requests count, together."""
    within: Duration | None = None
    """A good answer comes within this time; none: in any."""
    objective: Share
    """Share that must be good."""
    alerts: tuple[Alert, ...] = ()
    """When somebody is told."""

    @model_validator(mode="after")
    def _distinct(self) -> Objective:
        said = [alert.said for alert in self.alerts]
        twice = next((one for one in said if said.count(one) > 1), None)
        if twice is not None:
            raise ValueError(
                f"there are two alerts '{twice}', which differ in their short window at most; leave one out"
            )
        return self

    @property
    def budget(self) -> float:
        """Share that need not be good."""
        return 1.0 - self.objective

    @property
    def windows_s(self) -> list[float]:
        """Every window over which its alerts look, s."""
        return [length_s for alert in self.alerts for length_s in (alert.short, alert.long)]

    @model_validator(mode="after")
    def _can_fire(self) -> Objective:
        if not 0 < self.objective < 1:
            raise ValueError(f"objective {self.name}: expected a share above 0 and below 1, found {self.objective:g}")
        for alert in self.alerts:
            if alert.burn * self.budget >= 1:
                raise ValueError(
                    f"objective {self.name}: an alert at {alert.burn:g} times the budget of {self.budget:.3g} can never fire: "
                    f"if everything failed it would burn {1 / self.budget:.3g} times as fast as it may; give a lower burn"
                )
        return self


class CascadeAlert(Word):
    """When somebody is told that one service drags down another."""

    objective: str
    """Name of the objective that is at stake."""
    failing: Share = Field(default=FAILING, gt=0)
    """In trouble is what fails for so much more of what ends than usual,"""
    slow: Factor = Field(default=SLOW, gt=1)
    """or takes so many times as long as usual,"""
    deviations: Factor = NOISE
    """and is so many standard deviations of the calm stretch above it,"""
    window: Duration = Field(default=60.0, gt=0)
    """over so long a time;"""
    lasting: Duration = Field(default=60.0, ge=0)
    """it fires when both ends have been so for this time."""


class Objectives(Word):
    """All objectives of a file."""

    objectives: tuple[Objective, ...] = Field(min_length=1)
    """The objectives, in the order of the table."""
    cascades: CascadeAlert | None = None
    """The alert on cascades; none: there is none."""

    @property
    def windows_s(self) -> list[float]:
        """Every window over which an alert looks, s, shortest first."""
        burning = [length_s for one in self.objectives for length_s in one.windows_s]
        return sorted({*burning, *([self.cascades.window] if self.cascades else [])})

    @model_validator(mode="after")
    def _names_once(self) -> Objectives:
        names = [one.name for one in self.objectives]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"there are two objectives '{twice}'; give each a name of its own")
        if self.cascades is not None and self.cascades.objective not in names:
            raise ValueError(
                f"cascades: there is no objective '{self.cascades.objective}'; {nearest(self.cascades.objective, names)}"
            )
        return self


def read_objectives(path: Path) -> Objectives:
    """Read a file of objectives.

    Raises
    ------
    ConfigError
        It is no YAML, or something in it is wrong; the message has a line for each mistake.
    """
    from sfmodel.rows.files import read_words

    return read_words(path, Objectives)


def unknown_endpoint(objectives: Objectives, known: list[str]) -> str | None:
    """What is wrong with the endpoints that objectives name; none: nothing."""
    for one in objectives.objectives:
        for name in one.endpoints:
            if name not in known:
                return f"objective {one.name}: there is no endpoint '{name}'; {nearest(name, known)}"
    return None
