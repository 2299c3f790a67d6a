"""What a map of metastability is made of: levels of demand, a trigger in sizes and durations, and what recovery is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from sfmodel.errors import ConfigError
from sfmodel.rows.files import named_files, read_words
from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Count, Duration, Factor, Share


class Load(Word):
    """What is asked of the platform, at all times alike."""

    key: str = "demand.level"
    """What is set to a level, as on the command line."""
    levels: tuple[Factor, ...] = Field(min_length=1)
    """Levels, the lowest first."""


class TriggerGrid(Word):
    """What goes wrong for a while; its size is a share."""

    title: str = ""
    """In words."""
    lose: tuple[str, ...] = ()
    """Keys of which this share is gone, as keys of a scenario's events."""
    grow: tuple[str, ...] = ()
    """Keys that are larger by this share."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Keys that have another value, at every size."""
    sizes: tuple[Factor, ...] = Field(min_length=1)
    """Shares, the smallest first."""
    durations: tuple[Duration, ...] = Field(min_length=1)
    """How long it lasts, the shortest first."""

    def event(self, size: float, duration_s: float, at_s: float) -> dict[str, Any]:
        """The trigger as an event of a scenario."""
        factors = {**dict.fromkeys(self.lose, round(1 - size, 9)), **dict.fromkeys(self.grow, round(1 + size, 9))}
        return {"at": f"{at_s} s", "for": f"{duration_s} s", "set": dict(self.set), "scale": factors}

    @model_validator(mode="after")
    def _does_something(self) -> TriggerGrid:
        if not (self.lose or self.grow or self.set):
            raise ValueError("expected lose, grow or set, with the keys that change; this trigger changes nothing")
        if self.lose and max(self.sizes) > 1:
            raise ValueError(f"sizes: expected at most 100 % of what is lost, found {max(self.sizes):g}")
        if min(self.durations) <= 0:
            raise ValueError("durations: expected times above 0")
        return self


class Recovery(Word):
    """When a run is back: as few fail, and as slow are answers, as in its pair without the trigger, until its end."""

    endpoints: tuple[str, ...] = ()
    """What is looked at; none: everything that enters the platform."""
    window: Duration = Field(default=30.0, gt=0)
    """Width of the windows that are compared; a multiple of that of the run's."""
    windows: Count = Field(default=4, ge=1)
    """Means over so many in a row are compared."""
    failing: Share = 0.01
    """So much more than in the worst mean of the pair may fail."""
    slow: Factor = Field(default=1.5, ge=1)
    """So many times the highest mean of the pair's p95 is as slow as usual."""
    up: Share = 0.95
    """A platform that answers less than this without any trigger is down by itself."""


class Ramp(Word):
    """Load that goes up slowly and down again, without a trigger."""

    levels: tuple[Factor, ...] = Field(min_length=2)
    """On the way up, the lowest first; down it goes through the same."""
    every: Duration = Field(gt=0)
    """How long each lasts; its second half is looked at."""


class MapDesign(Word):
    """A file of conf/metastability."""

    overrides: tuple[str, ...] = ()
    """What all runs have, as behind `sfmodel run`; demand must be the same at all times."""
    load: Load
    """Levels of demand."""
    trigger: TriggerGrid
    """What goes wrong."""
    before: Duration = Field(default=300.0, gt=0)
    """From the start of a run to the trigger."""
    horizon: Duration = Field(default=1200.0, gt=0)
    """From the end of the trigger to the end of the run: who is not back by then has not recovered."""
    recovery: Recovery = Recovery()
    """What recovery is."""
    ramp: Ramp | None = None
    """For hysteresis; none: not looked for."""

    @model_validator(mode="after")
    def _in_order(self) -> MapDesign:
        ramp = self.ramp.levels if self.ramp else ()
        every = {
            "load.levels": self.load.levels, "trigger.sizes": self.trigger.sizes,
            "trigger.durations": self.trigger.durations, "ramp.levels": ramp,
        }  # fmt: skip
        for name, values in every.items():
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name}: expected values that rise, found {', '.join(f'{one:g}' for one in values)}")
        needed = self.recovery.window * (self.recovery.windows + 1)
        if self.horizon < needed:
            raise ValueError(
                f"horizon: expected at least {needed:g} s, for {self.recovery.windows} windows of "
                f"{self.recovery.window:g} s in a row, found {self.horizon:g} s"
            )
        return self


def design_of(platform: str) -> MapDesign:
    """What `conf/metastability/PLATFORM.yaml` says, the user's own before the package's.

    Raises
    ------
    ConfigError
        There is none, or something in it is wrong.
    """
    path = named_files("metastability").get(platform)
    if path is None:
        raise ConfigError(
            f"there is no trigger for platform '{platform}': write conf/metastability/{platform}.yaml, with load, "
            "trigger and what recovery is; docs/metastability.md has an example"
        )
    return read_words(path, MapDesign)


def in_event(key: str) -> str:
    """A key of the command line as an event of a scenario has it."""
    return re.sub(r"^platform\.", "", key)


def with_events(mapping: Mapping[str, Any], title: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    """A configuration with further events behind those of its scenario."""
    scenario = dict(mapping.get("scenario") or {})
    return {**mapping, "scenario": {"title": title, "events": [*(scenario.get("events") or []), *events]}}
