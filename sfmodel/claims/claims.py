"""Claims: what an operator says of a platform, as data, to be checked on runs.

A claim is a row with `say` in place of an id and a title, and with `where`, which says of which runs it is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sfmodel.errors import ConfigError, RowError, nearest
from sfmodel.rows.rows import Hours, Measure, Row, Rows, check_periods
from sfmodel.schema import parse_run
from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Duration
from sfmodel.sweeps.points import NONE


class Claim(Row):
    """One claim."""

    say: str
    """What is claimed, in words."""
    where: dict[str, Any] = Field(default_factory=dict)
    """Of which runs: scenario and intervention by their names (none: without), any other key by its value; none: of all."""
    id: str = ""
    """Its number in the file."""
    title: str = ""
    """As `say`."""

    @property
    def called(self) -> str:
        """What a message calls it."""
        return f"claim '{self.say}'"


class Claims(Word):
    """All claims of a file."""

    window: Duration = Field(default=300.0, gt=0)
    """Width of the windows that are measured."""
    periods: dict[str, Hours] = Field(default_factory=dict)
    """From when to when, each day, by name. `whole` is the whole run."""
    define: dict[str, Measure] = Field(default_factory=dict)
    """Expressions that others may name."""
    claims: tuple[Claim, ...] = Field(min_length=1)
    """The claims, in the order of the table."""

    @model_validator(mode="after")
    def _periods_exist(self) -> Claims:
        check_periods(self.periods, [(row.called, period) for row in self.rows.rows for period in row.periods])
        return self

    @cached_property
    def rows(self) -> Rows:
        """The same as rows, by number."""
        rows = tuple(
            claim.model_copy(update={"id": str(number), "title": claim.say})
            for number, claim in enumerate(self.claims, 1)
        )
        return Rows.model_construct(window=self.window, periods=self.periods, define=self.define, rows=rows)


def read_claims(path: Path) -> Claims:
    """Read a file of claims.

    Raises
    ------
    ConfigError
        It is no YAML, or something in it is wrong; the message has a line for each mistake.
    """
    from sfmodel.rows.files import read_words

    return read_words(path, Claims)


def is_about(claim: Claim, scenario: str | None, config: Mapping[str, Any]) -> bool:
    """Whether a claim is made of a run.

    Parameters
    ----------
    claim
        The claim.
    scenario
        Name of the run's scenario; none: it has none.
    config
        The run's configuration.

    Raises
    ------
    RowError
        `where` names a key that the run does not have.
    """
    try:
        return all(_is(key, wanted, scenario, config) for key, wanted in claim.where.items())
    except ConfigError as error:
        raise RowError(f"{claim.called}: {error}") from None


def _is(key: str, wanted: Any, scenario: str | None, config: Mapping[str, Any]) -> bool:
    if key == "scenario":
        return (scenario or NONE) == _label(wanted)
    if key == "intervention":
        return set(config.get("intervention") or {}) == set(_names(wanted))
    here: Any = config
    for part in key.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return _label(_default(key, config)) == _label(wanted)
        here = here[part]
    return _label(here) == _label(wanted)


def _default(key: str, config: Mapping[str, Any]) -> Any:
    """What a run has under a key that it does not write."""
    here: Any = parse_run({**config, "intervention": {}})
    for part in key.split("."):
        fields = list(here if isinstance(here, Mapping) else type(here).model_fields if isinstance(here, Word) else ())
        if part not in fields:
            raise ConfigError(
                f"where: the run has no key '{key}'; {nearest(part, ['scenario', 'intervention', *fields])}"
            )
        here = here[part] if isinstance(here, Mapping) else getattr(here, part)
    return here


def _names(wanted: Any) -> list[str]:
    names = [wanted] if isinstance(wanted, str) else list(wanted or [])
    return [name for name in names if name != NONE]


def _label(value: Any) -> str:
    """A value so that 1, 1.0 and '1' are the same."""
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return NONE if value is None else str(value)
