"""A path as data: which requests take it, and how its steps are told.

`conf/paths/<platform>.yaml` has the paths of a platform by name. A request takes a path if it went to the path's
endpoint, ended as the path says, made every call that a step names, which took as long as it says, and none that the path
excludes.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sfmodel.errors import nearest
from sfmodel.results.variables import OUTCOMES
from sfmodel.rows.rows import Measure
from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Clock, Duration

BLANKS = ("time", "waited", "queued", "served", "after", "total")
"""What a sentence may have in braces, beside the names of what it shows."""

Outcome = Literal[OUTCOMES]  # type: ignore[valid-type]


class Shown(Word):
    """A number of the run, in the window in which the request ended."""

    measure: Measure
    """Expression over the run's dataset."""
    unit: str = "1"
    """s, share, 1 or another."""


class Step(Word):
    """One line of a path: a call, the own work of a call, the user's next request, or a mere sentence."""

    say: str
    """What is printed. In braces: time of the call, waited by its caller, queued and served within it; total of the
    request; after which the next one followed; and the names of what is shown."""
    call: str | None = None
    """Call site, caller>target; * stands for any text. The first call there is meant."""
    own: str | None = None
    """Call site whose own work is meant, which is no call of its own."""
    next: str | None = None
    """Endpoint of the same user's next request; told where that was traced, too."""
    within: Duration = 10.0
    """How soon after the answer the next request must follow."""
    shows: dict[str, Shown] = Field(default_factory=dict)
    """Numbers of the run, by name."""
    outcome: Outcome | None = None
    """How the call ended."""
    attempt: int | None = None
    """Which attempt of the call: 0 the first."""
    abandoned: bool | None = None
    """Whether the caller had given up on it before it ended."""
    lasts: Duration | None = None
    """How long the call took at least, with call or own; a request without such a call does not take the path."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Step:
        if sum(thing is not None for thing in (self.call, self.own, self.next)) > 1:
            raise ValueError("expected one of call, own and next; say the others in steps of their own")
        if self.call is None and (self.outcome, self.attempt, self.abandoned) != (None, None, None):
            raise ValueError("outcome, attempt and abandoned are of a call; name it with call")
        if self.lasts is not None and self.call is None and self.own is None:
            raise ValueError("lasts is of a call; name it with call or own")
        valid = [*BLANKS, *self.shows] if self.call or self.own or self.next else ["total", *self.shows]
        for name in self._blanks():
            if name not in valid:
                raise ValueError(f"unknown name in braces '{name}'; {nearest(name, valid)}")
        return self

    def _blanks(self) -> list[str]:
        try:
            return [name for _, name, _, _ in string.Formatter().parse(self.say) if name is not None]
        except ValueError as error:
            raise ValueError(f"expected a sentence with names in braces, such as 'Read ({{time}})': {error}") from None


class RequestPath(Word):
    """One way through the platform."""

    title: str
    """Above the steps."""
    request: str
    """Endpoint that users call."""
    outcome: Outcome | None = None
    """How the request ends; none: anyhow."""
    hours: tuple[Clock, Clock] | None = None
    """Only requests that start between these times of day."""
    scenario: str | None = None
    """Scenario in which requests take it, for who looks for it elsewhere."""
    without: tuple[str, ...] = ()
    """Calls that such a request does not make."""
    steps: tuple[Step, ...] = Field(min_length=1)
    """How it is told."""

    @property
    def long_calls(self) -> tuple[Step, ...]:
        """Steps about the own work of a call that must have taken long enough."""
        return tuple(step for step in self.steps if step.own is not None and step.lasts is not None)

    @property
    def calls(self) -> tuple[Step, ...]:
        """Steps that are calls, in order."""
        return tuple(step for step in self.steps if step.call is not None)


class Paths(Word):
    """All paths of a platform."""

    paths: dict[str, RequestPath]
    """Path by name."""


def read_paths(path: Path) -> dict[str, RequestPath]:
    """Read a file of paths.

    Raises
    ------
    ConfigError
        It is no YAML, or something in it is wrong; the message has a line for each mistake.
    """
    from sfmodel.rows.files import read_words

    return read_words(path, Paths).paths
