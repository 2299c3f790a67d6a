"""When each step of a story began in a run, and the numbers that show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.errors import ConfigError, NotInRunError, nearest
from sfmodel.rows.bands import Pair, make_pair, onset_s
from sfmodel.rows.files import file_of
from sfmodel.stories.story import Stories, Story, StoryStep, read_stories

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Told:
    """One step of a story, as a run shows it; times in s since midnight, values in the unit of the step."""

    step: StoryStep
    began_s: float | None
    """Start of the window in which it began; none: it did not."""
    before: float | None
    """Median over the ten minutes before the trigger."""
    then: float | None
    """In the window in which it began."""
    usual: float | None
    """In the same window of the paired run."""
    worst: float | None
    """Furthest from what it was before, while the trigger is followed."""
    worst_s: float | None
    """When that was."""


_BEFORE_S = 600.0


class Telling:
    """The stories of a platform, told of a run beside its pair.

    Parameters
    ----------
    stories
        What `read_stories` returns.
    ds, base
        Datasets of the run and of its pair.

    Raises
    ------
    ConfigError
        They are no pair, or the run has no trigger that its pair does not have.
    """

    def __init__(self, stories: Stories, ds: xr.Dataset, base: xr.Dataset) -> None:
        """Find the trigger."""
        found = make_pair(ds, base, stories.define)
        if found is None:
            raise ConfigError("--against: this run has no trigger that its pair does not have, so there is no story")
        if not found.is_triggered:
            raise ConfigError(
                f"there is no story yet: the run, or its pair, ends at {clock(found.end_s)}, and the trigger is at "
                f"{clock(found.begins_s)}; choose a later until"
            )
        self.stories, self.pair = stories, found

    def story(self, name: str) -> Story:
        """Return a story by its name."""
        if name not in self.stories.stories:
            raise ConfigError(f"there is no story '{name}'; {nearest(name, self.stories.stories)}")
        story = self.stories.stories[name]
        places = self._places()
        for step in story.steps:
            if step.at not in places:
                raise NotInRunError(
                    f"story {name}: '{step.label}' is at '{step.at}', which is no service; {nearest(step.at, places)}"
                )
        return story

    def _places(self) -> list[str]:
        """Services of the run, and its users."""
        return ["users", *dict.fromkeys(str(name).partition(".")[0] for name in self.pair.run.ds["endpoint"].values)]

    def in_order(self, name: str) -> float:
        """Share of the story's steps that began, each not before the one that it follows."""
        return found_in_order(tell(self.story(name), self.pair))


def teller(ds: xr.Dataset, base: xr.Dataset | None) -> Callable[[str], float] | None:
    """Return what `measure_rows` asks for stories; none where there is no story, no pair or no trigger yet.

    Parameters
    ----------
    ds, base
        Datasets of the run and of its pair.

    Raises
    ------
    ConfigError
        They are no pair.
    """
    path = file_of("stories", ds)
    pair = None if base is None else make_pair(ds, base, {})
    if base is None or path is None or pair is None or not pair.is_triggered:
        return None
    return Telling(read_stories(path), ds, base).in_order


def tell(story: Story, pair: Pair) -> list[Told]:
    """Find when each step of a story began, in the order of the story."""
    return [_told(step, pair, pair.begins_s + story.within) for step in story.steps]


def found_in_order(told: Sequence[Told]) -> float:
    """Share of the steps in the longest series of which none began before another that it follows, but for its slack."""
    latest_s = {0: -math.inf}  # length of a series → when the last of it began, at the earliest
    for one in told:
        if one.began_s is None:
            continue
        for length, before_s in sorted(latest_s.items(), reverse=True):
            if one.began_s + one.step.slack >= before_s:
                end_s = max(before_s, one.began_s)
                latest_s[length + 1] = min(end_s, latest_s.get(length + 1, math.inf))
    return max(latest_s) / len(told)


def _told(step: StoryStep, pair: Pair, end_s: float) -> Told:
    values, base = _series(step, pair, True), _series(step, pair, False)
    time_s = pair.time_s
    began_s = onset_s(pair, values, base, step.direction, step.threshold, step.lasting)
    k = None if math.isnan(began_s) or began_s >= end_s else int(np.searchsorted(time_s, began_s))
    earlier = values[(time_s < pair.begins_s) & (time_s >= pair.begins_s - _BEFORE_S) & ~np.isnan(values)]
    before = _number(np.median(earlier)) if earlier.size else None
    since = np.where((time_s + pair.run.width_s > pair.begins_s) & (time_s < end_s), values, np.nan)
    worst = _furthest(since, step, before)
    return Told(
        step,
        None if k is None else began_s,
        before,
        None if k is None else _number(values[k]),
        None if k is None else _number(base[k]),
        None if worst is None else _number(values[worst]),
        None if worst is None else float(time_s[worst]),
    )


def _series(step: StoryStep, pair: Pair, of_run: bool) -> NDArray[np.float64]:
    found = step.measure(pair.run if of_run else pair.base)
    values = np.asarray(getattr(found, "values", found), float)
    return np.broadcast_to(values, pair.time_s.shape)


def _furthest(values: NDArray[np.float64], step: StoryStep, before: float | None) -> int | None:
    if np.isnan(values).all():
        return None
    if step.direction == "either":
        return int(np.nanargmax(np.abs(values - (before or 0.0))))
    return int(np.nanargmin(values) if step.direction == "down" else np.nanargmax(values))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
