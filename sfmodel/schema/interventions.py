"""Interventions: changes of the platform that an operator could make, each with parameters of its own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.steps import Steps

ORIGINAL = "original"
"""In a `replace`, the word that stands for the step that was there."""

PLACES = ("before", "after", "replace")


def without_original(steps: Any) -> Any:
    """The steps with a plain `return` wherever the original is to stand: what can be checked before it is there."""
    if steps == ORIGINAL:
        return "return"
    if isinstance(steps, list):
        return [without_original(step) for step in steps]
    if isinstance(steps, dict):
        return {key: without_original(value) if key != "label" else value for key, value in steps.items()}
    return steps


Effort = Literal["hours", "days", "weeks", "months"]
Undo = Literal["minutes", "hours", "days", "never"]


class Change(Word):
    """One change: keys that are set, or steps that are put before, behind or in place of a step."""

    set: dict[str, Any] | None = None
    """Key → value, e.g. services.engine.stations.cpu.servers: 12; a last part that is new adds a thing of that name."""
    before: str | None = None
    """Key of a step, by its label; `do` is put before it."""
    after: str | None = None
    """Key of a step; `do` is put behind it."""
    replace: str | None = None
    """Key of a step; `do` takes its place, and in it the word `original` stands for the step that was there."""
    do: Annotated[Steps, BeforeValidator(without_original)] | None = None
    """Steps, for before, after and replace."""

    @model_validator(mode="after")
    def _one_kind(self) -> Change:
        found = [kind for kind in ("set", *PLACES) if getattr(self, kind) is not None]
        if len(found) != 1:
            raise ValueError(f"expected one of set, before, after, replace, found {' and '.join(found) or 'none'}")
        if (self.do is None) != (self.set is not None):
            raise ValueError("expected do with before, after and replace, and without it where something is set")
        return self


class Intervention(Word):
    """A list of changes, made in order when the intervention is switched on; every other key is a parameter of it."""

    model_config = ConfigDict(extra="allow")

    title: str = ""
    """What is changed, in words."""
    effort: Effort | None = None
    """How long a team that knows its platform needs, tests and roll-out included: an assumption, of no source."""
    undo: Undo | None = None
    """How long it takes to be rid of it: minutes where it is a setting, hours where data or processes move."""
    changes: list[Change]
    """In order; they refer to a parameter as ${intervention.NAME.parameter}."""
