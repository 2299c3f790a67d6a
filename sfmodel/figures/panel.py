"""The panels of an evening as data: which there are, what they show, which figures of the case study belong to them.

`conf/figures/<platform>.yaml` lists them in order; without it a platform gets those for which it has something to show.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from sfmodel.errors import nearest
from sfmodel.rows.rows import Measure
from sfmodel.schema.base import Word


class Line(Word):
    """One line of a panel of measures."""

    measure: Measure | None = None
    """Expression over the run's dataset; none: that of its first row."""
    rows: tuple[str, ...] = ()
    """Rows of the platform, by id, whose ranges are drawn beside the line."""

    @model_validator(mode="after")
    def _has_a_measure(self) -> Line:
        if self.measure is None and not self.rows:
            raise ValueError("expected a measure, or rows that have one")
        return self


class Panel(Word):
    """One panel of a figure."""

    panel: str
    """Kind of panel, such as demand, hit_rate, or measures for lines of one's own."""
    title: str = ""
    """Above the panel; empty: the panel's own."""
    show: dict[str, str] = Field(default_factory=dict)
    """Labels to show, and how each is called; none: those that stand out. A list of labels will do."""
    lines: dict[str, Line] = Field(default_factory=dict)
    """Lines of a panel of measures, by name."""
    unit: str = ""
    """Unit of a panel of measures: s, ms, % (of what may follow), or any other that the measures have."""
    levels: dict[str, float] = Field(default_factory=dict)
    """Horizontal lines, by name: limits."""
    log: bool | None = None
    """Whether the axis is logarithmic; none: as the panel sees fit."""
    lowest: float | None = None
    """Bottom of the axis."""

    @field_validator("panel")
    @classmethod
    def _is_known(cls, name: str) -> str:
        from sfmodel.figures.panels import PANELS

        if name not in PANELS:
            raise ValueError(f"unknown panel '{name}'; {nearest(name, PANELS)}")
        return name

    @field_validator("show", mode="before", json_schema_input_type=dict[str, str] | list[str])
    @classmethod
    def _from_a_list(cls, written: Any) -> Any:
        return dict.fromkeys(written, "") if isinstance(written, list) else written


class Panels(Word):
    """The panels of a platform."""

    panels: tuple[Panel, ...]
    """Left to right, top to bottom."""


def read_panels(path: Path) -> tuple[Panel, ...]:
    """Read a list of panels from a YAML file.

    Raises
    ------
    ConfigError
        It is no YAML, or something in it is wrong; the message has a line for each mistake.
    """
    from sfmodel.rows.files import read_words

    return read_words(path, Panels).panels
