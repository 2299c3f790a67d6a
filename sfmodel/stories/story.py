"""A story as data: the steps of a cascade, each with a measure and what shows that it has begun.

`conf/stories/<platform>.yaml` has the stories of a platform by name.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from sfmodel.rows.bands import Direction
from sfmodel.rows.rows import Measure, to_bound
from sfmodel.schema.base import Unit, Word
from sfmodel.schema.quantities import Duration


class StoryStep(Word):
    """One step of a cascade."""

    label: str
    """What happens, in the words of those who run the platform."""
    at: str
    """The service at which it happens, or users."""
    measure: Measure
    """Expression over the run's dataset that shows it."""
    direction: Direction = "up"
    """Which way it goes: up, down, either."""
    unit: Unit = "1"
    """s, share, 1 or another."""
    reaches: float | str | None = None
    """It has begun when the measure reaches this value; none: when it leaves the band of the paired run."""

    lasting: Duration = Field(default=30.0, gt=0)
    """It must last so long to count; less than a window is a window."""

    slack: Duration = 0.0
    """It may be seen so long before the step that it follows from, as what is counted when it ends is seen late."""

    @property
    def threshold(self) -> float | None:
        """The value to reach, in the unit of the measure."""
        return None if self.reaches is None else to_bound(self.reaches, self.unit)

    @model_validator(mode="after")
    def _threshold_has_its_unit(self) -> StoryStep:
        _ = self.threshold
        return self

    @model_validator(mode="after")
    def _has_a_value_in_each_window(self) -> StoryStep:
        if self.measure.is_beside or self.measure.is_of_requests:
            raise ValueError(
                f"'{self.measure.text}': expected a measure of the run itself, window by window; the paired run is looked "
                "at for each step, and traced requests, recoveries and other stories are not"
            )
        return self


class Story(Word):
    """A cascade, step by step."""

    title: str
    """What it is about."""
    scenario: str | None = None
    """Scenario whose story it is: the name of its file."""
    within: Duration = 3600.0
    """How long after its beginning the trigger is followed."""
    steps: tuple[StoryStep, ...] = Field(min_length=1)
    """In the order in which they are said to follow from each other."""


class Stories(Word):
    """All stories of a platform."""

    define: dict[str, Measure] = Field(default_factory=dict)
    """Expressions that the steps may name."""
    stories: dict[str, Story]
    """Story by name."""

    def of_scenario(self, scenario: str) -> str | None:
        """Return the name of a scenario's story, None where it has none."""
        return next((name for name, story in self.stories.items() if story.scenario == scenario), None)


def read_stories(path: Path) -> Stories:
    """Read a file of stories.

    Raises
    ------
    ConfigError
        It is no YAML, or something in it is wrong; the message has a line for each mistake.
    """
    from sfmodel.rows.files import read_words

    return read_words(path, Stories)
