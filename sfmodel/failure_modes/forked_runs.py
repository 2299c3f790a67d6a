"""Runs of a search, made in processes of their own until its deadline; each is kept, and what is finished is not made again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.diagnosis.variants import mark_of
from sfmodel.errors import ConfigError
from sfmodel.failure_modes.trials import Made
from sfmodel.replications.until import made_until
from sfmodel.results.folder import is_finished, open_run

if TYPE_CHECKING:
    import xarray as xr


class ForkedRuns:
    """Makes runs that go on from a world in common.

    Parameters
    ----------
    folder
        Where they are kept.
    processes
        Runs at a time; none: as many as there are cores and memory for.
    deadline
        By the monotonic clock, s.
    say
        Told what the user should know.
    """

    def __init__(self, folder: Path, processes: int | None, deadline: float, say: Callable[[str], object]) -> None:
        """Make nothing yet."""
        self._folder, self._processes, self._deadline, self._say = folder, processes, deadline, say

    def time_is_up(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._deadline

    def __call__(self, mappings: Mapping[str, Mapping[str, Any]]) -> Made:
        """Make what is not there yet, as long as there is time."""
        made: dict[str, xr.Dataset | str] = {}
        wanted: dict[str, dict[str, Any]] = {}
        for name, mapping in mappings.items():
            try:
                wanted[name] = {**mapping, "name": f"{name}-{mark_of(mapping)}"}
            except ConfigError as error:
                made[name] = str(error)
        missing = {name: one for name, one in wanted.items() if not is_finished(self._folder / one["name"])}
        if missing and not self.time_is_up():
            made |= self._made(missing)
        for name, mapping in wanted.items():
            if is_finished(folder := self._folder / mapping["name"]):
                made[name] = open_run(folder)
        return made

    def _made(self, missing: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Make runs; the reasons of those that failed."""
        names = list(missing)
        mappings = {k: missing[name] for k, name in enumerate(names)}
        made = made_until(mappings, self._folder, self._processes, self._deadline, self._say)
        return {names[k]: reason for k, reason in made if reason is not None}
